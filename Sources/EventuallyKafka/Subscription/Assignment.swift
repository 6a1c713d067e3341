import Eventually

/// Knows which partitions a worker has and what may be done with each of them. It does no work itself.
///
/// Partitions come and go with the group's assignment; each is held under a lease of its own. A lease that turns out
/// to be fenced is given up and taken anew after a while, while the other partitions go on.
struct Assignment {
  private(set) var partitions: [Partition: PartitionProgress] = [:]
  /// When an released partition takes a new lease.
  private var reclaims: [Partition: ContinuousClock.Instant] = [:]
  /// Partitions at whose end the consumer is, and where they were when the store's heads were last heard of.
  private var ends: [Partition: UInt64?] = [:]
  /// The offsets that were told to the broker under the leases.
  private var committed: [Partition: Int64] = [:]
  /// Up to where deliveries of the leases have been applied.
  private var applied: [Partition: (position: UInt64, nextOffset: Int64?, time: Timestamp?)] = [:]
  /// The last partition sequences in the store, as last heard.
  private(set) var heads: [UInt64] = []
  /// How often in a row the store was found to end before a lease's position.
  private var shortfalls: [Partition: Int] = [:]
  /// Partitions that have to be consumed from their `nextOffset` anew.
  private var repositions: Set<Partition> = []
  /// Partitions that are to be fetched anew from where they are.
  private var probes: Set<Partition> = []

  // MARK: - Coming and going

  /// Takes in a lease. Its hint is where to begin, or the first offset that the broker holds; either may be wrong, and
  /// where the broker does not have it, it begins with the first that it has.
  mutating func begin(_ lease: PartitionLease) {
    partitions[lease.partition] = PartitionProgress(
      lease: lease, startOffset: lease.offsetHint ?? StartOffset.beginning)
    applied[lease.partition] = nil
    committed[lease.partition] = nil
    repositions.insert(lease.partition)
  }

  /// Forgets all partitions.
  mutating func end() {
    let known = heads
    self = Assignment()
    heads = known
  }

  /// A lease turned out to be fenced. Returns whether it is one that is held.
  mutating func release(_ lease: PartitionLease, until instant: ContinuousClock.Instant) -> Bool {
    guard partitions[lease.partition]?.lease.epoch == lease.epoch else { return false }
    partitions[lease.partition]?.release()
    reclaims[lease.partition] = instant
    return true
  }

  /// The partitions that are due to take a new lease; each is told once.
  mutating func takeDueReclaims(_ now: ContinuousClock.Instant) -> [Partition] {
    let due = reclaims.filter { $0.value <= now }.map(\.key)
    for partition in due { reclaims[partition] = nil }
    return due
  }

  /// Where partitions have to be consumed from, now, that are elsewhere; each is told once.
  mutating func takeRepositions() -> [StartOffset] {
    defer {
      repositions.removeAll()
      probes.removeAll()
    }
    for partition in repositions { ends[partition] = nil }
    return repositions.union(probes).compactMap { partition in
      partitions[partition].map { StartOffset(partition: partition, offset: $0.nextOffset) }
    }
  }

  /// Partitions could not be moved, and have to be another time.
  mutating func reposition(_ partitions: [Partition]) {
    repositions.formUnion(partitions)
  }

  // MARK: - Records

  /// Whether the partition is held, and records of it are of interest.
  func has(_ partition: Partition) -> Bool { partitions[partition] != nil }

  /// Takes in a record of the store.
  mutating func receive(
    _ partition: Partition, _ sequence: UInt64, offset: Int64
  ) -> PartitionProgress.Verdict {
    ends[partition] = nil
    return partitions[partition]?.receive(sequence, offset: offset) ?? .ignore
  }

  /// Takes in a record that is not of the store. Returns whether it was passed: it is not where records are
  /// not taken at the moment.
  mutating func passRejected(_ partition: Partition, offset: Int64) -> Bool {
    ends[partition] = nil
    guard partitions[partition]?.phase == .consuming else { return false }
    partitions[partition]?.passRejected(offset: offset)
    return true
  }

  /// The record that was accepted last can't be used as the bus has it; returns what to fetch instead.
  mutating func reject(_ partition: Partition, offset: Int64) -> ClosedRange<UInt64>? {
    partitions[partition]?.reject(offset: offset)
  }

  /// The consumer is at the end of a partition.
  mutating func reachEnd(_ partition: Partition, offset: Int64) {
    guard has(partition) else { return }
    partitions[partition]?.evidence.reachEnd(offset)
    if ends[partition] == nil { ends[partition] = .some(nil) }
  }

  /// A fetch of a partition failed.
  mutating func fail(_ partition: Partition, _ reason: String) {
    partitions[partition]?.evidence.fail(reason)
  }

