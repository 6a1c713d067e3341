public import Eventually

/// A recovery in the hands of the process that has the partition.
struct PartitionRecovery {
  let recovery: CrashRecovery
  let epoch: UInt64
  /// The partition offset that was applied last under the lease.
  var applied: UInt64
}

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

  /// Applies what is in doubt of a delivery, each event in a transaction of its own; an event that has ended too many processes
  /// is parked.
  /// - Returns: what is left to be applied as always.
  func applySingly(
    _ delivery: Delivery<Model.Event>, parking: [ProjectionFailure], _ outcome: inout ApplyOutcome
  ) throws -> Delivery<Model.Event>? {
    let partition = delivery.partition
    guard let entry = recoveries[partition], entry.epoch == delivery.epoch else { return delivery }
    var left = delivery
    // An earlier attempt at the same delivery may have failed in the middle.
    left.dropApplied(through: entry.applied)
    for index in left.entries.indices {
      let offset = left.entries[index].position.partitionOffset
      let action = entry.recovery.next(offset)
      if action == .end {
        recoveries[partition] = nil
        left.drop(first: index)
        return left
      }
      let attempt = try applySingle(left.single(index), action, parking: parking)
      if !attempt.fenced.isEmpty {
        outcome.fenced += attempt.fenced
        recoveries[partition] = nil
        return nil
      }
      outcome.parked += attempt.parked
      recoveries[partition]?.applied = offset
    }
    return nil
  }

  private func applySingle(
    _ delivery: Delivery<Model.Event>, _ action: CrashRecovery.Action, parking: [ProjectionFailure]
  ) throws -> ApplyOutcome {
    var parking = parking
    var mark: CrashMark?
    switch action {
    case .apply(let next): mark = next
    case .park(let deaths):
      if let entry = delivery.entries.first, let streamID = entry.streamID {
        parking.append(
          ProjectionFailure(
            position: entry.position, streamID: streamID,
            reason: "applying it has ended the process \(deaths) times"))
      }
    case .end: break
    }
    return try tryApply([delivery], parking: parking, mark: mark)
  }
}

extension Delivery {
  /// What is noted while the delivery is applied as a whole.
  var mark: CrashMark? { CrashMark(lastPosition, attempts: entries.count == 1 ? 1 : 0) }

  /// Drops the entries up to a partition offset.
  fileprivate mutating func dropApplied(through offset: UInt64) {
    drop(first: entries.prefix { $0.position.partitionOffset <= offset }.count)
  }

  fileprivate mutating func drop(first count: Int) {
    guard count > 0 else { return }
    after = entries[count - 1].position.partitionOffset
    entries.removeFirst(count)
  }

  /// A delivery of one of the entries. Where the bus has what comes next is known of the last one only.
  fileprivate func single(_ index: Int) -> Delivery {
    Delivery(
      partition: partition, epoch: epoch,
      after: index == 0 ? after : entries[index - 1].position.partitionOffset,
      entries: [entries[index]], nextOffset: index == entries.count - 1 ? nextOffset : nil)
  }
}
