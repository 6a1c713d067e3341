import Eventually

/// Decides how the events of one partition are published. It does no work itself.
///
/// Records *flow*: they are handed to a producer that all partitions share, many in flight. Where the broker refuses some,
/// nothing is known of any single one of them: a batch is refused as a whole. The partition then leaves the flow, and is
/// published in *lots*, each handed over once the one before is acknowledged: half as many records as were refused,
/// down to one, and more again when they are accepted. A record that is refused on its own *holds* the partition, and is
/// tried again after a while. When a partition has caught up with what was read for the others meanwhile, it flows again.
struct PartitionRelay: Equatable {
  enum Phase: Equatable {
    case flowing
    case stepping
    /// One record was refused on its own, so many times.
    case held(refusals: Int)
  }

  /// What is to be done with an event that was read for the flow.
  enum Decision: Equatable {
    case publish
    /// The topic has it.
    case alreadyThere
    /// The partition is published in lots.
    case leave
  }

  /// What became of a record.
  enum Outcome: Equatable {
    case acknowledged
    /// The broker refuses it, or a batch that it was in.
    case refused(Int32)
    /// It was not sent, or what became of it is not known.
    case returned
  }

  /// The records that are to be handed over next.
  struct Lot: Equatable {
    /// The sequence number that they come after.
    var after: UInt64
    /// At most so many.
    var limit: Int
    /// Whether the partition is held by the first of them.
    var isHeld: Bool
  }

  fileprivate struct Handed: Equatable {
    var position: EventPosition
    var outcome: Outcome?
  }

  /// A lot has at most so many records.
  static let largestLot = 500
  /// After so many lots of the largest size that was accepted, a larger one is tried.
  static let lotsBeforeLarger = 16

  private(set) var phase = Phase.flowing
  /// The partition offsets that the topic has.
  private(set) var acknowledged: ContiguousPrefix
  private var inFlight = InFlightRecords()
  /// How many of those in flight were refused.
  private var refused = 0
  /// The partition's events before this sequence number are acknowledged; of use while it does not flow.
  private var next: UInt64 = 0
  /// The last of its events that was read for the flow and left out.
  private var leftBehind: UInt64 = 0
  private var lot: [Handed] = []
  private var limit = 1
  private var ceiling = largestLot
  /// How many lots of the largest size were accepted one after the other.
  private var accepted = 0
  /// Before this nothing is handed over.
  private var due: ContinuousClock.Instant?

  /// - Parameter end: the partition offset up to which the topic has everything.
  init(end: UInt64) {
    acknowledged = ContiguousPrefix(end: end)
  }

  /// The sequence number of the first event that is not acknowledged, or one before that; `nil` where all are that were read.
  var firstOpen: UInt64? { phase == .flowing ? inFlight.first : next }

  // MARK: - Flowing

  /// An event was read for the flow.
  mutating func read(_ position: EventPosition) -> Decision {
    if acknowledged.contains(position.partitionOffset) { return .alreadyThere }
    guard phase == .flowing else {
      leftBehind = max(leftBehind, position.sequenceNumber)
      return .leave
    }
    inFlight.append(sequence: position.sequenceNumber, offset: position.partitionOffset)
    return .publish
  }

  /// Notes what became of a record that flowed.
  /// - Returns: the partition offset of one that is acknowledged for the first time.
  @discardableResult
  mutating func note(_ outcome: Outcome, of sequence: UInt64) -> UInt64? {
    switch outcome {
    case .acknowledged:
      guard let offset = inFlight.acknowledge(sequence) else { return nil }
      acknowledged.acknowledge(offset)
      return offset
    case .refused: refused += 1
    case .returned: break
    }
    return nil
  }

