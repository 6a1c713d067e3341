/// Holds the records of a store against what is true of every store, in the order in which they are copied: a copy has no damage
/// that its store had.
package struct CopyOrder: Sendable {
  /// The last sequence number.
  package private(set) var sequence: UInt64
  private var offsets: [UInt64]
  private let partitioner: Partitioner

  /// - Parameters:
  ///   - sequence: the last sequence number that was copied.
  ///   - heads: the last partition offset of each partition among what was copied.
  package init(after sequence: UInt64, heads: [UInt64]) {
    self.sequence = sequence
    offsets = heads
    partitioner = Partitioner(count: Partition(heads.count))
  }

  /// - Returns: what is wrong with the next record; `nil` for nothing.
  package mutating func take(_ record: EventRecord) -> String? {
    let position = record.position
    guard position.sequenceNumber == sequence + 1 else {
      return "sequence number \(sequence) is followed by \(position.sequenceNumber)"
    }
    sequence += 1
    guard position.partition == partitioner.partition(of: record.streamID) else {
      return
        "the event at sequence number \(sequence) is in partition \(position.partition), which its stream "
        + "'\(record.streamID)' is not"
    }
    let before = offsets[Int(position.partition)]
    guard position.partitionOffset == before + 1 else {
      return
        "the event at sequence number \(sequence) has partition offset \(position.partitionOffset) after \(before)"
    }
    offsets[Int(position.partition)] += 1
    return nil
  }
}

/// How a stream stands while its records are copied.
package struct CopiedStream: Sendable, Hashable {
  /// The version of its last event; 0 for none.
  package private(set) var version: Version
  /// The sequence number of its last event; 0 for none.
  package private(set) var head: UInt64
  /// How many bytes its events' payloads take.
  package private(set) var bytes: UInt64

  package init(version: Version = 0, head: UInt64 = 0, bytes: UInt64 = 0) {
    self.version = version
    self.head = head
    self.bytes = bytes
  }

  /// - Returns: what is wrong with the stream's next record; `nil` for nothing.
  package mutating func take(_ record: EventRecord) -> String? {
    let next = record.position.version
    if record.type == EventRecord.removedType, next == 0 {
      self = CopiedStream()
      return nil
    }
    guard next == version + 1, record.type != EventRecord.removedType else {
      return
        "the event at sequence number \(record.position.sequenceNumber) has version \(next) after \(version) in its "
        + "stream '\(record.streamID)'"
    }
    version = next
    head = record.position.sequenceNumber
    bytes = bytes.addingReportingOverflow(UInt64(record.payload.count)).partialValue
    return nil
  }
}
