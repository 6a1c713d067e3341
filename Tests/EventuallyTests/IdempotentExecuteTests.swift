import Eventually
import EventuallyTesting
import Testing

/// Commands with idempotency keys.
@Suite(.timeLimit(.minutes(5))) struct IdempotentExecuteTests {
  /// It takes ten litres. To empty it when it is empty leads to no event.
  struct Tank: Aggregate {
    enum Event: Equatable, Sendable { case filled(Int), emptied }
    enum Command: Sendable { case fill(Int), empty }
    struct Overflow: Error, Equatable {}

    let initialState = 0

    func apply(_ event: Event, to state: inout Int) throws(Overflow) {
      switch event {
      case .filled(let litres): state += litres
      case .emptied: state = 0
      }
    }

    func handle(_ command: Command, id: String, state: Int) throws(Overflow) -> [Event] {
      switch command {
      case .fill(let litres) where state + litres > 10: throw Overflow()
      case .fill(let litres): [.filled(litres)]
      case .empty: state == 0 ? [] : [.emptied]
      }
    }
  }

  private typealias Store = InMemoryEventStore<String, Tank.Event>
  private let store = Store()
  private var tanks: Repository<Tank, Store> { Repository(Tank(), store: store) }

  @Test func aCommandIsCarriedOutOnce() async throws {
    let key = IdempotencyKey("k")
    #expect(try await tanks.result(of: key, on: "a") == nil)
    let first = try await tanks.execute([.fill(2), .fill(4)], on: "a", idempotencyKey: key)
    #expect(first.version == 2 && !first.isRepetition)
    #expect(try await tanks.result(of: key, on: "a")?.last == first.last)
    // The state that it led to takes no more.
    _ = try await tanks.execute([.fill(4)], on: "a")
    let again = try await tanks.execute([.fill(2), .fill(4)], on: "a", idempotencyKey: key)
    #expect(again == IdempotentResult(last: first.last, isRepetition: true))
    // At a version that it does not expect any more.
    let late = try await tanks.execute([.fill(2)], on: "a", expecting: 0, idempotencyKey: key)
    #expect(late == again)
    #expect(try await tanks.get("a").state == 10)
  }

  @Test func aCommandWithoutEventsStaysOne() async throws {
    let key = IdempotencyKey("k")
    let first = try await tanks.execute([.empty], on: "a", idempotencyKey: key)
    #expect(first == IdempotentResult(last: nil, isRepetition: false))
    _ = try await tanks.execute([.fill(3)], on: "a")
    let again = try await tanks.execute([.empty], on: "a", idempotencyKey: key)
    #expect(again == IdempotentResult(last: nil, isRepetition: true))
    #expect(try await tanks.get("a").state == 3)
  }

  @Test func aRefusedCommandIsDecidedAnew() async throws {
    let key = IdempotencyKey("k")
    _ = try await tanks.execute([.fill(8)], on: "a")
    await #expect(throws: Tank.Overflow()) {
      try await tanks.execute([.fill(8)], on: "a", idempotencyKey: key)
    }
    let conflict = try await #require(throws: RepositoryError.self) {
      try await tanks.execute([.fill(1)], on: "a", expecting: 0, idempotencyKey: key)
    }
    guard case .store(.conflict) = conflict else { throw conflict }
    _ = try await tanks.execute([.empty], on: "a")
    let done = try await tanks.execute([.fill(8)], on: "a", idempotencyKey: key)
    #expect(done.version == 3 && !done.isRepetition)
  }

  @Test func anotherRequestIsRefused() async throws {
    func key(_ byte: UInt8) -> IdempotencyKey {
      IdempotencyKey("k", request: RequestFingerprint([byte]))
    }
    let first = try await tanks.execute([.fill(1)], on: "a", idempotencyKey: key(1))
    let error = try await #require(throws: RepositoryError.self) {
      try await tanks.execute([.fill(1)], on: "a", idempotencyKey: key(2))
    }
    guard case .store(.keyReused(let refusal)) = error else { throw error }
    #expect(refusal.first == first.last && refusal.key.name.text == "k")
    #expect("\(error)".contains("needs a key of its own"), "\(error)")
  }

  /// Each of ten requests comes eight times at once, beside others: a conflict of one must not hide that it was carried out.
  @Test func manyAtOnceHaveTheirEffectOnce() async throws {
    let tanks = Repository(Counter(), store: CounterStore())
    try await withThrowingTaskGroup(of: Void.self) { group in
      for copy in 0..<8 {
        for number in 0..<10 {
          group.addTask {
            let result = try await tanks.execute(
              [.add(1), .add(1)], on: "a", expecting: nil,
              idempotencyKey: IdempotencyKey("request \(number)"), attempts: 1000)
            #expect(result.version > 0, "\(number), \(copy)")
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try await tanks.get("a").state == 20)
  }

  /// A store that says half of the time that it failed, having appended or not.
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func aClientThatRepeatsUntilItIsAnsweredHasOneEffect(_ seed: UInt64) async throws {
    let base = CounterStore()
    let faults = Faults(seed: seed, failures: 0.5)
    let counters = Repository(Counter(), store: FaultyEventStore(base, faults: faults))
    var attempts = 0
    for number in 0..<50 {
      let key = IdempotencyKey.numbered(sender: "client", number: UInt64(number))
      while true {
        attempts += 1
        do {
          let result = try await counters.execute([.add(1)], on: "a", idempotencyKey: key)
          #expect(result.version == Version(number + 1))
          break
        } catch RepositoryError.store(.unavailable) {
          continue
        }
      }
    }
    #expect(try await Repository(Counter(), store: base).get("a").state == 50)
    #expect(attempts > 60, "\(attempts) attempts")
  }

  @Test func aKeyLivesAsLongAsItIsSetTo() async throws {
    let now = Locked(Timestamp(microseconds: 1_800_000_000_000_000))
    let year: Int64 = 366 * 86_400 * 1_000_000
    for lifetime in [nil, .seconds(3600)] as [Duration?] {
      let store = CounterStore(clock: { now.withLock { $0 } }, keyLifetime: lifetime)
      let counters = Repository(Counter(), store: store)
      let key = IdempotencyKey("k")
      let numbered = IdempotencyKey.numbered(sender: "s", number: 1)
      _ = try await counters.execute([.add(1)], on: "a", idempotencyKey: key)
      _ = try await counters.execute([.add(1)], on: "a", idempotencyKey: numbered)
      now.withLock { $0 = Timestamp(microseconds: $0.microseconds + year) }
      #expect(
        try await counters.execute([.add(1)], on: "a", idempotencyKey: numbered).isRepetition)
      #expect(
        try await counters.execute([.add(1)], on: "a", idempotencyKey: key).isRepetition
          == (lifetime == nil))
      #expect(try await counters.get("a").state == (lifetime == nil ? 2 : 3))
    }
  }
}
