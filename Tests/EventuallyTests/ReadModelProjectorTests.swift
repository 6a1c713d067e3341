import Logging
import ServiceLifecycle
import Testing

@testable import Eventually

/// A subscription that plays given batches, and hears what is told to it.
private final class ScriptedSubscription: PartitionedSubscription {
  typealias Event = Counter.Event
  let batches: [[Delivery<Event>]]
  let acknowledged = Locked<[Partition]>([])
  let released = Locked<[PartitionLease]>([])
  let resumes = PositionSignal(at: 0)
  let finished = PositionSignal(at: 0)
  let stops = Locked(0)
  /// Whether the batches come with each resumption.
  let isRepeated: Bool

  init(_ batches: [[Delivery<Event>]], isRepeated: Bool = false) {
    self.batches = batches
    self.isRepeated = isRepeated
  }

  func stop() { stops.withLock { $0 += 1 } }

  func resume() -> AsyncThrowingStream<[Delivery<Event>], any Error> {
    let isFirst = resumes.position == 0
    resumes.advance(to: resumes.position + 1)
    return AsyncThrowingStream { continuation in
      if isFirst || isRepeated { for batch in batches { continuation.yield(batch) } }
    }
  }

  func acknowledge(_ deliveries: [Delivery<Event>]) {
    acknowledged.withLock { $0 += deliveries.map(\.partition) }
    finished.advance(to: finished.position + 1)
  }

  func release(_ leases: [PartitionLease]) {
    released.withLock { $0 += leases }
  }
}

private final class ScriptedStore: ReadModelStore {
  typealias Event = Counter.Event
  struct Trouble: Error {}
  let failures: Locked<Int>
  let fenced: Set<Partition>
  /// Partitions whose first event can't be projected.
  let poisonous: Set<Partition>
  let parked = Locked<[[Partition]]>([])
  let applied = Locked<[Partition]>([])

  init(
    failures: Int = 0, fenced: Set<Partition> = [], poisonous: Set<Partition> = []
  ) {
    self.failures = Locked(failures)
    self.fenced = fenced
    self.poisonous = poisonous
  }

  func keep(_ records: [RejectedRecord]) {}

  /// Claims that fail, and how many there were.
  let claims = Locked((failing: 0, count: 0))

  func claim(_ partitions: [Partition], owner: String) throws -> [PartitionLease] {
    try claims.withLock { claims in
      claims.count += 1
      if claims.count <= claims.failing { throw Trouble() }
    }
    return []
  }

  func apply(
    _ deliveries: [Delivery<Event>], parking: [ProjectionFailure]
  ) throws -> ApplyOutcome {
    parked.withLock { $0.append(parking.map(\.position.partition)) }
    try failures.withLock { left in
      if left > 0 {
        left -= 1
        throw Trouble()
      }
    }
    let failing = deliveries.filter { delivery in
      poisonous.contains(delivery.partition)
        && !parking.contains { $0.position.partition == delivery.partition }
    }
    if !failing.isEmpty {
      throw ProjectionFailures(
        failing.map {
          ProjectionFailure(position: $0.entries[0].position, streamID: "s", reason: "poison")
        })
    }
    let mine = deliveries.filter { !fenced.contains($0.partition) }
    applied.withLock { $0 += mine.map(\.partition) }
    let refused = deliveries.filter { fenced.contains($0.partition) }.map {
      PartitionLease(partition: $0.partition, epoch: $0.epoch, position: nil, offsetHint: nil)
    }
    return ApplyOutcome(fenced: refused, parked: parking.count)
  }
}

@Suite struct ReadModelProjectorTests {
  private func delivery(_ partition: Partition) -> Delivery<Counter.Event> {
    let position = EventPosition(
      partition: partition, partitionOffset: 1, sequenceNumber: 1, version: 1)
    return Delivery(
      partition: partition, epoch: 1, after: nil,
      entries: [.erased(id: EventID(high: 1, low: 1), at: position)], nextOffset: 1)
  }

  private func run(
    _ subscription: ScriptedSubscription, _ store: ScriptedStore, batches: UInt64
  ) async -> ReadModelProjectorStatus {
    let projector = ReadModelProjector(
      subscription, into: store,
      retry: RetryPolicy(firstPause: .milliseconds(1), longestPause: .milliseconds(2)),
      parking: RetryPolicy(
        attempts: 3, firstPause: .milliseconds(1), longestPause: .milliseconds(2)))
    let running = Task { await projector.run() }
    await subscription.finished.wait(past: batches - 1)
    running.cancel()
    await running.value
    return projector.status
  }

  @Test func whatFailsIsTriedAgainFromTheSamePlace() async {
    let subscription = ScriptedSubscription([[delivery(0)], [delivery(1)]])
    let store = ScriptedStore(failures: 4)
    let status = await run(subscription, store, batches: 2)
    #expect(store.applied.withLock { $0 } == [0, 1])
    #expect(status.applied == 2)
    #expect(status.retries == 4)
    #expect(status.failure == nil)
    #expect(subscription.resumes.position == 1)
  }

