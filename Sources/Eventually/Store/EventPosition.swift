/// Number of a partition, from 0.
public typealias Partition = Int32

/// Where an event is: in the whole store, in its partition and in its stream. All count from 1 without
/// a gap.
public struct EventPosition: Sendable, Hashable {
  /// The partition that the event's stream belongs to.
  public var partition: Partition
  /// Position within the partition.
  public var partitionOffset: UInt64
  /// Position within the whole store.
  public var sequenceNumber: UInt64
  /// Position within the stream; 0 for the removal of a stream, which is part of no stream.
  public var version: Version

  /// A position from its parts.
  public init(
    partition: Partition, partitionOffset: UInt64, sequenceNumber: UInt64, version: Version
  ) {
    self.partition = partition
    self.partitionOffset = partitionOffset
    self.sequenceNumber = sequenceNumber
    self.version = version
  }
}

/// What an append returns: where its last event is.
public struct AppendResult: Sendable, Hashable {
  /// The position of the last event appended.
  public var last: EventPosition
  /// The version of the stream now.
  public var version: Version { last.version }

  /// An append whose last event is at `last`.
  public init(last: EventPosition) {
    self.last = last
  }
}
