import Eventually
import Logging

/// How partitions come to a worker and leave it, and what else ``Assignment`` decides.
extension Consumption {
  func handle(_ change: AssignmentChange) async throws {
    status.withLock { $0.rebalances += 1 }
    metrics.assignmentChanged()
    switch change {
    case .assigned(let partitions):
      logger.info("assigned", metadata: ["partitions": "\(partitions.sorted())"])
      // A checkpoint of such a partition would be one of no event that there can be.
      let own = partitions.filter { (0..<source.partitionCount).contains($0) }
      let foreign = partitions.filter { !own.contains($0) }.sorted()
      status.withLock { $0.foreignPartitions = foreign }
      if !foreign.isEmpty {
        logger.error(
          "the topic has partitions that the store does not have: they are not consumed; name another topic",
          metadata: ["partitions": "\(foreign)", "store": "\(source.partitionCount) partitions"])
      }
      try await perform(assignment.assign(own))
    case .revoked(let partitions, let isLost):
      logger.info(
        isLost ? "lost" : "revoked", metadata: ["partitions": "\(partitions.sorted())"])
      status.withLock { $0.foreignPartitions = [] }
      try await perform(assignment.revoke(isLost: isLost))
    }
    publishStatus()
    lag?.refresh()
  }

  /// Performs actions in order, and those that follow from them.
  func perform(_ actions: [Assignment.Action]) async throws {
    let client = self.client
    for action in actions {
      switch action {
      case .finish:
        await finishDelivered()
        guard client === self.client else { return }
        try await perform(assignment.finished())
      case .claim(let partitions):
        logger.info("taking leases", metadata: ["partitions": "\(partitions)"])
        let leases = try await checkpoints.claim(partitions, owner: options.owner)
        guard client === self.client else { return }
        for lease in leases {
          forgeries.begin(lease.partition, at: lease.position, id: lease.eventID)
        }
        // Its notes belong to the generation in which the leases were taken.
        decoder = EntryDecoder(codec, journal: checkpoints.crashJournal)
        try await perform(assignment.claimed(leases))
      case .assign(let starts):
        FaultPoint.subscriptionClaimed.pass()
        try client?.assign(starts)
        status.withLock { $0.isAssigned = true }
      case .unassign:
        FaultPoint.subscriptionRevoked.pass()
        try client?.unassign()
        status.withLock { $0.isAssigned = false }
      case .seek(let starts):
        if let client { assignment.couldNotMove(try client.seek(starts)) }
      case .now(let effect): perform([effect])
      }
    }
  }

  /// Performs effects in order.
  func perform(_ effects: [Assignment.Effect]) {
    for effect in effects {
      switch effect {
      case .commit(let offsets): commit(offsets)
      case .dropAll: dropAll()
      case .drop(let partition): batch.drop(partition)
      case .fetch(let partition, let missing, let pause):
        feed.fetch(partition, missing, after: pause)
      case .noteFenced(let lease):
        status.withLock { $0.fencings += 1 }
        metrics.leaseFenced()
        logger.warning(
          lease.isAheadOfCheckpoint
            ? "the lease was refused: a crash of the read model's database has taken back what was applied, which is applied again"
            : "the lease was fenced: another worker took the partition over, or another generation is live",
          metadata: ["partition": "\(lease.partition)", "epoch": "\(lease.epoch)"])
      case .noteRepaired:
        status.withLock { $0.gapsRepaired += 1 }
        metrics.gapRepaired()
      case .noteRejectedClaim(let partition, let offset, let head):
        noteRejectedClaim(partition, offset: offset, head: head)
      }
    }
  }

  /// Forgets what has come and is not delivered.
  private func dropAll() {
    feed.cancelFetches()
    forgeries.end()
    evidence.removeAll()
    batch = Batch()
    endSpans()
  }

  /// Forgets all partitions.
  func forgetAssignment() {
    assignment.end()
    dropAll()
  }

  /// Tells the broker how far the read model is, for its tools to show. That it could not be told changes nothing here.
  private func commit(_ offsets: [StartOffset]) {
    guard options.range == nil else { return }
    do {
      try client?.commit(offsets)
    } catch {
      logger.info("offsets could not be committed", metadata: ["error": "\(error)"])
    }
  }

  /// Waits until everything that was delivered has been applied or refused.
  private func finishDelivered() async {
    heartbeat.idle()
    await batches.allCompleted()
    heartbeat.beat()
    drainUpdates()
  }

  /// Notes what became of the batches that were delivered.
  func drainUpdates() {
    let updates = batches.drainUpdates()
    for applied in updates.applied {
      assignment.applied(
        applied.partition, epoch: applied.epoch, position: applied.position,
        nextOffset: applied.nextOffset, time: applied.time)
    }
    var generator = SystemRandomNumberGenerator()
    perform(assignment.fenced(updates.fenced, at: .now, using: &generator))
    if updates.isRenewalAsked { assignment.renew() }
  }
}
