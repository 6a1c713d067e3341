import Eventually

/// What an ``Assignment`` knows of a partition under one lease.
struct HeldPartition {
  /// What the client has to do before it is polled.
  enum Move {
    case none
    /// Fetch anew from where it is.
    case probe
    case seek
  }

  var progress: PartitionProgress
  /// Up to where deliveries of the lease have been applied.
  var applied: (position: UInt64, nextOffset: Int64?, time: Timestamp?)?
  /// The offset that was told to the broker under the lease.
  var committed: Int64?
  /// When a fenced partition takes a new lease.
  var reclaim: ContinuousClock.Instant?
  /// Whether the client is at the partition's end.
  var isAtEnd = false
  /// The position that it was at its end with when the store's heads were last told.
  var endPosition: UInt64?
  /// How often in a row the store was found to end before the lease's position.
  var shortfalls = 0
  var move = Move.seek

  /// Where the bus has what comes after what was applied, as far as that is known: behind records that were dropped or
  /// rejected too, where everything that was let through has been applied.
  var appliedOffset: Int64? {
    if progress.phase == .consuming, progress.position ?? 0 == appliedPosition ?? 0,
      let offset = progress.knownOffset
    {
      return offset
    }
    return applied?.nextOffset ?? progress.lease.offsetHint
  }

  /// Up to where the partition has been applied, under its lease or before; `nil` for never.
  var appliedPosition: UInt64? { applied?.position ?? progress.lease.position }

  mutating func receive(
    _ partitionOffset: UInt64, offset: Int64
  ) -> PartitionProgress.Verdict {
    isAtEnd = false
    return progress.receive(partitionOffset, offset: offset)
  }

  mutating func passRejected(offset: Int64) -> Bool {
    isAtEnd = false
    guard progress.phase == .consuming else { return false }
    progress.passRejected(offset: offset)
    return true
  }

  mutating func reachEnd(offset: Int64) {
    progress.evidence.reachEnd(offset)
    if !isAtEnd { endPosition = nil }
    isAtEnd = true
  }

  /// Notes the partition's head. Returns what is missing.
  mutating func learn(head: UInt64) -> ClosedRange<UInt64>? {
    shortfalls = head < progress.lease.position ?? 0 ? shortfalls + 1 : 0
    guard isAtEnd else { return nil }
    let position = progress.position ?? 0
    defer { endPosition = position }
    return endPosition == position ? progress.fallBehind(head: head) : nil
  }
}
