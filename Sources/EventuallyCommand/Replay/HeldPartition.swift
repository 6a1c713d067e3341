import Eventually
import EventuallySQLite
import EventuallyServer

extension ReadModelDefinition {
  /// The partitions that go on no further, because the next event can't be read.
  func held(_ reader: any ReadModelSource, in log: any StoreLog) async throws -> [HeldPartition] {
    try await HeldPartition.find(reader, in: log, codec: codec)
  }

  /// The partitions that are behind the store.
  func late(
    _ reader: any ReadModelSource, in log: any StoreLog, heads: [UInt64]
  ) async throws -> [LatePartition] {
    try await LatePartition.find(reader, in: log, heads: heads, codec: codec)
  }
}

extension HeldPartition {
  /// What an administrator may do about it.
  func hint(readModel: String) -> String {
    ". Run code that knows it, or '\(Program.admin) parked add \(readModel) --partition \(position.partition) "
      + "--offset \(position.partitionOffset)'"
  }
}

extension LatePartition {
  /// A line for each of some partitions, up to a number of lines.
  static func lines(_ late: [LatePartition], readModel: String) -> [String] {
    let listed = 20
    var lines = late.prefix(listed).map { partition in
      let text = partition.description { cause in
        switch cause {
        case .held(let held): held.hint(readModel: readModel)
        case .forged: ": run \(Program.admin) repair \(readModel)"
        case nil: ": ask /readyz of the worker"
        }
      }
      return "\(readModel): \(text)"
    }
    if late.count > listed {
      lines.append("\(readModel): and \(late.count - listed) more partitions")
    }
    return lines
  }
}
