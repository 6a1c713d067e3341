/// An event that a read model's code failed on.
public struct ProjectionFailure: Sendable, Hashable {
  /// Where the event is.
  public var position: EventPosition
  /// The event's stream.
  public var streamID: String
  /// What the code threw.
  public var reason: String

  /// A failure on an event.
  public init(position: EventPosition, streamID: String, reason: String) {
    self.position = position
    self.streamID = streamID
    self.reason = reason
  }
}

/// All events of a transaction that a read model's code failed on. Nothing of the transaction was applied.
public struct ProjectionFailures: Error, Sendable, CustomStringConvertible {
  /// The failures, in the order of the events; never empty.
  public var failures: [ProjectionFailure]

  /// Failures, at least one.
  public init(_ failures: [ProjectionFailure]) {
    precondition(!failures.isEmpty, "without a failure there is nothing to throw")
    self.failures = failures
  }

  /// The message.
  public var description: String {
    let first = failures[0]
    let more = failures.count > 1 ? ", and \(failures.count - 1) more" : ""
    return "the event at partition \(first.position.partition), position "
      + "\(first.position.partitionOffset), of the stream '\(first.streamID)', can't be projected: "
      + "\(first.reason)\(more)"
  }
}

/// Decides when an event that fails is tried again and when its stream is parked. It does no work itself.
///
/// It counts for each event by itself: one that begins to fail while another is being tried again has as many
/// attempts as the other had.
struct ParkingDecision: Equatable {
  enum Action: Equatable {
    /// Try again after a pause, which is the n-th in a row.
    case retry(pause: Int)
    /// Try again at once, with the streams of these events parked.
    case park
  }

  let attempts: Int
  private var counts: [EventPosition: Int] = [:]
  private var pauses = 0
  /// The events whose streams are to be parked.
  private(set) var parked: [ProjectionFailure] = []

  /// - Parameter attempts: how often an event is tried in all.
  init(attempts: Int) {
    self.attempts = attempts
  }

  /// Notes what failed in one attempt at a transaction.
  mutating func failed(_ failures: [ProjectionFailure]) -> Action {
    var parksMore = false
    for failure in failures {
      counts[failure.position, default: 0] += 1
      guard counts[failure.position, default: 0] >= attempts else { continue }
      parked.append(failure)
      parksMore = true
    }
    if parksMore { return .park }
    pauses += 1
    return .retry(pause: pauses)
  }
}
