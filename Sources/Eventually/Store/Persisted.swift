/// An event that a store holds, with where and when it happened.
public struct Persisted<StreamID: Hashable & Sendable, Event: Sendable>: Sendable, Versioned {
  /// The stream that the event belongs to.
  public var streamID: StreamID
  /// Where the event is.
  public var position: EventPosition
  /// The id of this event, unique everywhere.
  public var id: EventID
  /// When the event was appended.
  public var time: Timestamp
  /// What happened.
  public var event: Event
  /// What led to it.
  public var metadata: EventMetadata

  /// The event's version in its stream, from 1.
  public var version: Version { position.version }
  /// The event's position in the whole store, from 1.
  public var sequenceNumber: UInt64 { position.sequenceNumber }

  /// An event with its place.
  public init(
    streamID: StreamID, position: EventPosition, id: EventID, time: Timestamp, event: Event,
    metadata: EventMetadata = EventMetadata()
  ) {
    self.streamID = streamID
    self.position = position
    self.id = id
    self.time = time
    self.event = event
    self.metadata = metadata
  }
}

extension Persisted: Equatable where Event: Equatable {}

/// An entry of the whole store's log: an event, or what became of one.
public enum LogEntry<StreamID: Hashable & Sendable, Event: Sendable>: Sendable {
  /// Something happened.
  case event(Persisted<StreamID, Event>)
  /// The stream was removed here: forget all that came from its earlier events.
  case removed(StreamID, id: EventID, at: EventPosition)
  /// The event that was here belonged to a stream that has been removed since.
  case erased(id: EventID, at: EventPosition)
  /// Something happened to a stream whose events are not taken: it moves the checkpoint and does nothing else.
  case other(id: EventID, at: EventPosition)
  /// The event that is here is of a known type and can't be decoded.
  indirect case unreadable(UnreadableEvent<StreamID>)

  /// Where the entry is.
  public var position: EventPosition {
    switch self {
    case .event(let persisted): persisted.position
    case .removed(_, _, let position), .erased(_, let position), .other(_, let position): position
    case .unreadable(let event): event.position
    }
  }

  /// The stream that the entry belongs to; `nil` for an erased event, of which that is not known any more, and for an event
  /// that is not taken.
  public var streamID: StreamID? {
    switch self {
    case .event(let persisted): persisted.streamID
    case .removed(let streamID, _, _): streamID
    case .erased, .other: nil
    case .unreadable(let event): event.streamID
    }
  }
}

extension LogEntry: Equatable where Event: Equatable {}
