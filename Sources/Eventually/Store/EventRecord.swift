/// An event in its encoded form, as stores keep it and buses carry it.
public struct EventRecord: Sendable, Hashable {
  /// The id of this event.
  public var id: EventID
  /// The name of the event's type, or ``removedType`` or ``erasedType``.
  public var type: String
  /// The stream that the event belongs to.
  public var streamID: String
  /// Where the event is.
  public var position: EventPosition
  /// When it was appended.
  public var time: Timestamp
  /// The encoded event; empty for a removal and for an erased event.
  public var payload: [UInt8]
  /// What led to the event.
  public var metadata: EventMetadata

  /// A record from its parts.
  public init(
    id: EventID, type: String, streamID: String, position: EventPosition, time: Timestamp,
    payload: [UInt8], metadata: EventMetadata = EventMetadata()
  ) {
    self.id = id
    self.type = type
    self.streamID = streamID
    self.position = position
    self.time = time
    self.payload = payload
    self.metadata = metadata
  }

  /// The type of the record that says that its stream was removed.
  public static let removedType = "eventually.removed"
  /// The type of a record whose event has been erased with its stream.
  public static let erasedType = "eventually.erased"

  /// Whether no event may have this name of a type, since stores use it for themselves.
  @usableFromInline
  static func isReserved(_ type: String) -> Bool {
    type.utf8.count > 15 && (type == removedType || type == erasedType)
  }

  /// The entry of the log that this record stands for; ``LogEntry/unreadable(_:)`` where the payload is not what its type
  /// calls for, ``LogEntry/other(id:at:)`` where the codec does not take the stream's events.
  /// - Throws: ``EventStoreError/undecodable(position:type:cause:)`` where the codec does not know the type.
  public func entry<Codec: EventCodec>(
    decodedBy codec: Codec
  ) throws(EventStoreError) -> LogEntry<String, Codec.Event> {
    if type == Self.removedType {
      return codec.takes(stream: streamID)
        ? .removed(streamID, id: id, at: position) : .other(id: id, at: position)
    }
    if type == Self.erasedType { return .erased(id: id, at: position) }
    do {
      guard
        let event = try codec.decode(type: type, stream: streamID, payload: payload.span)
      else { return .other(id: id, at: position) }
      return .event(
        Persisted(
          streamID: streamID, position: position, id: id, time: time, event: event,
          metadata: metadata))
    } catch let error as UnknownEventType {
      throw .undecodable(position: position, type: type, cause: error)
    } catch {
      return .unreadable(UnreadableEvent(self, reason: "\(error)"))
    }
  }
}

/// A store whose records can be read without decoding them, as what publishes or repairs does.
public protocol EventRecordSource: Sendable {
  /// Tells this store from every other, for as long as it lives.
  var storeID: String { get }
  /// How many partitions the store's streams are divided among.
  var partitionCount: Partition { get }

  /// Up to `limit` records in order, the first of them the one after `sequenceNumber`.
  func records(
    after sequenceNumber: UInt64, limit: Int
  ) async throws(EventStoreError) -> [EventRecord]
}

/// What a relay needs of a store: its records in order, its newest sequence number, and a place to note how
/// far the bus has acknowledged them.
public protocol Outbox: EventRecordSource {
  /// The last committed sequence number.
  var head: PositionSignal { get }

  /// The sequence number up to which the bus has acknowledged everything, as last noted.
  func published() async throws(EventStoreError) -> UInt64

  /// The last partition offset of each partition.
  func heads() async throws -> [UInt64]

  /// The last partition offset that each partition had when the store's last sequence number was
  /// `sequenceNumber`, 0 for none.
  func heads(at sequenceNumber: UInt64) async throws -> [UInt64]

  /// Notes that the bus has acknowledged everything up to `sequenceNumber`.
  func markPublished(_ sequenceNumber: UInt64) async throws(EventStoreError)

  /// Up to `limit` records of some partitions in the store's order, the first of them the first after `sequenceNumber`.
  func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) async throws(EventStoreError) -> [EventRecord]

  /// What was noted last of partitions that are not as far as others; `nil` where ``published()`` says all.
  func publishedProgress() async throws(EventStoreError) -> PublishedProgress?

  /// Notes how far each partition is published, and which events the bus refuses.
  func markPublished(_ progress: PublishedProgress) async throws(EventStoreError)

  /// Whether an administrator has decided that a placeholder is published in an event's place.
  func isSkipped(partition: Partition, offset: UInt64) async throws(EventStoreError) -> Bool

  /// Whether the store may have gone back since its events were published last, by a restore or a fail-over: then the bus may have
  /// other events than the store under the same numbers. False where nothing tells of it.
  func mayHaveGoneBack() async throws(EventStoreError) -> Bool

  /// Waits until this process may publish: one relay of a store does at a time. Without it nothing is published, and nothing
  /// noted as published.
  /// - Parameter standBy: called with who publishes, again and again while it waits.
  /// - Returns: what is asked before anything is published, and given back at the end.
  /// - Throws: what the store throws, and `CancellationError`.
  func lease(_ standBy: @escaping @Sendable (RelayHolder) -> Void) async throws -> RelayTerm

  /// Notes that the bus has acknowledged everything up to `sequenceNumber`, unless the term is over.
  /// - Throws: ``RelayFenced`` where it is, having noted nothing; `EventStoreError`.
  func markPublished(_ sequenceNumber: UInt64, under term: RelayTerm) async throws

  /// Notes how far each partition is published, and which events the bus refuses, unless the term is over.
  /// - Throws: ``RelayFenced`` where it is, having noted nothing; `EventStoreError`.
  func markPublished(_ progress: PublishedProgress, under term: RelayTerm) async throws
}