  /// Others get its partitions; it joins them again when the database answers.
  @Test(.timeLimit(.minutes(5))) func aWorkerWithoutItsDatabaseLeaves() async {
    let subscription = ScriptedSubscription([[delivery(0)]], isRepeated: true)
    let store = ScriptedStore(failures: 1_000_000)
    store.claims.withLock { $0.failing = 3 }
    let projector = ReadModelProjector(
      subscription, into: store,
      retry: RetryPolicy(firstPause: .milliseconds(1), longestPause: .milliseconds(2)),
      absence: .milliseconds(50)
    ) { error in
      // It has left: what was wrong passes.
      if error is DatabaseAbsence.Left { store.failures.withLock { $0 = 0 } }
    }
    let running = Task { await projector.run() }
    await subscription.finished.wait(past: 0)
    running.cancel()
    await running.value
    #expect(subscription.stops.withLock { $0 } == 1)
    #expect(subscription.resumes.position == 2)
    #expect(store.claims.withLock { $0.count } == 4)
    #expect(store.applied.withLock { $0 } == [0])
    #expect(projector.status.failure == nil)
  }

  @Test func anAbsenceIsCountedFromItsFirstFailure() {
    let start = ContinuousClock.now
    var absence = DatabaseAbsence(limit: .seconds(30))
    var left = [0, 29].map { absence.failed(at: start + .seconds($0)) }
    absence.answered()
    left += [31, 60, 61, 62].map { absence.failed(at: start + .seconds($0)) }
    #expect(left == [false, false, false, false, true, false])
    var kept = DatabaseAbsence(limit: nil)
    #expect([0, 3_600].map { kept.failed(at: start + .seconds($0)) } == [false, false])
  }

  @Test(.timeLimit(.minutes(5))) func aGracefulShutdownEndsItWithoutAnError() async throws {
    let subscription = ScriptedSubscription([[delivery(0)]])
    let group = ServiceGroup(
      services: [ReadModelProjector(subscription, into: ScriptedStore())],
      logger: Logger(label: "test"))
    let running = Task { try await group.run() }
    await subscription.finished.wait(past: 0)
    await group.triggerGracefulShutdown()
    try await running.value
  }

  @Test func whatFailsForGoodIsParkedAndTheRestGoesOn() async {
    let subscription = ScriptedSubscription([[delivery(0), delivery(1)], [delivery(2)]])
    let store = ScriptedStore(poisonous: [1])
    let status = await run(subscription, store, batches: 2)
    // Three attempts, the next with the event parked; and then the next batch.
    #expect(store.parked.withLock { $0 } == [[], [], [], [1], []])
    #expect(store.applied.withLock { $0 } == [0, 1, 2])
    #expect(status.applied == 2)
    #expect(status.parked == 1)
    #expect(status.retries == 2)
    #expect(status.failure == nil)
  }

  /// So that logs of it have the ids of its trace and its correlation.
  @Test func whatFailsIsToldWithWhatLedToTheEvent() async {
    let metadata = EventMetadata(
      correlationID: "order 7",
      traceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    )
    let position = EventPosition(
      partition: 1, partitionOffset: 1, sequenceNumber: 1, version: 1)
    let event = Persisted(
      streamID: "s", position: position, id: EventID(high: 1, low: 1), time: .now(),
      event: Counter.Event.added(1), metadata: metadata)
    let failing = Delivery(
      partition: 1, epoch: 1, after: nil, entries: [.event(event)], nextOffset: 1)
    let subscription = ScriptedSubscription([[delivery(0), failing]])
    let told = Locked<[(what: String, metadata: EventMetadata)]>([])
    let projector = ReadModelProjector(
      subscription, into: ScriptedStore(failures: 1, poisonous: [1]),
      retry: RetryPolicy(firstPause: .milliseconds(1), longestPause: .milliseconds(2)),
      parking: RetryPolicy(
        attempts: 2, firstPause: .milliseconds(1), longestPause: .milliseconds(2))
    ) { error in
      told.withLock { $0.append(("\(type(of: error))", .current)) }
    } onParking: { _ in
      told.withLock { $0.append(("parked", .current)) }
    }
    let running = Task { await projector.run() }
    await subscription.finished.wait(past: 0)
    running.cancel()
    await running.value
    let found = told.withLock { $0 }
    #expect(found.map(\.what) == ["Trouble", "ProjectionFailures", "parked"])
    #expect(found.map(\.metadata) == [EventMetadata(), metadata, metadata])
  }

  @Test func fencedPartitionsAreGivenUpAndTheOthersGoOn() async {
    let subscription = ScriptedSubscription([[delivery(0), delivery(1), delivery(2)]])
    let store = ScriptedStore(fenced: [1])
    let status = await run(subscription, store, batches: 1)
    #expect(store.applied.withLock { $0 } == [0, 2])
    #expect(subscription.acknowledged.withLock { $0 } == [0, 2])
    #expect(subscription.released.withLock { $0.map(\.partition) } == [1])
    #expect(status.applied == 2)
  }
}
