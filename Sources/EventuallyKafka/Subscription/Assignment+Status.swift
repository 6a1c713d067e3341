import Eventually

extension Assignment {
  /// What the worker does with each partition.
  /// - Parameter failures: why partitions can't go on with what the feed gives.
  func status(failures: [Partition: String]) -> [Partition: SubscriptionStatus.Assigned] {
    partitions.mapValues { held in
      let progress = held.progress
      let partition = progress.lease.partition
      let phase: SubscriptionStatus.Assigned.Phase =
        switch progress.phase {
        case .consuming: .consuming
        case .repairing(let through, _, _): .repairing(progress.expected...through)
        case .fenced: .fenced
        case .forged(let position): .forged(at: position)
        }
      return SubscriptionStatus.Assigned(
        epoch: progress.lease.epoch, position: held.appliedPosition,
        appliedTime: held.applied?.time, nextOffset: held.appliedOffset,
        storeHead: Int(partition) < heads.count ? heads[Int(partition)] : nil,
        // An answer may have been on its way while others applied what came after it, so one does not count.
        isStoreBehind: held.shortfalls >= 2, phase: phase,
        isAheadOfCheckpoint: progress.isAheadOfCheckpoint, failure: failures[partition],
        stall: progress.stall)
    }
  }
}
