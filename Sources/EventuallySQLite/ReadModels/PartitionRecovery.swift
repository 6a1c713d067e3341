public import Eventually

/// How a partition's events are applied after a process has ended while it worked on them.
extension ReadModelDatabase {
  /// What is noted about decoding and applying this read model's events.
  public nonisolated var crashJournal: (any CrashJournal)? { journal }

  /// The partitions in which a process has ended while it worked on events, each with the last partition offset in doubt. Where a
  /// process works on them now, they are not listed.
  public func crashedPartitions() throws(ReadModelError) -> [Partition: UInt64] {
    do {
      var crashed: [Partition: UInt64] = [:]
      for checkpoint in try ReadModelReader.checkpoints(connection) {
        let position = checkpoint.position ?? 0
        if let recovery = journal.recovery(checkpoint.partition, after: position) {
          crashed[checkpoint.partition] = recovery.through
        }
      }
      return crashed
    } catch {
      throw Self.wrap(error, path: path)
    }
  }

  func recoverWhereNeeded(_ lease: PartitionLease) {
    let position = lease.position ?? 0
    recoveries[lease.partition] = journal.claim(lease.partition, after: position).map {
      PartitionRecovery(recovery: $0, epoch: lease.epoch, applied: position)
    }
  }
}
