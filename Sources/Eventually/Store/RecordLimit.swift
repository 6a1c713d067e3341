/// How large an event's record may be: what a bus does not take must not get into a store.
///
/// The limit may change while a store is open, when it becomes known what the bus takes.
public final class RecordLimit: Sendable {
  /// What Kafka's brokers take where nothing else is configured, about 1 MiB.
  public static let brokerDefault = 1_048_588
  /// The bytes that are counted for what a record has beside key, type, metadata and payload: the other headers, their names,
  /// and the frames of record and batch.
  public static let overhead = 600

  private let value: Locked<Int>

  /// A limit in bytes, at least 1.
  public init(bytes: Int = RecordLimit.brokerDefault) {
    precondition(bytes >= 1, "a record has at least one byte")
    value = Locked(bytes)
  }

  /// The limit in bytes.
  public var bytes: Int { value.withLock { $0 } }

  /// Changes the limit, to at least 1 byte.
  public func set(_ bytes: Int) { value.withLock { $0 = max(1, bytes) } }

  /// About how many bytes a record takes, and no less, without compression.
  public static func size(
    streamID: String, type: String, metadata: Int, payload: Int
  ) -> Int {
    // With a category, the id is in a header too.
    let names = streamID.utf8.contains(UInt8(ascii: "/")) ? 2 : 1
    return overhead + names * streamID.utf8.count + type.utf8.count + metadata + payload
  }

  /// About how many bytes an event's record takes, and no less, without compression.
  public static func size(of record: EventRecord) -> Int {
    size(
      streamID: record.streamID, type: record.type,
      metadata: record.metadata.isEmpty ? 0 : record.metadata.json.count,
      payload: record.payload.count)
  }

  /// Holds the record of an event that is to be appended against the limit.
  /// - Throws: ``EventStoreError/recordTooLarge(_:)`` where it takes more.
  public func check(
    streamID: String, type: String, metadata: Int, payload: Int
  ) throws(EventStoreError) {
    let (size, limit) = (
      Self.size(streamID: streamID, type: type, metadata: metadata, payload: payload), bytes
    )
    guard size <= limit else {
      throw .recordTooLarge(
        RecordTooLarge(streamID: streamID, type: type, bytes: size, limit: limit))
    }
  }
}

/// An event's record would be larger than the bus takes; nothing was appended.
public struct RecordTooLarge: Error, Sendable, Hashable, CustomStringConvertible {
  /// The stream.
  public var streamID: String
  /// The name of the event's type.
  public var type: String
  /// About how many bytes the record takes.
  public var bytes: Int
  /// How many it may take.
  public var limit: Int

  /// A refusal of an append.
  public init(streamID: String, type: String, bytes: Int, limit: Int) {
    self.streamID = streamID
    self.type = type
    self.bytes = bytes
    self.limit = limit
  }

  /// Both sizes, and what to do.
  public var description: String {
    "an event of type '\(type)' for stream '\(streamID)' takes \(bytes) bytes as a record, more than the \(limit) "
      + "that the topic takes: make it smaller, or raise the topic's max.message.bytes and the writer's limit"
  }
}
