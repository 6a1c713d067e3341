import Eventually

/// Decides how a store's events are published, and knows how far they are. It does no work itself.
///
/// It outlives producers: one ends with the first record that the broker refuses, and what was acknowledged until then is
/// not handed to the next.
struct RelayPlan: Equatable {
  private(set) var partitions: [PartitionRelay]
  /// The flow was read up to this sequence number.
  private(set) var readThrough: UInt64
  /// How many records were acknowledged.
  private(set) var acknowledgedCount: UInt64 = 0
  /// How many events were found in the topic, and not published.
  private(set) var skippedCount: UInt64 = 0
  /// How many records are in the flow's producer.
  private(set) var inFlight = 0
  /// How many records of lots wait for what becomes of them.
  private(set) var inLots = 0
  /// The partitions that do not flow.
  private(set) var apart: Set<Partition> = []
  /// At most so many bytes go into a batch of the flow's next producer.
  private(set) var batchSize: Int
  private let largestBatch: Int
  /// Something was refused as too large, which may be one record or a batch.
  private var isBatchSuspected = false
  /// The largest sequence number that was ever read for the flow.
  private var seen: UInt64

  /// The least that ``batchSize`` comes to.
  static let smallestBatch = 16 << 10

  /// - Parameters:
  ///   - ends: the partition offsets up to which the topic has everything.
  ///   - cursor: the sequence number up to which it has everything.
  init(ends: [UInt64], cursor: UInt64, batchSize: Int = 1_000_000) {
    partitions = ends.map { PartitionRelay(end: $0) }
    readThrough = cursor
    seen = cursor
    largestBatch = batchSize
    self.batchSize = batchSize
  }

  /// Whether no record waits for what becomes of it.
  var isIdle: Bool { inFlight + inLots == 0 }

  /// The sequence number up to which everything is acknowledged.
  var published: UInt64 {
    partitions.reduce(readThrough) { least, partition in
      partition.firstOpen.map { min(least, $0 - 1) } ?? least
    }
  }

  /// The sequence number up to which everything that flows is acknowledged, whatever holds other partitions.
  var flowed: UInt64 {
    partitions.reduce(readThrough) { least, partition in
      guard partition.phase == .flowing, let open = partition.firstOpen else { return least }
      return min(least, open - 1)
    }
  }

  /// The partition offsets up to which the topic has everything.
  var ends: [UInt64] { partitions.map(\.acknowledged.end) }

  // MARK: - The flow

  /// An event was read for the flow.
  mutating func read(_ position: EventPosition) -> PartitionRelay.Decision {
    readThrough = position.sequenceNumber
    let decision = partitions[Int(position.partition)].read(position)
    switch decision {
    case .publish: inFlight += 1
    case .alreadyThere: if position.sequenceNumber > seen { skippedCount += 1 }
    case .leave: break
    }
    seen = max(seen, position.sequenceNumber)
    return decision
  }

  /// Notes what became of a record that flowed.
  /// - Returns: the partition offset of one that is acknowledged for the first time.
  @discardableResult
  mutating func note(
    _ outcome: PartitionRelay.Outcome, of sequence: UInt64, in partition: Partition
  ) -> UInt64? {
    inFlight -= 1
    if outcome == .acknowledged { acknowledgedCount += 1 }
    let offset = partitions[Int(partition)].note(outcome, of: sequence)
    if case .refused(let code) = outcome, RefusalKind(code) == .tooLarge { isBatchSuspected = true }
    return offset
  }

  /// The producer of the flow is at its end, and no more reports of its records will come.
  /// - Returns: the sequence number after which the flow is to be read again.
  mutating func endFlow() -> UInt64 {
    inFlight = 0
    // A topic that takes less than a batch of the flow has: smaller ones may do.
    if isBatchSuspected { batchSize = max(Self.smallestBatch, batchSize / 2) }
    isBatchSuspected = false
    for index in partitions.indices {
      if let first = partitions[index].endFlow() { readThrough = min(readThrough, first - 1) }
      if partitions[index].phase != .flowing { apart.insert(Partition(index)) }
    }
    return readThrough
  }

  // MARK: - Partitions that do not flow

  /// The lots that are to be handed over.
  func nextLots(_ now: ContinuousClock.Instant) -> [(Partition, PartitionRelay.Lot)] {
    apart.sorted().compactMap { partition in
      partitions[Int(partition)].nextLot(now).map { (partition, $0) }
    }
  }

  /// Notes what the store has for a lot.
  /// - Returns: what is to be handed over of it.
  mutating func begin(_ partition: Partition, _ positions: [EventPosition]) -> [EventPosition] {
    let missing = partitions[Int(partition)].begin(positions)
    inLots += missing.count
    if partitions[Int(partition)].phase == .flowing { apart.remove(partition) }
    return missing
  }

  /// Notes what became of a record of a lot.
  /// - Returns: whether that was the last of them.
  mutating func noteLot(
    _ outcome: PartitionRelay.Outcome, of sequence: UInt64, in partition: Partition,
    _ now: ContinuousClock.Instant, pause: (Int) -> Duration
  ) -> Bool {
    // Of a record that the client itself refuses it is told twice.
    guard partitions[Int(partition)].awaits(sequence) else { return false }
    inLots -= 1
    if outcome == .acknowledged { acknowledgedCount += 1 }
    let isLast = partitions[Int(partition)].noteLot(outcome, of: sequence, now, pause: pause)
    if case .refused(let code) = outcome, RefusalKind(code) == .tooLarge,
      partitions[Int(partition)].phase == .held(refusals: 1)
    {
      // It was the record, not the batch.
      batchSize = min(largestBatch, batchSize * 2)
    }
    return isLast
  }

  /// The partitions that are held by one record.
  var held: [Partition] {
    apart.filter { if case .held = partitions[Int($0)].phase { true } else { false } }.sorted()
  }

  /// The record that holds a partition is to be tried at once.
  mutating func hurry(_ partition: Partition) { partitions[Int(partition)].hurry() }
}