  /// The producer of the flow is at its end, and no more reports of its records will come.
  /// - Returns: the sequence number from which the flow has to be read again for this partition.
  mutating func endFlow() -> UInt64? {
    defer {
      inFlight.removeAll()
      refused = 0
    }
    guard phase == .flowing, let first = inFlight.first, let last = inFlight.last else {
      return nil
    }
    guard refused > 0 else { return first }
    phase = .stepping
    next = first
    leftBehind = max(leftBehind, last)
    due = nil
    cut(to: refused)
    return nil
  }

  // MARK: - In lots

  /// The lot that is to be handed over, where one is.
  func nextLot(_ now: ContinuousClock.Instant) -> Lot? {
    guard phase != .flowing, lot.isEmpty, due.map({ $0 <= now }) ?? true else { return nil }
    if case .held = phase { return Lot(after: next - 1, limit: 1, isHeld: true) }
    return Lot(after: next - 1, limit: limit, isHeld: false)
  }

  /// Notes what the store has for a lot.
  /// - Returns: what is to be handed over of it.
  mutating func begin(_ positions: [EventPosition]) -> [EventPosition] {
    guard phase != .flowing, lot.isEmpty else { return [] }
    guard let last = positions.last else {
      // Nothing is missing that the others have come past.
      if leftBehind < next { phase = .flowing }
      return []
    }
    let missing = positions.filter { !acknowledged.contains($0.partitionOffset) }
    next = missing.first?.sequenceNumber ?? last.sequenceNumber + 1
    lot = missing.map { Handed(position: $0) }
    return missing
  }

  /// Whether it is not known yet what became of a record of the lot.
  func awaits(_ sequence: UInt64) -> Bool {
    lot.contains { $0.position.sequenceNumber == sequence && $0.outcome == nil }
  }

  /// Notes what became of a record of a lot.
  /// - Parameter pause: asked for where the partition is held, after so many refusals.
  /// - Returns: whether that was the last of them.
  mutating func noteLot(
    _ outcome: Outcome, of sequence: UInt64, _ now: ContinuousClock.Instant,
    pause: (Int) -> Duration
  ) -> Bool {
    guard let index = lot.firstIndex(where: { $0.position.sequenceNumber == sequence }),
      lot[index].outcome == nil
    else { return false }
    lot[index].outcome = outcome
    if outcome == .acknowledged { acknowledged.acknowledge(lot[index].position.partitionOffset) }
    guard lot.allSatisfy({ $0.outcome != nil }) else { return false }
    endLot(now, pause)
    return true
  }

  private mutating func endLot(_ now: ContinuousClock.Instant, _ pause: (Int) -> Duration) {
    let ended = lot
    lot = []
    due = nil
    guard let open = ended.first(where: { $0.outcome != .acknowledged }) else {
      // What was held was accepted: nothing is known against those behind it.
      if case .held = phase { ceiling = Self.largestLot }
      phase = .stepping
      next = (ended.last?.position.sequenceNumber ?? next) + 1
      if ended.count >= ceiling { accepted += 1 }
      if accepted >= Self.lotsBeforeLarger {
        accepted = 0
        ceiling = min(ceiling * 2, Self.largestLot)
      }
      limit = min(limit * 2, ceiling)
      return
    }
    next = open.position.sequenceNumber
    let refused = ended.count { $0.isRefused }
    guard refused > 0 else { return }
    guard refused == 1, open.isRefused else {
      phase = .stepping
      cut(to: refused)
      return
    }
    limit = 1
    var refusals = 1
    if case .held(let before) = phase { refusals += before }
    phase = .held(refusals: refusals)
    due = now + pause(refusals)
  }

  /// The record that holds the partition is to be tried at once.
  mutating func hurry() {
    if case .held = phase { due = nil }
  }

  /// So many records were refused together.
  private mutating func cut(to refused: Int) {
    ceiling = min(Self.largestLot, max(1, refused / 2))
    limit = ceiling
    accepted = 0
  }
}

extension PartitionRelay.Handed {
  var isRefused: Bool {
    if case .refused? = outcome { return true }
    return false
  }
}
