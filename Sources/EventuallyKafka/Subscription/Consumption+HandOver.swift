import Eventually
import Logging

/// How partitions come to a worker and leave it.
extension Consumption {
  func handle(_ change: AssignmentChange, _ client: ConsumerClient) async throws {
    status.withLock { $0.rebalances += 1 }
    metrics.assignmentChanged()
    switch change {
    case .assigned(let partitions):
      logger.info("assigned", metadata: ["partitions": "\(partitions.sorted())"])
      dropAll()
      try await claim(partitions)
      FaultPoint.subscriptionClaimed.pass()
      try client.assign(assignment.takeRepositions())
      status.withLock { $0.isAssigned = true }
    case .revoked(let partitions, let isLost):
      logger.info(
        isLost ? "lost" : "revoked", metadata: ["partitions": "\(partitions.sorted())"])
      // What is being applied is finished first: whoever gets the partitions begins behind it.
      await settle()
      guard client === self.client else { return }
      if !isLost { commitNow(client) }
      dropAll()
      FaultPoint.subscriptionRevoked.pass()
      try client.unassign()
      status.withLock { $0.isAssigned = false }
    }
    publishStatus()
    lag?.refresh()
  }

  /// Takes leases.
  func claim(_ partitions: [Partition]) async throws {
    guard !partitions.isEmpty else { return }
    for lease in try await checkpoints.claim(partitions, owner: options.owner) {
      assignment.begin(lease)
      forgeries.begin(lease.partition, at: lease.position, id: lease.eventID)
    }
    renewDecoder()
  }

  /// Moves the consumer to where partitions have to go on.
  func reposition(_ client: ConsumerClient) throws {
    let starts = assignment.takeRepositions()
    if !starts.isEmpty { assignment.reposition(try client.seek(starts)) }
  }

  /// Forgets all partitions, and what of them has not been delivered.
  func dropAll() {
    feed.cancelFetches()
    assignment.end()
    forgeries.end()
    witnesses.removeAll()
    batch = Batch()
    endSpans()
  }

  /// Stops taking partitions in whose leases were fenced.
  func release(_ leases: [PartitionLease]) {
    for lease in leases {
      // Long enough for the group to say who has the partition now; unlike for two that compete.
      let pause = Duration.milliseconds(Int.random(in: 1000...3000))
      guard assignment.release(lease, until: .now + pause) else { continue }
      batch.drop(lease.partition)
      status.withLock { $0.fencings += 1 }
      metrics.leaseFenced()
      logger.warning(
        "the lease was fenced: another worker took the partition over, or another generation is live",
        metadata: ["partition": "\(lease.partition)", "epoch": "\(lease.epoch)"])
    }
  }

  /// Takes new leases of all partitions, after what is being applied.
  func renewWhereAsked() async throws {
    guard isRenewalDue else { return }
    await settle()
    isRenewalDue = false
    let partitions = assignment.partitions.keys.sorted()
    guard !partitions.isEmpty else { return }
    logger.info("taking new leases", metadata: ["partitions": "\(partitions)"])
    dropAll()
    try await claim(partitions)
  }

  /// Takes new leases for partitions that were fenced and that the group still gives to this worker.
  func reclaimWhereDue() async throws {
    try await claim(assignment.takeDueReclaims(.now))
  }
}
