import Eventually
import EventuallySQLite
import Orders

extension HeldPartition {
  /// What an administrator may do about it.
  func hint(readModel: String) -> String {
    ". Run code that knows it, or 'eventuallyctl parked add \(readModel) --partition \(position.partition) "
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
        case .forged: ": run eventuallyctl repair \(readModel)"
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
