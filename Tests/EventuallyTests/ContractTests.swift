import Eventually
import EventuallyTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct ContractTests {
  private static let stores = EventStoreContract(
    makeStore: { InMemoryEventStore<String, Int>() }, streamID: { "stream-\($0)" }, event: { $0 })

  @Test(arguments: stores.checks + stores.subscriberChecks)
  func theInMemoryStoreIsAnEventStore(_ check: ContractCheck) async throws {
    try await check.run()
  }

  /// It reads back what it writes, but for one number.
  private struct NumberCodec: EventCodec {
    let contentType = "text/plain"

    func type(of event: Int) -> String { "Number" }

    func encode(_ event: Int, into bytes: inout [UInt8]) {
      bytes.append(contentsOf: "\(event == 666 ? 667 : event)".utf8)
    }

    func decode(type: String, payload: Span<UInt8>) throws -> Int {
      var reader = JSONReader(payload)
      return Int(try reader.integer())
    }
  }

  private static let checkingStores = EventStoreContract(
    makeStore: { InMemoryEventStore<String, Int>(checking: NumberCodec()) },
    streamID: { "stream-\($0)" }, event: { $0 }, unreadable: { 666 })

  @Test(arguments: checkingStores.checks)
  func anInMemoryStoreThatChecksItsEventsIsAnEventStore(_ check: ContractCheck) async throws {
    try await check.run()
  }

  private static let subscriptions = SubscriptionContract {
    let store = InMemoryEventStore<String, Int>()
    let checkpoint = Locked<UInt64?>(nil)
    return .init(
      append: { count in
        for number in 0..<count {
          _ = try store.append([number], to: "stream-\(number % 7)", expecting: .any)
        }
      },
      subscribe: { TransientSubscription(store, checkpoint: checkpoint.withLock { $0 }) },
      resume: { $0.resume() },
      entries: { ["\($0.position.sequenceNumber)"] },
      applied: { entry, subscription in
        subscription.checkpoint(entry.position.sequenceNumber)
        checkpoint.withLock { $0 = subscription.position }
      })
  }

  @Test(arguments: subscriptions.checks())
  func theTransientSubscriptionIsASubscription(_ check: ContractCheck) async throws {
    try await check.run()
  }

  private static let readModels = ReadModelStoreContract(
    makeStore: { InMemoryReadModelStore(WordCounts()) },
    count: { store, word in
      try await store.read { try $0.row(WordCountRow.self, word)?.count ?? 0 }
    }, rejected: { await $0.rejected })

  @Test(arguments: readModels.checks)
  func theInMemoryReadModelIsAReadModelStore(_ check: ContractCheck) async throws {
    try await check.run()
  }

  // MARK: - What the contracts are for

  /// Checks the version under one lock and writes under another, as the Rust crate's store in memory does.
  private final class RacingStore: EventStore {
    let base = InMemoryEventStore<String, Int>()
    private let versions = Locked<[String: Version]>([:])

    func append(
      _ events: [Int], to streamID: String, expecting: ExpectedVersion
    ) async throws(EventStoreError) -> AppendResult {
      if case .exact(let expected) = expecting {
        let actual = versions.withLock { $0[streamID] ?? 0 }
        guard actual == expected else {
          throw .conflict(
            VersionConflict(streamID: streamID, expected: expected, actual: actual))
        }
      }
      await Task.yield()
      let appended = try base.append(events, to: streamID, expecting: .any)
      versions.withLock { $0[streamID] = appended.version }
      return appended
    }

    func append(
      _ events: [Int], to streamID: String, expecting: ExpectedVersion,
      idempotencyKey: IdempotencyKey
    ) async throws(EventStoreError) -> IdempotentResult {
      // Looks the key up apart from the append, as a client without a store's help would.
      if let first = try base.result(of: idempotencyKey, on: streamID) { return first }
      await Task.yield()
      let appended = try base.append(events, to: streamID, expecting: .any)
      _ = try base.append([], to: streamID, expecting: .any, idempotencyKey: idempotencyKey)
      return IdempotentResult(last: appended.last, isRepetition: false)
    }

    func result(
      of idempotencyKey: IdempotencyKey, on streamID: String
    ) throws(EventStoreError) -> IdempotentResult? {
      try base.result(of: idempotencyKey, on: streamID)
    }

    func stream(_ id: String, _ select: ReadRange) -> InMemoryEventStore<String, Int>.StreamEvents {
      base.stream(id, select)
    }

    func streamAll(_ select: ReadRange) -> InMemoryEventStore<String, Int>.Entries {
      base.streamAll(select)
    }

    func remove(
      _ streamID: String, expecting: ExpectedVersion
    ) throws(EventStoreError) -> EventPosition? {
      try base.remove(streamID, expecting: expecting)
    }
  }

  @Test func aStoreThatLetsTwoAppendsPassIsFoundOut() async throws {
    let contract = EventStoreContract(
      makeStore: { RacingStore() }, streamID: { "\($0)" }, event: { $0 })
    let check = try #require(contract.checks.first { $0.description.contains("one passes") })
    await #expect(throws: ScenarioFailure.self) { try await check.run() }
  }

  @Test func aStoreThatLooksKeysUpApartFromAppendsIsFoundOut() async throws {
    let contract = EventStoreContract(
      makeStore: { RacingStore() }, streamID: { "\($0)" }, event: { $0 })
    let check = try #require(
      contract.checks.first { $0.description.contains("at once with the same key") })
    await #expect(throws: ScenarioFailure.self) { try await check.run() }
  }

  /// Resumes at its checkpoint instead of after it, and takes "never" for "at 0", as the Rust crate's does.
  private struct InclusiveSubscription: Subscription {
    let store: InMemoryEventStore<String, Int>
    let position: UInt64

    func resume() -> InMemoryEventStore<String, Int>.Entries {
      store.subscribeAll(after: position == 0 ? 0 : position - 1)
    }

    func checkpoint(_ position: UInt64) {}
  }

  @Test func aSubscriptionThatRepeatsItsLastEventIsFoundOut() async throws {
    let contract = SubscriptionContract {
      let store = InMemoryEventStore<String, Int>()
      let checkpoint = Locked<UInt64>(0)
      return .init(
        append: { count in
          for number in 0..<count {
            _ = try store.append([number], to: "s", expecting: .any)
          }
        },
        subscribe: {
          InclusiveSubscription(store: store, position: checkpoint.withLock { $0 })
        },
        resume: { $0.resume() },
        entries: { ["\($0.position.sequenceNumber)"] },
        applied: { entry, _ in checkpoint.withLock { $0 = entry.position.sequenceNumber } })
    }
    let check = try #require(contract.checks().first { $0.description.contains("not at it") })
    await #expect(throws: ScenarioFailure.self) { try await check.run() }
  }

  /// Writes the checkpoint apart from the rows, before them.
  private actor LooseReadModel: ReadModelStore {
    private let base = InMemoryReadModelStore(WordCounts())

    func claim(_ partitions: [Partition], owner: String) async -> [PartitionLease] {
      await base.claim(partitions, owner: owner)
    }

    func keep(_ records: [RejectedRecord]) {}

    func apply(
      _ deliveries: [Delivery<String>], parking: [ProjectionFailure]
    ) async throws -> ApplyOutcome {
      for delivery in deliveries { _ = try await base.apply([delivery], parking: parking) }
      return ApplyOutcome()
    }

    func count(_ word: String) async throws -> Int64 {
      try await base.read { try $0.row(WordCountRow.self, word)?.count ?? 0 }
    }
  }

  @Test func aReadModelThatAppliesHalfOfATransactionIsFoundOut() async throws {
    let contract = ReadModelStoreContract(
      makeStore: { LooseReadModel() }, count: { try await $0.count($1) })
    let check = try #require(
      contract.checks.first { $0.description.contains("nothing is applied") })
    await #expect(throws: (any Error).self) { try await check.run() }
  }
}
