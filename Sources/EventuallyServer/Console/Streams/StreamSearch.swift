import Eventually

/// A search for streams by their events, the newest first: which part of the store is to be looked through next, and what was found.
///
/// Sequence numbers have no gaps, so that a range of them is so many events. A stream is found once by a search; searches that go on
/// from one another may find it again, but for questions that ask for streams' last events.
struct StreamSearch: Sendable {
  /// What is looked for: streams that have an event for which all of it holds.
  struct Question: Sendable, Hashable {
    /// What the stream's id begins with.
    var prefix = ""
    var type: String?
    var correlation: String?
    var from: Timestamp?
    var to: Timestamp?

    /// Whether a stream's last event decides.
    var isOfLast: Bool { type == nil && correlation == nil && to == nil }

    /// What the store filters.
    var filter: EventFilter {
      EventFilter(type: type, isLast: isOfLast, readsCorrelation: correlation != nil)
    }

    /// Whether all of it holds for an event that the store's filter lets pass.
    func matches(_ event: EventHead) -> Bool {
      event.streamID.utf8.starts(with: prefix.utf8)
        && correlation.map { event.correlationID?.hasSameBytes(as: $0) ?? false } ?? true
        && from.map { event.time >= $0 } ?? true && to.map { event.time <= $0 } ?? true
    }
  }

  /// How much one search may look at.
  struct Bounds: Sendable, Hashable {
    var streams = 50
    /// So many streams, with no more than ``events``, are looked through one by one where their ids' beginning is asked for.
    var few = 200
    /// For so long: what asks waits for two seconds, and events are looked through after it.
    var fewTime = Duration.seconds(1)
    var events: UInt64 = 20_000
    /// How many events are looked at at once.
    var step: UInt64 = 2_000
    var time = Duration.milliseconds(150)
  }

  let question: Question
  private let bounds: Bounds
  private let newest: UInt64
  private let oldest: UInt64
  /// All after it was looked at.
  private(set) var position: UInt64
  private var seen: Set<ByteKey> = []
  /// The streams that were found, in order.
  private(set) var found: [String] = []

  /// - Parameters:
  ///   - newest: the sequence number to begin with.
  ///   - oldest: the one to end with; at least 1.
  init(_ question: Question, from newest: UInt64, through oldest: UInt64, bounds: Bounds = .init())
  {
    self.question = question
    self.bounds = bounds
    self.newest = newest
    self.oldest = max(1, oldest)
    position = newest
  }

  /// The events to look at next.
  /// - Parameter elapsed: since the search began.
  /// - Returns: `nil` where it is over.
  func next(after elapsed: Duration) -> ClosedRange<UInt64>? {
    let looked = newest - position
    guard position >= oldest, found.count < bounds.streams, looked < bounds.events,
      looked == 0 || elapsed < bounds.time
    else { return nil }
    let size = min(bounds.step, bounds.events - looked, position - oldest + 1)
    return position - size + 1...position
  }

  /// Takes what the store has in a range, the newest first.
  mutating func take(_ events: [EventHead], of range: ClosedRange<UInt64>) {
    for event in events where question.matches(event) {
      guard seen.insert(ByteKey(event.streamID)).inserted else { continue }
      found.append(event.streamID)
      if found.count == bounds.streams {
        position = event.sequenceNumber - 1
        return
      }
    }
    position = range.lowerBound - 1
  }

  /// Where a further search goes on; `nil` where all was looked at.
  var rest: UInt64? { position >= oldest ? position : nil }
  /// What was looked at.
  var searched: (from: UInt64, to: UInt64) { (position + 1, newest) }
}
