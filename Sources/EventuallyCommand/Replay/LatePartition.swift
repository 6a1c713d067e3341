import EventuallyServer
import Eventually
import EventuallySQLite

/// A partition of a read model that is behind the store.
struct LatePartition: Sendable, Hashable {
  /// More than so many are not listed one by one.
  private static let listed = 20

  var partition: Partition
  /// The store's last partition offset.
  var head: UInt64
  /// How far the partition was ever applied; `nil` where no worker has taken it.
  var checkpoint: CheckpointStatus?
  /// Why it goes on no further, where that can be told from the files.
  var reason: String?

  /// Names where it stands, since when, and why where that is known.
  var description: String {
    guard let checkpoint else {
      return "partition \(partition): no worker has taken it; the store ends at "
        + "partition offset \(head)"
    }
    let position = checkpoint.position.map { "partition offset \($0)" } ?? "its beginning"
    let why = reason ?? "not told by the files: ask /readyz of the worker"
    return "partition \(partition) stands at \(position) of \(head) since \(checkpoint.updated), "
      + "taken last by \(checkpoint.owner): \(why)"
  }

  /// The partitions of a read model that have not applied everything up to the store's heads.
  static func find(
    _ reader: ReadModelReader, in log: SQLiteEventLog, heads: [UInt64], readModel name: ReadModelName
  ) async throws -> [LatePartition] {
    let checkpoints = try await reader.checkpoints()
    let held = try await HeldPartition.find(reader, in: log, of: name.definition)
    let forged = try await reader.forgedPositions()
    return heads.enumerated().compactMap { index, head in
      let partition = Partition(index)
      let checkpoint = checkpoints.first { $0.partition == partition }
      guard checkpoint?.position ?? 0 < head else { return nil }
      var reason = held.first { $0.position.partition == partition }?.description(
        readModel: name.name)
      if let position = forged[partition] {
        reason =
          "a forged event was applied at partition offset \(position): run "
          + "\(Program.admin) repair \(name.name)"
      }
      return LatePartition(
        partition: partition, head: head, checkpoint: checkpoint, reason: reason)
    }
  }

  /// A line for each of them, up to a number of lines.
  static func lines(_ late: [LatePartition], readModel: String) -> [String] {
    var lines = late.prefix(listed).map { "\(readModel): \($0.description)" }
    if late.count > listed {
      lines.append("\(readModel): and \(late.count - listed) more partitions")
    }
    return lines
  }
}
