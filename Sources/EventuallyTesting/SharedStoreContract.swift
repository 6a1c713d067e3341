public import Eventually

/// What a store must do that several writers share, each with an object of its own, as on several hosts. Each check makes a store.
public struct SharedStoreContract<Store: EventStore & EventSubscriber & Outbox>: Sendable
where Store.StreamID == String, Store.Event: Equatable {
  private let makeStores: @Sendable () async throws -> (Store, Store)
  private let event: @Sendable (Int) -> Store.Event

  /// - Parameters:
  ///   - makeStores: opens an empty store twice.
  ///   - event: events, a different one for each number.
  public init(
    makeStores: @escaping @Sendable () async throws -> (Store, Store),
    event: @escaping @Sendable (Int) -> Store.Event
  ) {
    self.makeStores = makeStores
    self.event = event
  }

  /// All checks.
  public var checks: [ContractCheck] {
    [
      check("of two writers that expect the same version, one passes", race),
      check("of two writers with the same idempotency key, one carries the request out", keys),
      check("appends of both leave no gap, and are where both were told", load),
      check("each learns of the other's events, in order and each once", following),
      check("a stream that one removes begins anew for the other", removal),
      check("one at a time has the relay's term, and notes nothing after it", relay),
    ]
  }

  private func check(
    _ description: String, _ body: @escaping @Sendable (Store, Store) async throws -> Void
  ) -> ContractCheck {
    ContractCheck(description) { [makeStores] in
      for attempt in 1... {
        let (first, second) = try await makeStores()
        do {
          return try await body(first, second)
        } catch let error as RelayFenced where error.isByClock && attempt < 10 {
          // On a busy machine a term may end before it is renewed: that is what it is to do.
        }
      }
    }
  }

  @Sendable private func race(_ first: Store, _ second: Store) async throws {
    for round in 0..<50 {
      let conflicts = try await withThrowingTaskGroup(of: VersionConflict?.self) { group in
        for store in [first, second] {
          group.addTask {
            do {
              _ = try await store.append(
                [event(round)], to: "s", expecting: .exact(Version(round)))
              return nil
            } catch EventStoreError.conflict(let conflict) {
              return conflict
            }
          }
        }
        return try await group.reduce(into: []) { $0 += $1.map { [$0] } ?? [] }
      }
      try require(
        conflicts.map(\.actual) == [Version(round + 1)], "round \(round): conflicts \(conflicts)")
    }
    try await complete(second, 50)
  }

  @Sendable private func keys(_ first: Store, _ second: Store) async throws {
    for round in 0..<20 {
      let key = IdempotencyKey("request \(round)")
      let results = try await withThrowingTaskGroup(of: IdempotentResult.self) { group in
        for number in 0..<8 {
          group.addTask {
            try await (number % 2 == 0 ? first : second).append(
              [event(round), event(round)], to: "s \(round)", expecting: .any, idempotencyKey: key)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      try require(
        results.count { !$0.isRepetition } == 1 && Set(results.map(\.last)).count == 1,
        "round \(round): \(results)")
    }
    try await complete(first, 40)
  }

  @Sendable private func load(_ first: Store, _ second: Store) async throws {
    try await append(first, second)
    let log = try await complete(first, 1600)
    var versions: [String: Version] = [:]
    for case .event(let persisted) in log {
      try require(
        persisted.version == versions[persisted.streamID, default: 0] + 1,
        "stream \(persisted.streamID) has version \(persisted.version) after \(versions[persisted.streamID, default: 0])"
      )
      versions[persisted.streamID] = persisted.version
    }
    try require(try await first.heads() == second.heads(), "they differ in the heads")
    let heads = try await first.heads(at: 800)
    try require(heads.reduce(0, +) == 800, "at 800 the heads are \(heads)")
  }

  /// 1600 events in streams that both write to.
  private func append(_ first: Store, _ second: Store) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<16 {
        let store = caller % 2 == 0 ? first : second
        group.addTask {
          for number in 0..<50 {
            let stream = "stream \((caller + number) % 5)"
            let result = try await store.append(
              [event(2 * number), event(2 * number + 1)], to: stream, expecting: .any)
            // Whoever is told where its event is finds it there, at the other one, too.
            guard number % 10 == 0 else { continue }
            let other = caller % 2 == 0 ? second : first
            let found = try await other.records(after: result.last.sequenceNumber - 1, limit: 1)
            try require(
              found.first?.position == result.last && found.first?.streamID == stream,
              "at \(result.last) there is \(String(describing: found.first))")
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Sendable private func following(_ first: Store, _ second: Store) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for store in [first, second] {
        group.addTask {
          var seen: UInt64 = 0
          for try await entry in store.subscribeAll(after: 0) {
            try require(
              entry.position.sequenceNumber == seen + 1,
              "after \(seen) comes \(entry.position.sequenceNumber)")
            seen += 1
            if seen == 1600 { return }
          }
        }
      }
      group.addTask { try await append(first, second) }
      try await group.waitForAll()
    }
  }

  @Sendable private func removal(_ first: Store, _ second: Store) async throws {
    _ = try await first.append([event(1), event(2)], to: "s", expecting: .exact(0))
    let removal = try await second.remove("s", expecting: .exact(2))
    try require(
      removal?.sequenceNumber == 3, "the removal is at \(String(describing: removal))")
    do {
      _ = try await first.append([event(3)], to: "s", expecting: .exact(2))
      throw ScenarioFailure("an append passed that expected what was removed")
    } catch EventStoreError.conflict(let conflict) {
      try require(conflict.actual == 0, "\(conflict)")
    }
    let again = try await first.append([event(3)], to: "s", expecting: .exact(0))
    try require(again.version == 1, "it begins again at \(again.version)")
    var found: [Store.Event] = []
    for try await persisted in second.stream("s", .all) { found.append(persisted.event) }
    try require(found == [event(3)], "the stream has \(found)")
    try await complete(second, 4)
  }

  @Sendable private func relay(_ first: Store, _ second: Store) async throws {
    _ = try await first.append([event(1), event(2)], to: "s", expecting: .any)
    let term = try await first.lease { _ in }
    let holders = Locked<[RelayHolder]>([])
    let waiting = Task {
      try await second.lease { holder in holders.withLock { $0.append(holder) } }
    }
    defer { waiting.cancel() }
    try await first.markPublished(1, under: term)
    while holders.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(10)) }
    let holder = holders.withLock { $0[0] }
    try require(holder.epoch == term.epoch, "the second waits for \(holder), not \(term.epoch)")
    await term.release()
    let next = try await waiting.value
    try require(next.epoch > term.epoch, "epoch \(next.epoch) comes after \(term.epoch)")
    do {
      try await first.markPublished(2, under: term)
      throw ScenarioFailure("what was noted after the term was taken")
    } catch let error as RelayFenced {
      try require(error.epoch == term.epoch, "\(error)")
    }
    let published = try await second.published()
    try require(published == 1, "published up to \(published)")
    try await second.markPublished(2, under: next)
    try require(try await first.published() == 2, "not noted under the next term")
    await next.release()
  }

  /// The whole log, without gaps.
  @discardableResult
  private func complete(
    _ store: Store, _ count: Int
  ) async throws -> [LogEntry<String, Store.Event>] {
    var log: [LogEntry<String, Store.Event>] = []
    for try await entry in store.streamAll(.all) { log.append(entry) }
    try require(
      log.map(\.position.sequenceNumber) == (0..<count).map { UInt64($0 + 1) },
      "\(log.count) events, not 1 to \(count) in order")
    var last: [Partition: UInt64] = [:]
    for position in log.map(\.position) {
      try require(
        position.partitionOffset == last[position.partition, default: 0] + 1,
        "partition \(position.partition) has \(position.partitionOffset) after \(last[position.partition, default: 0])"
      )
      last[position.partition] = position.partitionOffset
    }
    return log
  }
}
