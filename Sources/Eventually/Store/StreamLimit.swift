/// How large a stream may become: what is loaded, kept in a snapshot and written into a read model grows with it.
public struct StreamLimit: Sendable, Hashable {
  /// Events, at least 1.
  public var events: UInt64
  /// Bytes of encoded events without their metadata, at least 1.
  public var bytes: UInt64

  /// A limit. The defaults are 100,000 events and 64 MiB. To load an aggregate of 100,000 events of 150 bytes without a snapshot
  /// took 0.4 s where the benchmarks were run.
  public init(events: UInt64 = 100_000, bytes: UInt64 = 64 << 20) {
    precondition(events >= 1 && bytes >= 1, "a stream holds at least one event")
    self.events = events
    self.bytes = bytes
  }

  /// Holds a stream that would have so many events and bytes against the limit.
  /// - Throws: ``EventStoreError/streamTooLarge(_:)`` where it has more.
  public func check(
    _ streamID: String, events: UInt64, bytes: UInt64
  ) throws(EventStoreError) {
    guard events <= self.events, bytes <= self.bytes else {
      throw .streamTooLarge(
        StreamTooLarge(streamID: streamID, events: events, bytes: bytes, limit: self))
    }
  }
}

/// An append would make its stream larger than a stream may be; nothing was appended.
public struct StreamTooLarge: Error, Sendable, Hashable, CustomStringConvertible {
  /// The stream.
  public var streamID: String
  /// How many events it would have.
  public var events: UInt64
  /// How many bytes they would take.
  public var bytes: UInt64
  /// What a stream may have.
  public var limit: StreamLimit

  /// A refusal of an append.
  public init(streamID: String, events: UInt64, bytes: UInt64, limit: StreamLimit) {
    self.streamID = streamID
    self.events = events
    self.bytes = bytes
    self.limit = limit
  }

  /// Both sizes, and what to do.
  public var description: String {
    "stream '\(streamID)' would have \(events) events of \(bytes) bytes, and may have "
      + "\(limit.events) of \(limit.bytes): begin another stream, or raise the store's limit"
  }
}
