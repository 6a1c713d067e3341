/// An event of a known type whose payload this code can't decode, with everything that is known of it.
///
/// It is delivered in its place, so that a read model can park it with the later events of its stream while other streams
/// go on. An event whose *type* is not known is never delivered so: newer code may be on its way.
public struct UnreadableEvent<StreamID: Hashable & Sendable>: Sendable, Hashable {
  /// The stream that the event belongs to.
  public var streamID: StreamID
  /// Where the event is.
  public var position: EventPosition
  /// The id of this event.
  public var id: EventID
  /// The name of the event's type.
  public var type: String
  /// When the event was appended.
  public var time: Timestamp
  /// The encoded event, as it was found.
  public var payload: [UInt8]
  /// What led to the event.
  public var metadata: EventMetadata
  /// Why it can't be decoded.
  public var reason: String
}

extension UnreadableEvent where StreamID == String {
  /// An unreadable event from the record that was found.
  public init(_ record: EventRecord, reason: String) {
    self.init(
      streamID: record.streamID, position: record.position, id: record.id, type: record.type,
      time: record.time, payload: record.payload, metadata: record.metadata, reason: reason)
  }

  /// The event's record, as it was found.
  public var record: EventRecord {
    EventRecord(
      id: id, type: type, streamID: streamID, position: position, time: time, payload: payload,
      metadata: metadata)
  }
}

extension LogEntry where StreamID == String {
  /// Whether this is an event that can't be decoded.
  public var isUnreadable: Bool {
    if case .unreadable = self { true } else { false }
  }

  /// Why the stream is to be parked from this event on; `nil` where it can be decoded.
  public var failure: ProjectionFailure? {
    guard case .unreadable(let event) = self else { return nil }
    return ProjectionFailure(
      position: event.position, streamID: event.streamID,
      reason: "it can't be decoded: \(event.reason)")
  }
}

/// An unreadable event, where only a readable one is of use.
public struct UnreadableEventError: Error, Sendable, CustomStringConvertible {
  /// Where the event is.
  public var position: EventPosition
  /// The name of the event's type.
  public var type: String
  /// Why it can't be decoded.
  public var reason: String

  /// The error that names an unreadable event.
  public init<StreamID>(_ event: UnreadableEvent<StreamID>) {
    position = event.position
    type = event.type
    reason = event.reason
  }

  /// Names the event and says why it can't be decoded.
  public var description: String {
    "the event at partition \(position.partition), partition offset \(position.partitionOffset), "
      + "of type '\(type)', can't be decoded: \(reason)"
  }
}
