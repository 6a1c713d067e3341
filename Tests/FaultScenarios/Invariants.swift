import Eventually
import EventuallyServer

/// What must hold of a store after whatever happened to its writer.
struct StoreInvariants {
  let store: String

  /// Reads the whole store.
  /// - Returns: how many events there are.
  /// - Throws: ``NotAsExpected`` where a sequence has a gap, or an acknowledged append is not there.
  func check(
    _ acknowledged: [Load.Acknowledged], removed: Set<String>, tally: Tally
  ) async throws -> Int {
    let log = try await StoreLocation(store).openForReading(readers: 1)
    var partitions: [Partition: UInt64] = [:]
    var versions: [String: Version] = [:]
    var places: [UInt64: Load.Acknowledged] = [:]
    let wanted = Dictionary(grouping: acknowledged, by: \.sequenceNumber)
    var head: UInt64 = 0
    while true {
      let records = try await log.records(after: head, limit: 2000)
      if records.isEmpty { break }
      for record in records {
        head += 1
        try checkOrder(record, head: head, &partitions, &versions)
        if wanted[head] != nil {
          places[head] = Load.Acknowledged(
            streamID: record.streamID, version: record.position.version, sequenceNumber: head,
            token: "\(record.position.partition)-\(record.position.partitionOffset)")
        }
      }
    }
    let lost = acknowledged.filter { place in
      !removed.contains(place.streamID) && places[place.sequenceNumber] != place
    }
    tally.add(.eventsLost, lost.count)
    guard lost.isEmpty else {
      throw NotAsExpected(
        "\(lost.count) acknowledged appends are not in the store, the first \(lost[0])")
    }
    return Int(head)
  }

  private func checkOrder(
    _ record: EventRecord, head: UInt64,
    _ partitions: inout [Partition: UInt64], _ versions: inout [String: Version]
  ) throws {
    let position = record.position
    guard position.sequenceNumber == head else {
      throw NotAsExpected("the sequence number \(head) is missing")
    }
    partitions[position.partition, default: 0] += 1
    guard position.partitionOffset == partitions[position.partition] else {
      throw NotAsExpected(
        "partition \(position.partition) has \(position.partitionOffset) where "
          + "\(partitions[position.partition] ?? 0) must come")
    }
    if record.type == EventRecord.removedType {
      versions[record.streamID] = 0
    } else if record.type != EventRecord.erasedType {
      versions[record.streamID, default: 0] += 1
      guard versions[record.streamID] == position.version else {
        throw NotAsExpected("the stream \(record.streamID) has a gap before \(position.version)")
      }
    }
  }
}
