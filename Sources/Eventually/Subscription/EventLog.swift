/// A store's log that can be read from anywhere: in the order of the whole store, or by partition.
public protocol EventLog: EventRecordSource, EventFeed {
  /// Up to `limit` records of some partitions in the store's order, the first of them the first after `sequenceNumber`.
  func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) async throws -> [EventRecord]

  /// The last partition offset that each partition had when the store's last sequence number was `sequenceNumber`,
  /// 0 for none.
  func heads(at sequenceNumber: UInt64) async throws -> [UInt64]

  /// The sequence number of the last event that was appended at a time or before, as the clock of its writer said; 0 for
  /// none.
  ///
  /// Times are in the order of sequence numbers as long as that clock did not step. Where it was ahead for a while, events
  /// from then with a later time count too when an event after them has an earlier one: what is asked for is always a
  /// beginning of the log.
  func sequenceNumber(at time: Timestamp) async throws -> UInt64
}

extension EventLog {
  /// The same by reading records, for logs that can't look it up.
  ///
  /// Sequence numbers rise with partition sequences, which have no gaps: a few records of each partition are read.
  public func heads(at sequenceNumber: UInt64) async throws -> [UInt64] {
    var heads = try await heads()
    for partition in heads.indices {
      var (low, high) = (UInt64(0), heads[partition])
      while low < high {
        let middle = low + (high - low + 1) / 2
        let record = try await record(at: middle, in: Partition(partition))
        if record.position.sequenceNumber <= sequenceNumber {
          low = middle
        } else {
          high = middle - 1
        }
      }
      heads[partition] = low
    }
    return heads
  }

  /// The same by reading records, for logs that can't look it up: bisection finds an event before which the time was passed,
  /// and what comes after it is read, since a clock that stepped back may have brought earlier times.
  public func sequenceNumber(at time: Timestamp) async throws -> UInt64 {
    let partitions = Set(0..<partitionCount)
    var (low, high) = (UInt64(0), UInt64(0))
    // The head, by way of the partitions': a log tells it in no other way.
    for (partition, head) in try await heads().enumerated() where head > 0 {
      let last = try await record(at: head, in: Partition(partition))
      high = max(high, last.position.sequenceNumber)
    }
    while low < high {
      let middle = low + (high - low + 1) / 2
      let found = try await records(after: middle - 1, limit: 1, of: partitions)
      guard let record = found.first else { throw EventLogError.missing(sequenceNumber: middle) }
      if record.time <= time { low = middle } else { high = middle - 1 }
    }
    var read = low
    while true {
      let page = try await records(after: read, limit: 4096)
      guard let end = page.last else { return low }
      read = end.position.sequenceNumber
      low = page.last(where: { $0.time <= time })?.position.sequenceNumber ?? low
    }
  }

  /// A record by its place in its partition.
  func record(at position: UInt64, in partition: Partition) async throws -> EventRecord {
    let records = try await records(partition: partition, after: position - 1, limit: 1)
    guard let record = records.first, record.position.partitionOffset == position else {
      throw EventLogError.missingPosition(partition: partition, position: position)
    }
    return record
  }
}

/// A log does not have what it must have.
public enum EventLogError: Error, Sendable, CustomStringConvertible {
  /// There is no event where the log's order calls for one.
  case missing(sequenceNumber: UInt64)
  /// There is no event where the partition's order calls for one.
  case missingPosition(partition: Partition, position: UInt64)

  /// The message.
  public var description: String {
    switch self {
    case .missing(let sequenceNumber):
      "the log has no event at sequence number \(sequenceNumber): it is damaged, or of another store"
    case .missingPosition(let partition, let position):
      "the log has no event at partition \(partition), position \(position): it is damaged, or ends before what is "
        + "asked for"
    }
  }
}
