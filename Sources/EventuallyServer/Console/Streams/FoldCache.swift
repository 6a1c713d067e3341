import Eventually

/// States of the streams that were asked for last, at some of their versions, so that the next version is not folded from the first event.
struct FoldCache: Sendable {
  /// A state, and the event that it is after.
  struct Fold: Sendable {
    var position: EventPosition
    var time: Timestamp
    var changes: StateChanges
    /// Of all payloads up to here: a state has hardly more.
    var bytes = 0

    var version: Version { position.version }
    fileprivate var size: Int { bytes + 256 }
  }

  /// A state is kept every so many versions.
  static let interval: Version = 512
  private let streamLimit: Int
  private let byteLimit: Int
  /// The one that was asked for last comes last; each one's folds are in the order of their versions.
  private var streams: [(id: ByteKey, used: ContinuousClock.Instant, folds: [Fold])] = []
  /// About what all of it takes.
  private(set) var bytes = 0

  init(streams: Int = 8, bytes: Int = 64 << 20) {
    streamLimit = streams
    byteLimit = bytes
  }

  /// The latest state that is kept of a stream, and that fits.
  mutating func latest(
    of id: String, now: ContinuousClock.Instant = .now, where fits: (Fold) -> Bool
  ) -> Fold? {
    guard let index = streams.firstIndex(where: { $0.id == ByteKey(id) }) else { return nil }
    var stream = streams.remove(at: index)
    stream.used = now
    streams.append(stream)
    return stream.folds.last(where: fits)
  }

  /// Keeps a state.
  mutating func keep(_ fold: Fold, of id: String, now: ContinuousClock.Instant = .now) {
    let key = ByteKey(id)
    if let index = streams.firstIndex(where: { $0.id == key }) {
      streams.append(streams.remove(at: index))
    } else {
      streams.append((key, now, []))
    }
    let last = streams.count - 1
    streams[last].used = now
    let place = streams[last].folds.firstIndex { $0.version >= fold.version }
    if let place, streams[last].folds[place].version == fold.version { return }
    streams[last].folds.insert(fold, at: place ?? streams[last].folds.count)
    bytes += fold.size
    while streams.count > 1, streams.count > streamLimit || bytes > byteLimit { drop(at: 0) }
    while bytes > byteLimit, !streams.isEmpty { thin() }
  }

  /// Of the one stream that is left, keeps every second state.
  private mutating func thin() {
    let folds = streams[0].folds
    guard folds.count > 1 else { return drop(at: 0) }
    streams[0].folds = folds.indices.filter { ($0 - folds.count) % 2 != 0 }.map { folds[$0] }
    bytes = streams[0].folds.reduce(0) { $0 + $1.size }
  }

  /// Forgets streams that nobody has asked for since then.
  mutating func expire(before time: ContinuousClock.Instant) {
    while let first = streams.first, first.used < time { drop(at: 0) }
  }

  /// Forgets a stream: another one has its name now.
  mutating func forget(_ id: String) {
    if let index = streams.firstIndex(where: { $0.id == ByteKey(id) }) { drop(at: index) }
  }

  private mutating func drop(at index: Int) {
    bytes -= streams.remove(at: index).folds.reduce(0) { $0 + $1.size }
  }
}
