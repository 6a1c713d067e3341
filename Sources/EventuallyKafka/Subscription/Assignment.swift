import Eventually

/// Decides what a worker does about its partitions. Inputs return the actions that follow, to be performed in order; it
/// does no work itself.
///
/// Partitions come and go with the group's assignment; each is held under a lease of its own. One whose lease was fenced
/// takes a new one after a pause, while the other partitions go on.
struct Assignment {
  /// What ``finished()`` and ``claimed(_:)`` go on with.
  private enum Step {
    case consuming
    case assigning
    case revoking(isLost: Bool)
    case renewing
  }

  /// How often offsets are committed.
  static let commitInterval = Duration.seconds(1)
  /// After so long an event that the feed brought and that can't be used is fetched again: newer code may be on its way.
  static let stallPause = Duration.seconds(5)

  private(set) var partitions: [Partition: HeldPartition] = [:]
  /// The store's last partition offsets, as last told.
  private(set) var heads: [UInt64] = []
  private var step = Step.consuming
  private var isRenewalDue = false
  private var nextCommit: ContinuousClock.Instant?
  /// For how long the worker has waited for records that the partitions were not told of.
  private var waited = Duration.zero

  // MARK: - Rebalancing

  /// The group has assigned partitions.
  mutating func assign(_ partitions: [Partition]) -> [Action] {
    end()
    guard !partitions.isEmpty else { return [.now(.dropAll), .assign([])] }
    step = .assigning
    return [.now(.dropAll), .claim(partitions)]
  }

  /// The group revokes all partitions. What is being applied is finished first: whoever gets them begins behind it.
  /// - Parameter isLost: whether others may have them already.
  mutating func revoke(isLost: Bool) -> [Action] {
    step = .revoking(isLost: isLost)
    return [.finish]
  }

  /// All leases are to be taken anew, at the next ``tick(_:)``.
  mutating func renew() { isRenewalDue = true }

  /// What was asked for by ``Action/finish`` is done.
  mutating func finished() -> [Action] {
    switch step {
    case .consuming, .assigning: return []
    case .revoking(let isLost):
      let commits = isLost ? [] : commits()
      end()
      return commits.map(Action.now) + [.now(.dropAll), .unassign]
    case .renewing:
      let held = partitions.keys.sorted()
      end()
      return [.now(.dropAll), .claim(held)]
    }
  }

  /// Leases were taken. Their hints are where to begin, or the first offset that the broker holds; where the broker does
  /// not have it, it begins with the first that it has.
  mutating func claimed(_ leases: [PartitionLease]) -> [Action] {
    for lease in leases {
      partitions[lease.partition] = HeldPartition(
        progress: PartitionProgress(
          lease: lease, startOffset: lease.offsetHint ?? StartOffset.beginning))
    }
    guard case .assigning = step else { return [] }
    step = .consuming
    return [.assign(takeMoves())]
  }

  /// Leases were refused. Those that are held are taken anew after a pause: long enough for the group to say
  /// who has the partition now, and unlike for two that compete. Where nobody else has it, that is done at once.
  mutating func fenced(
    _ leases: [PartitionLease], at now: ContinuousClock.Instant,
    using generator: inout some RandomNumberGenerator
  ) -> [Effect] {
    leases.flatMap { lease -> [Effect] in
      guard partitions[lease.partition]?.progress.lease.epoch == lease.epoch else { return [] }
      partitions[lease.partition]?.progress.fence(isAheadOfCheckpoint: lease.isAheadOfCheckpoint)
      partitions[lease.partition]?.reclaim =
        lease.isAheadOfCheckpoint
        ? now : now + .milliseconds(Int.random(in: 1000...3000, using: &generator))
      return [.drop(lease.partition), .noteFenced(lease)]
    }
  }

  /// Forgets all partitions, but not how far the store is.
  mutating func end() {
    let known = heads
    self = Assignment()
    heads = known
  }

  // MARK: - Time

  /// What is due: new leases, and commits.
  mutating func tick(_ now: ContinuousClock.Instant) -> [Action] {
    if isRenewalDue, !partitions.isEmpty {
      step = .renewing
      return [.finish]
    }
    isRenewalDue = false
    var actions: [Action] = []
    let due = partitions.keys.filter { partition in
      partitions[partition]?.reclaim.map { $0 <= now } ?? false
    }.sorted()
    for partition in due { partitions[partition]?.reclaim = nil }
    if !due.isEmpty { actions.append(.claim(due)) }
    if nextCommit.map({ $0 <= now }) ?? true {
      nextCommit = now + Self.commitInterval
      actions += commits().map(Action.now)
    }
    return actions
  }

  /// The client is polled next.
  mutating func beforePoll() -> [Action] {
    let starts = takeMoves()
    return starts.isEmpty ? [] : [.seek(starts)]
  }

  /// Partitions could not be moved, and have to be another time.
  mutating func couldNotMove(_ moved: [Partition]) {
    for partition in moved { partitions[partition]?.move = .seek }
  }

  /// The worker has waited for records for so long, since it was told last.
  /// - Parameter brokerEnds: where the broker says that partitions end.
  mutating func wait(_ time: Duration, brokerEnds: [Partition: Int64]) {
    waited += time
    guard waited >= .milliseconds(100) else { return }
    for partition in partitions.keys
    where partitions[partition]?.progress.wait(waited, brokerEnd: brokerEnds[partition]) == true
      && partitions[partition]?.move != .seek
    {
      partitions[partition]?.move = .probe
    }
    waited = .zero
  }

