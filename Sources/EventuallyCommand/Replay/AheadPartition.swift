import Eventually

/// A partition of which a read model has applied more than the store has.
struct AheadPartition {
  let partition: Partition
  let position: UInt64
  let head: UInt64

  /// By how many events.
  var count: UInt64 { position - head }

  /// - Parameter heads: the store's, read after the checkpoints: a position beyond them is not the store's then.
  static func find(_ checkpoints: [CheckpointStatus], heads: [UInt64]) -> [AheadPartition] {
    checkpoints.compactMap { checkpoint in
      guard heads.indices.contains(Int(checkpoint.partition)), let position = checkpoint.position,
        position > heads[Int(checkpoint.partition)]
      else { return nil }
      return AheadPartition(
        partition: checkpoint.partition, position: position, head: heads[Int(checkpoint.partition)])
    }
  }

  /// Where it stands.
  var description: String {
    "partition \(partition) was applied up to \(position), and the store ends at \(head)"
  }

  /// What to do about a read model that is ahead.
  static func hint(readModel: String) -> String {
    "either the store was restored from an older copy, and the read model belongs to a newer one, or forged events were applied: "
      + "\(Program.admin) repair \(readModel) builds it anew from this store. A restored store needs a new topic as well"
  }
}
