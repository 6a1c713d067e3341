/// A store's log in which some events are erased: what it would be had they never said anything.
package struct LogWithoutEvents: EventLog {
  let log: any EventLog
  /// The partition offsets of the events.
  let leftOut: [Partition: Set<UInt64>]

  package init(log: any EventLog, leftOut: [Partition: Set<UInt64>]) {
    self.log = log
    self.leftOut = leftOut
  }

  package var storeID: String { log.storeID }
  package var partitionCount: Partition { log.partitionCount }

  package func heads() async throws -> [UInt64] { try await log.heads() }

  package func records(
    after sequenceNumber: UInt64, limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    erased(try await log.records(after: sequenceNumber, limit: limit))
  }

  package func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) async throws -> [EventRecord] {
    erased(try await log.records(after: sequenceNumber, limit: limit, of: partitions))
  }

  package func records(
    partition: Partition, after position: UInt64, limit: Int
  ) async throws -> [EventRecord] {
    erased(try await log.records(partition: partition, after: position, limit: limit))
  }

  private func erased(_ records: [EventRecord]) -> [EventRecord] {
    guard !leftOut.isEmpty else { return records }
    var records = records
    for index in records.indices {
      let position = records[index].position
      guard leftOut[position.partition]?.contains(position.partitionOffset) == true else {
        continue
      }
      records[index].type = EventRecord.erasedType
      records[index].payload = []
    }
    return records
  }
}
