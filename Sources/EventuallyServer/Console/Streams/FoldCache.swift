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

  /// What is kept of a stream: a state every `spacing` versions, and the one that somebody asked for last.
  private struct Stream {
    let id: ByteKey
    var used: ContinuousClock.Instant
    var spacing = FoldCache.interval
    /// In the order of their versions.
    var folds: [Fold] = []
    var recent: Fold?

    var bytes: Int { folds.reduce(recent?.size ?? 0) { $0 + $1.size } }

    /// Keeps half of the states, in equal distances: none is far from the version that is asked for next.
    mutating func thin() {
      spacing *= 2
      folds.removeAll { $0.version % spacing != 0 }
    }
  }

  /// A state is kept every so many versions, where all of them fit.
  static let interval: Version = 512
  private let streamLimit: Int
  private let byteLimit: Int
  /// The one that was asked for last comes last.
  private var streams: [Stream] = []
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
    guard let index = index(of: id) else { return nil }
    let stream = touch(index, now)
    let fold = streams[stream].folds.last(where: fits)
    guard let recent = streams[stream].recent, fits(recent) else { return fold }
    return recent.version > (fold?.version ?? 0) ? recent : fold
  }

  /// Whether a state is one of those that are kept of a stream. Each costs a copy of the state.
  func wants(_ version: Version, of id: String) -> Bool {
    guard let index = index(of: id) else { return version % Self.interval == 0 }
    return version % streams[index].spacing == 0
      && !streams[index].folds.contains { $0.version == version }
  }

  /// Keeps a state.
  /// - Parameter isRecent: whether somebody asked for it: it is kept in place of the last such one.
  mutating func keep(
    _ fold: Fold, of id: String, isRecent: Bool = false, now: ContinuousClock.Instant = .now
  ) {
    guard isRecent || wants(fold.version, of: id) else { return }
    if index(of: id) == nil { streams.append(Stream(id: ByteKey(id), used: now)) }
    let last = touch(index(of: id) ?? streams.count - 1, now)
    if isRecent {
      bytes -= streams[last].recent?.size ?? 0
      streams[last].recent = fold
    } else {
      let place = streams[last].folds.firstIndex { $0.version > fold.version }
      streams[last].folds.insert(fold, at: place ?? streams[last].folds.count)
    }
    bytes += fold.size
    while streams.count > 1, streams.count > streamLimit || bytes > byteLimit { drop(at: 0) }
    while bytes > byteLimit, !streams.isEmpty {
      if streams[0].folds.isEmpty { return drop(at: 0) }
      streams[0].thin()
      bytes = streams[0].bytes
    }
  }

  private func index(of id: String) -> Int? {
    let key = ByteKey(id)
    return streams.firstIndex { $0.id == key }
  }

  /// - Returns: where the stream is now.
  private mutating func touch(_ index: Int, _ now: ContinuousClock.Instant) -> Int {
    var stream = streams.remove(at: index)
    stream.used = now
    streams.append(stream)
    return streams.count - 1
  }

  /// Forgets streams that nobody has asked for since then.
  mutating func expire(before time: ContinuousClock.Instant) {
    while let first = streams.first, first.used < time { drop(at: 0) }
  }

  /// Forgets a stream: another one has its name now.
  mutating func forget(_ id: String) {
    if let index = index(of: id) { drop(at: index) }
  }

  private mutating func drop(at index: Int) {
    bytes -= streams.remove(at: index).bytes
  }
}
