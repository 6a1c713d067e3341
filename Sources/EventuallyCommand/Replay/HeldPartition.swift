import Eventually
import EventuallySQLite
import EventuallyServer

/// A partition of a read model that goes on no further, because the event that comes next can't be read.
struct HeldPartition: Sendable, Hashable {
  var position: EventPosition
  var type: String
  var reason: String

  /// Names the event, and what to do.
  func description(readModel: String) -> String {
    "partition \(position.partition) is held before the event at partition offset \(position.partitionOffset), "
      + "sequence number \(position.sequenceNumber), of type '\(type)': \(reason). Run code that knows it, or "
      + "'\(Program.admin) parked add \(readModel) --partition \(position.partition) --offset \(position.partitionOffset)'"
  }

  /// The held partitions of a read model, by what comes next in the store; events that are parked instead are not listed.
  static func find(
    _ reader: ReadModelReader, in log: SQLiteEventLog, of definition: any ReadModelDefinition
  ) async throws -> [HeldPartition] {
    var positions = [UInt64](repeating: 0, count: Int(log.partitionCount))
    for checkpoint in try await reader.checkpoints()
    where Int(checkpoint.partition) < positions.count {
      positions[Int(checkpoint.partition)] = checkpoint.position ?? 0
    }
    return try await find(after: positions, in: log, of: definition)
  }

  /// The same by how far each partition is.
  static func find(
    after positions: [UInt64], in log: SQLiteEventLog, of definition: any ReadModelDefinition
  ) async throws -> [HeldPartition] {
    var held: [HeldPartition] = []
    for (partition, position) in positions.enumerated() {
      guard
        let record = try await log.records(
          partition: Partition(partition), after: position, limit: 1
        ).first
      else { continue }
      do throws(EventStoreError) {
        try definition.decode(record)
      } catch {
        guard case .undecodable(let position, let type, let cause) = error else { throw error }
        held.append(HeldPartition(position: position, type: type, reason: "\(cause)"))
      }
    }
    return held
  }
}
