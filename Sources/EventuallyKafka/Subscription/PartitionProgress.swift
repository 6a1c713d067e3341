import Eventually

/// Decides what becomes of each record of one partition under one lease. It does no work itself.
///
/// It accepts exactly partition offset n + 1 after n, drops what it has had, and stops at a gap until the
/// missing records have been brought by other means. It is never ahead of what it has let through.
struct PartitionProgress: Equatable {
  enum Phase: Equatable {
    /// Records are taken as they come.
    case consuming
    /// The records up to `through` are missing and are being fetched; then consuming goes on at
    /// `resumeAt`. The claim is of the record that made them known, where one did.
    case repairing(through: UInt64, resumeAt: Int64, claim: Claim?)
    /// The lease was refused: nothing is taken until there is a new one.
    case fenced
    /// An event was let through that the store does not have there: nothing is taken until the read model is repaired.
    case forged(at: UInt64)
  }

  /// A record that claims a place in the partition, so that the events up to there must exist.
  struct Claim: Equatable {
    var sequence: UInt64
    var offset: Int64
  }

  enum Verdict: Equatable {
    /// The next one: deliver it.
    case accept
    /// Had before: drop it.
    case duplicate
    /// These are missing before it: fetch them. The record itself comes again.
    case gap(ClosedRange<UInt64>)
    /// Of no use at the moment: it comes again when consuming goes on.
    case ignore
  }

  let lease: PartitionLease
  private(set) var phase: Phase = .consuming
  /// The partition offset that was let through last; `nil` where none ever was.
  private(set) var position: UInt64?
  /// The offset to consume from if consuming had to begin anew.
  private(set) var nextOffset: Int64
  /// Whether something is gone that was let through and applied.
  private(set) var isAheadOfCheckpoint = false
  /// Whether it is consumed.
  var evidence = PartitionEvidence()

  /// Progress that begins at a lease's position, consuming from an offset.
  init(lease: PartitionLease, startOffset: Int64) {
    self.lease = lease
    position = lease.position
    nextOffset = startOffset
    if let position = lease.forgedPosition { phase = .forged(at: position) }
  }

  /// ``nextOffset``, where it is known already.
  var knownOffset: Int64? { nextOffset >= 0 ? nextOffset : nil }

  /// The partition offset that must come next.
  var expected: UInt64 { (position ?? 0) + 1 }

  /// Notes a record of this store.
  mutating func receive(_ sequence: UInt64, offset: Int64) -> Verdict {
    evidence.receive()
    guard phase == .consuming else { return .ignore }
    if sequence > expected {
      phase = .repairing(
        through: sequence - 1, resumeAt: offset,
        claim: Claim(sequence: sequence, offset: offset))
      nextOffset = offset
      return .gap(expected...(sequence - 1))
    }
    nextOffset = offset + 1
    if sequence < expected { return .duplicate }
    position = sequence
    return .accept
  }

  /// The record that was accepted last can't be used as the bus has it: takes it back, to be fetched from
  /// elsewhere.
  mutating func reject(offset: Int64) -> ClosedRange<UInt64> {
    let sequence = expected - 1
    position = sequence > 1 ? sequence - 1 : lease.position
    phase = .repairing(
      through: sequence, resumeAt: offset + 1, claim: Claim(sequence: sequence, offset: offset))
    return sequence...sequence
  }

  /// Something was consumed that is not of this store.
  mutating func passRejected(offset: Int64) {
    evidence.receive()
    if phase == .consuming { nextOffset = offset + 1 }
  }

  /// The broker has nothing more, yet the store is at `head`: returns what has to be fetched from it.
  mutating func fallBehind(head: UInt64) -> ClosedRange<UInt64>? {
    guard phase == .consuming, head >= expected else { return nil }
    phase = .repairing(through: head, resumeAt: nextOffset, claim: nil)
    return expected...head
  }

  /// Notes how far the store is, asked for after the gap was found.
  ///
  /// A record that claims a place beyond that is not the store's, whatever it says: consuming goes on behind it,
  /// once the events that do exist have been fetched.
  /// - Returns: the offset of such a record.
  mutating func rejectClaim(head: UInt64) -> Int64? {
    guard case .repairing(_, _, let claim?) = phase, head < claim.sequence else { return nil }
    if head < expected {
      phase = .consuming
      nextOffset = claim.offset + 1
    } else {
      phase = .repairing(through: head, resumeAt: claim.offset + 1, claim: nil)
    }
    return claim.offset
  }

  /// What is missing while a gap is being repaired.
  var missing: ClosedRange<UInt64>? {
    guard case .repairing(let through, _, _) = phase else { return nil }
    return expected...through
  }

  /// Notes the next missing record, brought by other means.
  /// - Returns: whether it is the one that was expected.
  mutating func repair(_ sequence: UInt64) -> Bool {
    guard case .repairing(let through, let resumeAt, _) = phase, sequence == expected else {
      return false
    }
    position = sequence
    if sequence == through {
      phase = .consuming
      nextOffset = resumeAt
    }
    return true
  }

  /// An event was let through that the store does not have there.
  mutating func stop(forgedAt position: UInt64) {
    phase = .forged(at: position)
  }

  /// The worker has waited for records, and there were none.
  /// - Returns: whether to fetch from ``nextOffset`` anew.
  mutating func wait(_ time: Duration, brokerEnd: Int64?) -> Bool {
    guard phase == .consuming else { return false }
    return evidence.wait(time, brokerEnd: brokerEnd, nextOffset: nextOffset)
  }

  /// What keeps records from coming while they are wanted.
  var stall: SubscriptionStatus.Stall? { phase == .consuming ? evidence.stall : nil }

  /// The lease has been refused.
  /// - Parameter isAheadOfCheckpoint: whether that is because what was applied under it is gone.
  mutating func fence(isAheadOfCheckpoint: Bool = false) {
    phase = .fenced
    self.isAheadOfCheckpoint = isAheadOfCheckpoint
  }
}