  /// The worker has waited for records for so long, since it was told last.
  /// - Parameter brokerEnds: where the broker says that partitions end.
  mutating func wait(_ time: Duration, brokerEnds: [Partition: Int64]) {
    for partition in partitions.keys
    where partitions[partition]?.wait(time, brokerEnd: brokerEnds[partition]) == true {
      probes.insert(partition)
    }
  }

  // MARK: - Repair

  /// Takes in how far the store is. Returns what has to be fetched for partitions that were at their end already
  /// when that was heard before, and have not moved since: the broker does not have it.
  mutating func learn(heads: [UInt64]) -> [(partition: Partition, missing: ClosedRange<UInt64>)] {
    self.heads = heads
    var fetches: [(partition: Partition, missing: ClosedRange<UInt64>)] = []
    for (partition, progress) in partitions where Int(partition) < heads.count {
      let isShort = heads[Int(partition)] < progress.lease.position ?? 0
      shortfalls[partition] = isShort ? shortfalls[partition, default: 0] + 1 : nil
    }
    for (partition, positionThen) in ends {
      guard Int(partition) < heads.count else { continue }
      let position = partitions[partition]?.position ?? 0
      if let positionThen, positionThen == position,
        let missing = partitions[partition]?.fallBehind(head: heads[Int(partition)])
      {
        fetches.append((partition, missing))
      }
      ends[partition] = .some(position)
    }
    return fetches
  }

  /// Whether the store ends before what was applied when the lease was taken: then it is not the store that it was.
  /// An answer may have been on its way while others applied what came after it, so one does not count.
  func isStoreBehind(_ partition: Partition) -> Bool { shortfalls[partition, default: 0] >= 2 }

  /// What is missing of a partition while it is repaired.
  func missing(_ partition: Partition) -> ClosedRange<UInt64>? { partitions[partition]?.missing }

  /// Takes in a record that the feed has brought. Returns whether it is the one that was expected.
  mutating func repair(_ partition: Partition, _ sequence: UInt64) -> Bool {
    guard partitions[partition]?.repair(sequence) == true else { return false }
    if missing(partition) == nil { repositions.insert(partition) }
    return true
  }

  /// The event that the feed has brought last can't be used either: the partition stands before it.
  mutating func standStill(_ partition: Partition) {
    guard let progress = partitions[partition] else { return }
    _ = partitions[partition]?.reject(offset: progress.nextOffset - 1)
  }

  /// Takes in how far the store is, asked for because the feed does not have what a record's place calls for.
  /// Returns the offset of the record, which then is not the store's.
  mutating func refute(_ partition: Partition, head: UInt64) -> Int64? {
    guard let offset = partitions[partition]?.refute(head: head) else { return nil }
    if missing(partition) == nil { repositions.insert(partition) }
    return offset
  }

  /// An event was let through that the store does not have there: the partition takes nothing more.
  mutating func stop(_ partition: Partition, forgedAt position: UInt64) {
    partitions[partition]?.stop(forgedAt: position)
  }

  // MARK: - Offsets for others to see

  /// A delivery of a lease has been applied.
  mutating func note(
    _ partition: Partition, epoch: UInt64, position: UInt64, nextOffset: Int64?,
    time: Timestamp? = nil
  ) {
    guard partitions[partition]?.lease.epoch == epoch else { return }
    applied[partition] = (position, nextOffset, time ?? applied[partition]?.time)
  }

  /// Up to where a partition has been applied, under its lease or before; `nil` for never.
  func appliedPosition(_ partition: Partition) -> UInt64? {
    applied[partition]?.position ?? partitions[partition]?.lease.position
  }

  /// When the event was appended that was applied last under the lease.
  func appliedTime(_ partition: Partition) -> Timestamp? { applied[partition]?.time }

  /// Where the bus has what comes after that, as far as that is known: behind records that were dropped or rejected too,
  /// where everything that was let through has been applied.
  func appliedOffset(_ partition: Partition) -> Int64? {
    if let progress = partitions[partition], progress.phase == .consuming,
      progress.position ?? 0 == appliedPosition(partition) ?? 0, let offset = progress.knownOffset
    {
      return offset
    }
    return applied[partition]?.nextOffset ?? partitions[partition]?.lease.offsetHint
  }

  /// The offsets to be committed, each told once. Where a lease began is not told.
  mutating func takeCommits() -> [StartOffset] {
    var commits: [StartOffset] = []
    for (partition, progress) in partitions where progress.phase != .fenced {
      guard let offset = appliedOffset(partition), offset >= 0,
        offset != committed[partition] ?? progress.lease.offsetHint
      else { continue }
      committed[partition] = offset
      commits.append(StartOffset(partition: partition, offset: offset))
    }
    return commits
  }
}
