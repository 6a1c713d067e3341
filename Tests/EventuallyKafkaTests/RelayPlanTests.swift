import Eventually
import Testing

@testable import EventuallyKafka

/// A topic and its broker, and what a publisher does by its plan: everything but time and threads.
struct SimulatedRelay {
  enum Refused: Equatable {
    case not
    case invalid
    case tooLarge
  }

  let events: [EventPosition]
  /// The events whose records the broker refuses, by sequence number.
  var guilty: Set<UInt64>
  /// A batch of the producers has at most so many records.
  var batchCount: Int
  /// The broker takes no larger batch.
  var largestBatch = Int.max
  /// So many batches of other partitions are accepted before an error is known.
  var othersBeforeEnd = 0
  var plan: RelayPlan
  /// What the topic has of each partition: partition offsets.
  var topic: [[UInt64]]
  var now = ContinuousClock.now
  /// How many producers were made.
  var producers = 0

  init(
    _ partitions: [Partition], count: Partition, guilty: Set<UInt64>, batchCount: Int,
    ends: [UInt64]? = nil
  ) {
    var offsets = [UInt64](repeating: 0, count: Int(count))
    events = partitions.enumerated().map { index, partition in
      offsets[Int(partition)] += 1
      return EventPosition(
        partition: partition, partitionOffset: offsets[Int(partition)],
        sequenceNumber: UInt64(index) + 1, version: 1)
    }
    self.guilty = guilty
    self.batchCount = batchCount
    plan = RelayPlan(ends: ends ?? offsets.map { _ in 0 }, cursor: 0)
    topic = (ends ?? offsets.map { _ in 0 }).map { end in Array((1...(end + 1)).dropLast()) }
  }

  /// What becomes of records that are handed to one producer, which ends with the first refusal.
  private mutating func produce(
    _ records: [EventPosition]
  ) -> [(EventPosition, PartitionRelay.Outcome)] {
    producers += 1
    var queues: [[[EventPosition]]] = topic.indices.map { partition in
      let own = records.filter { Int($0.partition) == partition }
      return stride(from: 0, to: own.count, by: batchCount).map {
        Array(own[$0..<min($0 + batchCount, own.count)])
      }
    }
    var outcomes: [(EventPosition, PartitionRelay.Outcome)] = []
    var failed: Set<Int> = []
    var left = Int.max
    while let partition = queues.indices.first(where: {
      !failed.contains($0) && !queues[$0].isEmpty
    }),
      left > 0
    {
      let batch = queues[partition].removeFirst()
      let isRefused = batch.contains { guilty.contains($0.sequenceNumber) }
      if isRefused || batch.count > largestBatch {
        failed.insert(partition)
        left = min(left, othersBeforeEnd + 1)
        outcomes += batch.map { ($0, .refused(isRefused ? 87 : 10)) }
      } else {
        topic[partition] += batch.map(\.partitionOffset)
        outcomes += batch.map { ($0, .acknowledged) }
      }
      if left < Int.max { left -= 1 }
    }
    for batch in queues.joined() { outcomes += batch.map { ($0, .returned) } }
    return outcomes
  }

  /// Publishes until nothing more can be done.
  mutating func run() {
    var idle = 0
    for _ in 0..<1000 where idle < 12 {
      let before = topic
      flow()
      step()
      idle = topic == before ? idle + 1 : 0
    }
  }

  private mutating func flow() {
    let position = plan.readThrough
    let records = events.filter { $0.sequenceNumber > position }
      .filter { plan.read($0) == .publish }
    let outcomes = produce(records)
    for (record, outcome) in outcomes {
      plan.note(outcome, of: record.sequenceNumber, in: record.partition)
    }
    if outcomes.contains(where: { $0.1 != .acknowledged }) { _ = plan.endFlow() }
  }

  private mutating func step() {
    now += .milliseconds(400)
    var records: [EventPosition] = []
    for (partition, lot) in plan.nextLots(now) {
      let found = events.filter { $0.partition == partition && $0.sequenceNumber > lot.after }
      records += plan.begin(partition, Array(found.prefix(lot.limit)))
    }
    for (record, outcome) in produce(records) {
      _ = plan.noteLot(outcome, of: record.sequenceNumber, in: record.partition, now) { _ in
        .seconds(1)
      }
    }
  }
}

