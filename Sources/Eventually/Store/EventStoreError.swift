/// An append found its stream at another version than it expected.
public struct VersionConflict: Error, Sendable, Hashable, CustomStringConvertible {
  /// The stream.
  public var streamID: String
  /// The version that the append expected.
  public var expected: Version
  /// The version that the stream had.
  public var actual: Version

  /// A conflict on a stream.
  public init(streamID: String, expected: Version, actual: Version) {
    self.streamID = streamID
    self.expected = expected
    self.actual = actual
  }

  /// The message.
  public var description: String {
    "stream '\(streamID)' is at version \(actual), not at \(expected) as expected: "
      + "somebody else changed it; load it again and repeat"
  }
}

/// Why an event store refused or failed.
public enum EventStoreError: Error, Sendable, CustomStringConvertible {
  /// The stream is at another version; nothing was appended.
  case conflict(VersionConflict)
  /// The idempotency key came with another request before; nothing was appended.
  case keyReused(KeyReused)
  /// The request itself can never be carried out, for example because an event is too large.
  case invalid(String)
  /// An event does not decode to what it was encoded from; nothing was appended.
  case unreadable(ReadBackFailure)
  /// The stream would become larger than a stream may be; nothing was appended.
  case streamTooLarge(StreamTooLarge)
  /// An event's record would be larger than the bus takes; nothing was appended.
  case recordTooLarge(RecordTooLarge)
  /// There is no space left where the store is. Nothing was appended, and all that was acknowledged
  /// before is safe; appends work again when there is space.
  case full(String)
  /// Too much waits to be appended; nothing was appended of this. Worth trying again in a moment.
  case overloaded
  /// An event in the store can't be read with this code.
  case undecodable(position: EventPosition, type: String, cause: any Error)
  /// The store can't be used at the moment. What was in flight may or may not have been appended.
  case unavailable(String, cause: (any Error)? = nil)

  /// The message.
  public var description: String {
    switch self {
    case .conflict(let conflict): conflict.description
    case .keyReused(let refusal): refusal.description
    case .invalid(let reason): reason
    case .unreadable(let event): event.description
    case .streamTooLarge(let refusal): refusal.description
    case .recordTooLarge(let refusal): refusal.description
    case .full(let what): "no space left: \(what)"
    case .overloaded: "too many events wait to be appended: try again in a moment"
    case .undecodable(let position, let type, let cause):
      "the event at sequence number \(position.sequenceNumber), of type '\(type)', "
        + "can't be decoded: \((cause as? UnreadableEventError)?.reason ?? "\(cause)")"
    case .unavailable(let reason, let cause):
      cause.map { "\(reason): \($0)" } ?? reason
    }
  }
}
