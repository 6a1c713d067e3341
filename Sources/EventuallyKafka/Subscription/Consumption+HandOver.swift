import Eventually
import Logging

/// How partitions come to a worker and leave it.
extension Consumption {
  func handle(_ change: AssignmentChange, _ client: ConsumerClient) async throws {
    status.withLock { $0.rebalances += 1 }
    switch change {
    case .assigned(let partitions):
      logger.info("assigned", metadata: ["partitions": "\(partitions.sorted())"])
      dropAll()
      try await claim(partitions, client)
      FaultPoint.subscriptionClaimed.pass()
      try client.assign(assignment.reposition(held: [:]))
      status.withLock { $0.isAssigned = true }
    case .revoked(let partitions, let isLost):
      logger.info(
        isLost ? "lost" : "revoked", metadata: ["partitions": "\(partitions.sorted())"])
      if !isLost { commitNow(client) }
      dropAll()
      FaultPoint.subscriptionRevoked.pass()
      try client.unassign()
      status.withLock { $0.isAssigned = false }
    }
    publishStatus()
  }

  /// Takes leases and finds out where to begin.
  private func claim(_ partitions: [Partition], _ client: ConsumerClient) async throws {
    guard !partitions.isEmpty else { return }
    for lease in try await checkpoints.claim(partitions, owner: options.owner) {
      let held = try client.watermarks(of: lease.partition)
      assignment.begin(lease, at: Self.start(lease.offsetHint, held: held))
    }
  }

  /// The hint, where the broker holds it; else the first offset that it holds. Either may be wrong: what comes
  /// from there is judged by its partition sequence.
  private static func start(_ hint: Int64?, held: Range<Int64>) -> Int64 {
    guard let hint, hint >= held.lowerBound, hint <= held.upperBound else {
      return held.lowerBound
    }
    return hint
  }

  /// Consumes all partitions from where each has to go on. While the broker does not answer, it is asked again with
  /// the next portion.
  func reposition(_ client: ConsumerClient) throws {
    var held: [Partition: Range<Int64>] = [:]
    do {
      for partition in assignment.partitions.keys {
        held[partition] = try client.watermarks(of: partition)
      }
    } catch {
      guard error.isRetriable else { throw error }
      status.withLock { $0.failure = error.description }
      return
    }
    try client.assign(assignment.reposition(held: held))
  }

  /// Forgets all partitions, and what of them has not been delivered.
  func dropAll() {
    feed.cancelFetches()
    assignment.end()
    portion = Portion()
  }

  func abandon(_ leases: [PartitionLease]) {
    for lease in leases {
      // Long enough for the group to say who has the partition now; unlike for two that compete.
      let pause = Duration.milliseconds(Int.random(in: 1000...3000))
      guard assignment.abandon(lease, until: .now + pause) else { continue }
      portion.drop(lease.partition)
      status.withLock { $0.fencings += 1 }
      logger.warning(
        "another worker took the partition over",
        metadata: ["partition": "\(lease.partition)", "epoch": "\(lease.epoch)"])
    }
  }

  /// Takes new leases for partitions that were overtaken and that the group still gives to this worker.
  func reclaimWhereDue(_ client: ConsumerClient) async throws {
    let due = assignment.takeDueReclaims(.now)
    if !due.isEmpty { try await claim(due, client) }
  }
}