@Suite struct RelayPlanTests {
  /// What must hold when nothing more can be done: each partition has its events once and in order, up to the first that is
  /// refused, and the others have all.
  private func check(_ relay: SimulatedRelay, _ what: @autoclosure () -> String) {
    var held: [Partition] = []
    for partition in relay.topic.indices {
      let own = relay.events.filter { Int($0.partition) == partition }
      let expected = own.prefix { !relay.guilty.contains($0.sequenceNumber) }
      #expect(relay.topic[partition] == expected.map(\.partitionOffset), "\(what())")
      if expected.count < own.count { held.append(Partition(partition)) }
    }
    #expect(relay.plan.held == held, "\(what())")
    #expect(relay.plan.apart == Set(held), "\(what())")
    let first = relay.guilty.min() ?? UInt64(relay.events.count) + 1
    #expect(relay.plan.published == first - 1, "\(what())")
    #expect(relay.plan.ends == relay.topic.map { UInt64($0.count) }, "\(what())")
  }

  /// The sequence numbers whose bits are set.
  private func sequences(of subset: Int, _ count: Int) -> Set<UInt64> {
    Set((0..<count).filter { subset & (1 << $0) != 0 }.map { UInt64($0) + 1 })
  }

  /// Three partitions, seven events, every subset of them refused, batches of one to four, and errors that are known at
  /// once or later; then the broker accepts what it refused, one event at a time.
  @Test(arguments: 1...4, 0...3)
  func everySetOfRefusedEvents(batchCount: Int, others: Int) {
    let partitions: [Partition] = [0, 0, 1, 0, 1, 0, 2]
    for subset in 0..<(1 << partitions.count) {
      let guilty = sequences(of: subset, partitions.count)
      var relay = SimulatedRelay(partitions, count: 3, guilty: guilty, batchCount: batchCount)
      relay.othersBeforeEnd = others
      relay.run()
      check(relay, "\(guilty) \(batchCount) \(others)")
      while let next = relay.guilty.min() {
        relay.guilty.remove(next)
        relay.run()
        check(relay, "\(guilty) down to \(relay.guilty) \(batchCount) \(others)")
      }
      #expect(relay.plan.acknowledgedCount == UInt64(partitions.count))
    }
  }

  /// The topic takes less than a batch has; no record is refused on its own.
  @Test(arguments: 1...6)
  func batchesThatAreTooLarge(largest: Int) {
    let partitions = (0..<40).map { Partition($0 * 7 % 3) }
    for batchCount in 1...20 {
      var relay = SimulatedRelay(partitions, count: 3, guilty: [], batchCount: batchCount)
      relay.largestBatch = largest
      relay.run()
      check(relay, "\(largest) \(batchCount)")
    }
  }

  /// Some is in the topic already, and stays as it is.
  @Test func whatTheTopicHasIsNotPublishedAgain() {
    let partitions: [Partition] = [0, 1, 0, 1, 0, 1]
    for subset in 0..<(1 << 6) {
      let guilty = sequences(of: subset, 6).subtracting([1, 3, 2])
      var relay = SimulatedRelay(
        partitions, count: 2, guilty: guilty, batchCount: 2, ends: [2, 1])
      relay.run()
      check(relay, "\(guilty)")
      #expect(relay.plan.skippedCount == 3)
    }
  }

  @Test func oneRecordOfManyIsFoundWithFewProducers() {
    let partitions = [Partition](repeating: 0, count: 5000)
    var relay = SimulatedRelay(partitions, count: 2, guilty: [3333], batchCount: 1000)
    relay.run()
    check(relay, "")
    #expect(relay.producers < 60, "\(relay.producers) producers")
  }

  @Test func aTopicThatTakesLessGetsSmallerBatches() {
    var plan = RelayPlan(ends: [0], cursor: 0)
    func fail(_ code: Int32) {
      _ = plan.read(
        EventPosition(partition: 0, partitionOffset: 1, sequenceNumber: 1, version: 1))
      plan.note(.refused(code), of: 1, in: 0)
      _ = plan.endFlow()
    }
    fail(87)
    #expect(plan.batchSize == 1_000_000)
    plan = RelayPlan(ends: [0], cursor: 0)
    fail(10)
    #expect(plan.batchSize == 500_000)
    // It was the one record.
    _ = plan.begin(
      0, [EventPosition(partition: 0, partitionOffset: 1, sequenceNumber: 1, version: 1)])
    _ = plan.noteLot(.refused(10), of: 1, in: 0, .now) { _ in .zero }
    #expect(plan.batchSize == 1_000_000)
  }

