import Testing

@testable import Eventually

private typealias Batch = [Delivery<Counter.Event>]

/// A subscription whose runs are played one after the other; the last one is played again and again.
private final class PlayedRuns: PartitionedSubscription {
  typealias Event = Counter.Event
  /// Told how often the subscription was stopped before.
  typealias Run = @Sendable (_ stops: Int) async throws -> Batch

  let runs: [Run]
  let begun = Locked(0)
  let stops = Locked(0)
  let acknowledged = PositionSignal(at: 0)

  init(_ runs: [Run]) { self.runs = runs }

  func resume() -> AsyncThrowingStream<Batch, any Error> {
    let run = begun.withLock { begun in
      defer { begun += 1 }
      return runs[min(begun, runs.count - 1)]
    }
    // One batch, after which nothing comes.
    let isFirst = Locked(true)
    let never = PositionSignal(at: 0)
    return AsyncThrowingStream {
      let isDue = isFirst.withLock { isFirst in
        defer { isFirst = false }
        return isFirst
      }
      if isDue { return try await run(self.stops.withLock { $0 }) }
      await never.wait(past: 0)
      return nil
    }
  }

  func acknowledge(_ deliveries: Batch) { acknowledged.advance(to: 1) }
  func release(_ leases: [PartitionLease]) {}
  func stop() { stops.withLock { $0 += 1 } }
}

/// A store that fails as often as it is told to.
private final class FailingStore: ReadModelStore {
  typealias Event = Counter.Event
  struct Trouble: Error {}

  let claims = Locked(0)
  let applications = Locked(0)

  private func answer(_ failures: borrowing Locked<Int>) throws {
    try failures.withLock { left in
      if left == 0 { return }
      left -= 1
      throw Trouble()
    }
  }

  func claim(_ partitions: [Partition], owner: String) throws -> [PartitionLease] {
    try answer(claims)
    return []
  }

  func keep(_ records: [RejectedRecord]) {}

  func apply(_ deliveries: Batch, parking: [ProjectionFailure]) throws -> ApplyOutcome {
    try answer(applications)
    return ApplyOutcome()
  }
}

/// When a worker leaves its partitions to others since its database is away.
@Suite(.timeLimit(.minutes(5))) struct DatabaseAbsenceTests {
  private struct BusTrouble: Error {}

  private let limit = Duration.milliseconds(50)
  private let store = FailingStore()
  private let checkpoints: WatchedCheckpoints
  private let batch: Batch = [
    Delivery(
      partition: 0, epoch: 1, after: nil,
      entries: [
        .erased(
          id: EventID(high: 1, low: 1),
          at: EventPosition(
            partition: 0, partitionOffset: 1, sequenceNumber: 1, version: 1))
      ], nextOffset: 1)
  ]

  init() { checkpoints = WatchedCheckpoints(store) }

  /// Plays runs until a batch is applied.
  /// - Returns: how often the subscription was stopped, and what was told.
  private func play(_ runs: PlayedRuns.Run...) async -> (stops: Int, told: [String]) {
    let subscription = PlayedRuns(runs)
    let told = Locked<[String]>([])
    let projector = ReadModelProjector(
      subscription, into: store,
      retry: RetryPolicy(firstPause: .milliseconds(1), longestPause: .milliseconds(2)),
      absence: limit
    ) { error in
      told.withLock { $0.append("\(type(of: error))") }
    }
    let running = Task { await projector.run() }
    await subscription.acknowledged.wait(past: 0)
    running.cancel()
    await running.value
    return (subscription.stops.withLock { $0 }, told.withLock { $0 })
  }

  /// What has failed before is over once leases were taken, however long nothing came after that.
  @Test func aBatchComesUnderALeaseThatWasTaken() async {
    store.claims.withLock { $0 = 1 }
    store.applications.withLock { $0 = 1 }
    let (stops, told) = await play { [checkpoints, limit, batch] _ in
      _ = try await checkpoints.claim([0], owner: "test")
      try await Task.sleep(for: limit * 2)
      return batch
    }
    #expect(stops == 0)
    #expect(told == ["Trouble", "Trouble"])
  }

  @Test func leasesThatWereTakenEndAnAbsence() async {
    let claim: PlayedRuns.Run = { [checkpoints, batch] _ in
      _ = try await checkpoints.claim([0], owner: "test")
      return batch
    }
    store.claims.withLock { $0 = 1 }
    let (stops, told) = await play(
      claim,
      { [store, limit] stops in
        _ = try await claim(stops)
        try await Task.sleep(for: limit * 2)
        // The next one is to fail.
        store.claims.withLock { $0 = 1 }
        return try await claim(stops)
      }, claim)
    #expect(stops == 0)
    #expect(told == ["Trouble", "Trouble"])
  }

  @Test func theBusIsNotTheDatabase() async {
    let begin = Locked<ContinuousClock.Instant?>(nil)
    let (stops, told) = await play { [batch, limit] _ in
      let first = begin.withLock { begin in
        if begin == nil { begin = .now }
        return begin ?? .now
      }
      if .now < first + limit * 3 { throw BusTrouble() }
      return batch
    }
    #expect(stops == 0)
    #expect(Set(told) == ["BusTrouble"])
  }

  @Test func whoCanTakeNoLeasesLeaves() async {
    let (stops, told) = await play { [checkpoints, store, batch] stops in
      store.claims.withLock { $0 = stops == 0 ? 1 : 0 }
      _ = try await checkpoints.claim([0], owner: "test")
      return batch
    }
    #expect(stops >= 1)
    #expect(Set(told) == ["Trouble", "Left"])
  }

  @Test func aFailureTellsWhetherTheDatabaseHasAnsweredBefore() async {
    store.claims.withLock { $0 = 2 }
    var found: [Bool] = []
    for _ in 0..<3 {
      do {
        _ = try await checkpoints.claim([], owner: "test")
        store.claims.withLock { $0 = 1 }
        _ = try await checkpoints.claim([], owner: "test")
      } catch {
        found.append((error as? WatchedCheckpoints.Failure)?.hasAnswered ?? false)
      }
    }
    #expect(found == [false, false, true])
  }
}