  private mutating func takeMoves() -> [StartOffset] {
    var starts: [StartOffset] = []
    for (partition, held) in partitions where held.move != .none {
      if held.move == .seek { partitions[partition]?.isAtEnd = false }
      partitions[partition]?.move = .none
      starts.append(StartOffset(partition: partition, offset: held.progress.nextOffset))
    }
    return starts
  }

  /// The offsets that the broker does not know yet. Each is told once, and where a lease began is not.
  mutating func commits() -> [Effect] {
    var commits: [StartOffset] = []
    for (partition, held) in partitions where held.progress.phase != .fenced {
      guard let offset = held.appliedOffset, offset >= 0,
        offset != held.committed ?? held.progress.lease.offsetHint
      else { continue }
      partitions[partition]?.committed = offset
      commits.append(StartOffset(partition: partition, offset: offset))
    }
    return commits.isEmpty ? [] : [.commit(commits)]
  }

  // MARK: - Records

  /// Whether the partition is held, and records of it are of interest.
  func has(_ partition: Partition) -> Bool { partitions[partition] != nil }

  /// A record of the store came. It returns no array of actions, because it is called for every record.
  mutating func receive(
    _ partition: Partition, _ partitionOffset: UInt64, offset: Int64
  ) -> PartitionProgress.Verdict {
    partitions[partition]?.receive(partitionOffset, offset: offset) ?? .ignore
  }

  /// A record came that is not of the store. Returns whether it was passed: it is not where records are not taken at the
  /// moment.
  mutating func passRejected(_ partition: Partition, offset: Int64) -> Bool {
    partitions[partition]?.passRejected(offset: offset) ?? false
  }

  /// The record that was accepted last can't be used as the bus has it.
  mutating func reject(_ partition: Partition, offset: Int64) -> [Effect] {
    guard let missing = partitions[partition]?.progress.reject(offset: offset) else { return [] }
    return [.fetch(partition, missing, after: .zero)]
  }

  /// The client is at the end of a partition.
  mutating func reachEnd(_ partition: Partition, offset: Int64) {
    partitions[partition]?.reachEnd(offset: offset)
  }

  /// A fetch of a partition failed.
  mutating func fail(_ partition: Partition, _ reason: String) {
    partitions[partition]?.progress.evidence.fail(reason)
  }

  /// An event was let through that the store does not have there: the partition takes nothing more.
  mutating func stop(_ partition: Partition, forgedAt position: UInt64) -> [Effect] {
    partitions[partition]?.progress.stop(forgedAt: position)
    return [.drop(partition)]
  }

  /// A delivery of a lease has been applied.
  mutating func applied(
    _ partition: Partition, epoch: UInt64, position: UInt64, nextOffset: Int64?,
    time: Timestamp? = nil
  ) {
    guard let held = partitions[partition], held.progress.lease.epoch == epoch else { return }
    partitions[partition]?.applied = (position, nextOffset, time ?? held.applied?.time)
  }

  // MARK: - The store

  /// How far the store is. What is missing of partitions that were at their end already when that was told before, and
  /// have not moved since, the broker does not have.
  mutating func learn(heads: [UInt64]) -> [Effect] {
    self.heads = heads
    var effects: [Effect] = []
    for partition in partitions.keys.sorted() where Int(partition) < heads.count {
      guard let missing = partitions[partition]?.learn(head: heads[Int(partition)]) else {
        continue
      }
      effects.append(.fetch(partition, missing, after: .zero))
    }
    return effects
  }

  /// What is missing of a partition while it is repaired.
  func missing(_ partition: Partition) -> ClosedRange<UInt64>? {
    partitions[partition]?.progress.missing
  }

  /// The feed has brought a record. Returns whether it is the one that was expected, and let through.
  mutating func repair(_ partition: Partition, _ partitionOffset: UInt64) -> Bool {
    guard partitions[partition]?.progress.repair(partitionOffset) == true else { return false }
    if missing(partition) == nil { partitions[partition]?.move = .seek }
    return true
  }

  /// All records that the feed has brought were given to ``repair(_:_:)``.
  func repaired(_ partition: Partition) -> [Effect] {
    guard has(partition) else { return [] }
    return missing(partition).map { [.fetch(partition, $0, after: .zero)] }
      ?? [.noteRepaired(partition)]
  }

  /// The event that the feed has brought last can't be used either: the partition is stalled before it.
  mutating func stall(_ partition: Partition) -> [Effect] {
    guard let progress = partitions[partition]?.progress else { return [] }
    _ = partitions[partition]?.progress.reject(offset: progress.nextOffset - 1)
    return missing(partition).map { [.fetch(partition, $0, after: Self.stallPause)] } ?? []
  }

  /// The store ends at `head`, before the place that is to be fetched. The record that claims the place is not the
  /// store's; where no record did, the head itself said that these exist, and the store has gone back.
  mutating func rejectClaim(_ partition: Partition, head: UInt64) -> [Effect] {
    var effects: [Effect] = []
    if let offset = partitions[partition]?.progress.rejectClaim(head: head) {
      effects.append(.noteRejectedClaim(partition, offset: offset, head: head))
      if missing(partition) == nil { partitions[partition]?.move = .seek }
    }
    if let missing = missing(partition) {
      effects.append(.fetch(partition, missing, after: .seconds(1)))
    }
    return effects
  }

  // MARK: - Questions

  /// The progress of a partition that is held.
  func progress(of partition: Partition) -> PartitionProgress? { partitions[partition]?.progress }

  /// Whether some partition may have more at the broker than was consumed.
  func isBehind(_ brokerEnds: [Partition: Int64]) -> Bool {
    brokerEnds.contains { partition, end in
      guard let progress = progress(of: partition) else { return false }
      return progress.phase == .consuming && progress.nextOffset < end
    }
  }
}