  /// The client tells of a record that it refuses itself, and again of what was left of the batch.
  @Test func whatIsToldTwiceCountsOnce() {
    var plan = RelayPlan(ends: [0, 0], cursor: 0)
    let (held, other) = (
      EventPosition(partition: 0, partitionOffset: 1, sequenceNumber: 1, version: 1),
      EventPosition(partition: 1, partitionOffset: 1, sequenceNumber: 2, version: 1)
    )
    _ = plan.read(held)
    plan.note(.refused(10), of: 1, in: 0)
    _ = plan.endFlow()
    _ = plan.begin(0, [held])
    for _ in 0..<2 { _ = plan.noteLot(.refused(10), of: 1, in: 0, .now) { _ in .seconds(1) } }
    #expect(plan.inLots == 0 && plan.isIdle)
    // What flows is not held up by what is held.
    _ = plan.read(other)
    #expect(plan.flowed == 1 && !plan.isIdle)
    plan.note(.acknowledged, of: 2, in: 1)
    #expect(plan.flowed == 2 && plan.published == 0, "\(plan.flowed), \(plan.published)")
  }

  /// Between two attempts at a record that is refused there is the pause, unless somebody hurries it.
  @Test func aHeldRecordIsTriedAgainAfterAPause() {
    var partition = PartitionRelay(end: 0)
    let event = EventPosition(partition: 0, partitionOffset: 1, sequenceNumber: 9, version: 1)
    let now = ContinuousClock.now
    #expect(partition.read(event) == .publish)
    partition.note(.refused(87), of: 9)
    #expect(partition.endFlow() == nil)
    var asked: [Int] = []
    for attempt in 1...4 {
      let lot = partition.nextLot(now + .seconds(attempt))
      #expect(lot == PartitionRelay.Lot(after: 8, limit: 1, isHeld: attempt > 1))
      #expect(partition.begin([event]) == [event])
      #expect(partition.nextLot(now + .seconds(attempt)) == nil)
      #expect(
        partition.noteLot(.refused(87), of: 9, now + .seconds(attempt)) {
          asked.append($0)
          return .seconds(1)
        })
      #expect(partition.phase == .held(refusals: attempt))
      #expect(partition.nextLot(now + .seconds(attempt) + .milliseconds(999)) == nil)
    }
    #expect(asked == [1, 2, 3, 4])
    partition.hurry()
    #expect(partition.nextLot(now) != nil)
    // What was not sent says nothing.
    #expect(partition.begin([event]) == [event])
    #expect(partition.noteLot(.returned, of: 9, now) { _ in .seconds(1) })
    #expect(partition.phase == .held(refusals: 4))
    #expect(partition.begin([event]) == [event])
    #expect(partition.noteLot(.acknowledged, of: 9, now) { _ in .seconds(1) })
    #expect(partition.begin([]).isEmpty)
    #expect(partition.phase == .flowing)
    #expect(partition.read(event) == .alreadyThere)
  }
}

@Suite struct InFlightRecordsTests {
  /// Every order of six acknowledgements: the first that is open is the least that was not acknowledged.
  @Test func everyOrderOfAcknowledgements() {
    var records = InFlightRecords()
    let sequences: [UInt64] = [3, 4, 8, 11, 15, 16]
    for (index, sequence) in sequences.enumerated() {
      records.append(sequence: sequence, offset: UInt64(index) + 1)
    }
    func permute(_ left: [UInt64], _ records: InFlightRecords) {
      #expect(records.first == left.min())
      #expect(records.isEmpty == left.isEmpty)
      for sequence in left {
        var next = records
        let offset = next.acknowledge(sequence)
        #expect(offset == sequences.firstIndex(of: sequence).map { UInt64($0) + 1 })
        #expect(next.acknowledge(sequence) == nil)
        #expect(next.acknowledge(9) == nil)
        permute(left.filter { $0 != sequence }, next)
      }
    }
    permute(sequences, records)
  }

  @Test func manyInOrder() {
    var records = InFlightRecords()
    for sequence in 1...10_000 as ClosedRange<UInt64> {
      records.append(sequence: sequence, offset: sequence)
      if sequence > 3000 { #expect(records.acknowledge(sequence - 3000) == sequence - 3000) }
    }
    #expect(records.first == 7001 && records.last == 10_000)
  }
}
