import Eventually
import EventuallyTesting
import Testing

/// An account that does not exist before it is opened.
private struct Account: OptionalAggregate {
  enum Event: Equatable { case opened(owner: String), deposited(Int), withdrawn(Int) }
  enum Command { case open(owner: String), deposit(Int), withdraw(Int), nothing }
  enum Failure: Error, Equatable { case noSuchAccount, alreadyOpen, overdrawn(by: Int), impossible }
  struct State: Equatable {
    var owner: String
    var balance = 0
  }

  func begin(with event: Event) throws(Failure) -> State {
    guard case .opened(let owner) = event else { throw .impossible }
    return State(owner: owner)
  }

  func apply(_ event: Event, to state: inout State) throws(Failure) {
    switch event {
    case .opened: throw .impossible
    case .deposited(let amount): state.balance += amount
    case .withdrawn(let amount): state.balance -= amount
    }
  }

  func handle(_ command: Command, id: String) throws(Failure) -> [Event] {
    switch command {
    case .open(let owner): return [.opened(owner: owner)]
    case .nothing: return []
    default: throw .noSuchAccount
    }
  }

  func handle(_ command: Command, id: String, state: State) throws(Failure) -> [Event] {
    switch command {
    case .open: throw .alreadyOpen
    case .deposit(let amount): return [.deposited(amount)]
    case .withdraw(let amount):
      guard amount <= state.balance else { throw .overdrawn(by: amount - state.balance) }
      return [.withdrawn(amount)]
    case .nothing: return []
    }
  }
}

@Suite struct OptionalAggregateTests {
  private let scenario = AggregateScenario(Account().aggregate)

  @Test func aStateBeginsWithTheFirstEvent() async throws {
    try await scenario.when(.open(owner: "eve")).then(.opened(owner: "eve"))
    try await scenario.given(.opened(owner: "eve"), .deposited(10)).when(.withdraw(4))
      .then(.withdrawn(4))
    try await scenario.given(.opened(owner: "eve")).when(.deposit(3), .deposit(4))
      .thenState { $0 == Account.State(owner: "eve", balance: 7) }
    try await scenario.when(.nothing).thenState { $0 == nil }
  }

  @Test func whatDoesNotExistIsToldApart() async throws {
    try await scenario.when(.deposit(1)).thenRefused { $0 == .noSuchAccount }
    try await scenario.given(.opened(owner: "eve")).when(.open(owner: "mallory"))
      .thenRefused { $0 == .alreadyOpen }
  }

  @Test func anEventThatCannotFollowLeavesTheStateAsItWas() throws {
    let account = Account().aggregate
    var state: Account.State? = Account.State(owner: "eve", balance: 3)
    #expect(throws: Account.Failure.impossible) {
      try account.apply(.opened(owner: "mallory"), to: &state)
    }
    #expect(state == Account.State(owner: "eve", balance: 3))
    state = nil
    #expect(throws: Account.Failure.impossible) { try account.apply(.deposited(1), to: &state) }
    #expect(state == nil)
  }

  @Test func itLivesInARepository() async throws {
    let accounts = Repository(
      Account().aggregate, store: InMemoryEventStore<String, Account.Event>())
    #expect(try await accounts.get("one").state == nil)
    _ = try await accounts.execute([.open(owner: "eve"), .deposit(5)], on: "one")
    #expect(try await accounts.get("one").state == Account.State(owner: "eve", balance: 5))
  }
}

@Suite struct ScenarioTests {
  private let scenario = AggregateScenario(Account().aggregate)

  /// What does not hold is told, whichever way it does not.
  @Test func whatDoesNotHoldFails() async {
    let opened = scenario.given(.opened(owner: "eve"))
    for attempt in [
      { try await opened.when(.deposit(1)).then(.deposited(2)) },
      { try await opened.when(.deposit(1)).then() },
      { try await opened.when(.withdraw(1)).then(.withdrawn(1)) },
      { try await opened.when(.deposit(1)).thenRefused() },
      { try await opened.when(.withdraw(1)).thenRefused { $0 == .alreadyOpen } },
      { try await opened.when(.withdraw(1), .deposit(1)).then(.deposited(1)) },
      { try await opened.when(.deposit(1)).thenState { $0?.balance == 2 } },
      { try await scenario.given(.deposited(1)).when(.deposit(1)).then(.deposited(1)) },
    ] as [@Sendable () async throws -> Void] {
      await #expect(throws: ScenarioFailure.self) { try await attempt() }
    }
  }

  @Test func aReadModelIsHeldAgainstItsRows() throws {
    let words = ReadModelScenario(WordCounts()).given("a", "x", "y").given("b", "x")
    try words.then(WordCountRow.self, "x", WordCountRow(key: "x", count: 2))
    try words.then(WordCountRow.self, "z", nil)
    // These counts keep what a removed stream brought, which a read model that is built anew does not have.
    #expect(throws: ScenarioFailure.self) { try words.removed("a").rows() }
    try words.removed("c").thenAll([
      WordCountRow(key: "x", count: 2), WordCountRow(key: "y", count: 1),
    ])
    try words.given("c", "poison").thenFails()
    #expect(throws: ScenarioFailure.self) { try words.thenFails() }
    #expect(throws: ScenarioFailure.self) {
      try words.then(WordCountRow.self, "x", WordCountRow(key: "x", count: 3))
    }
    #expect(throws: ScenarioFailure.self) { try words.thenAll([WordCountRow(key: "x", count: 2)]) }
  }
}

@Suite struct InjectedFaultTests {
  /// A caller that loads again after each failure neither loses an event nor has one twice, although the store
  /// fails before and after it has appended.
  @Test func aCarefulCallerComesThrough() async throws {
    let faults = Faults(
      seed: .random(in: 0 ... .max), failures: 0.4, longestDelay: .milliseconds(1))
    let store = InMemoryEventStore<String, Counter.Event>()
    let repository = Repository(Counter(), store: FaultyEventStore(store, faults: faults))
    var failed = 0
    for number in 1...50 {
      while true {
        var root = try await repository.get("one")
        if root.version == number { break }
        do {
          try await root.handle(.add(1))
          try await repository.save(&root)
        } catch {
          failed += 1
        }
      }
    }
    let root = try await repository.get("one")
    #expect(root.state == 50 && root.version == 50 && failed > 0, "seed \(faults.seed)")
  }

  private actor Seen: Projection {
    private(set) var numbers: Set<UInt64> = []
    func project(_ event: Persisted<String, Counter.Event>) { numbers.insert(event.sequenceNumber) }
    func forget(_ streamID: String) {}
  }

  @Test(.timeLimit(.minutes(5))) func aProjectorThatIsRunAgainSeesEverything() async throws {
    let faults = Faults(seed: .random(in: 0 ... .max), failures: 0.1)
    let store = InMemoryEventStore<String, Counter.Event>()
    for number in 0..<200 { _ = try store.append([.added(number)], to: "s", expecting: .any) }
    let seen = Seen()
    let subscription = FaultySubscription(TransientSubscription(store), faults: faults)
    var ends = 0
    while await seen.numbers.count < 200 {
      let projector = Projector(seen, from: subscription)
      let running = Task { try await projector.run() }
      let watch = Task {
        while await seen.numbers.count < 200, !Task.isCancelled { await Task.yield() }
        running.cancel()
      }
      do { try await running.value } catch { ends += 1 }
      watch.cancel()
    }
    #expect(ends > 0, "seed \(faults.seed)")
  }
}

@Suite struct MetadataTests {
  @Test func metadataComesBackFromItsJSON() throws {
    for metadata in [
      EventMetadata(), EventMetadata(correlationID: "a\"b"),
      EventMetadata(causationID: "x", traceParent: "00-1-2-01", additional: ["ä": "ö", "b": ""]),
    ] {
      #expect(try EventMetadata(json: metadata.json.span) == metadata)
    }
    var metadata = EventMetadata(correlationID: "a")
    metadata.correlationID = nil
    #expect(metadata.isEmpty && metadata == EventMetadata())
  }

  private actor Follower: Projection {
    let store = InMemoryEventStore<String, String>()
    func project(_ event: Persisted<String, String>) throws {
      _ = try store.append(["after \(event.event)"], to: "follow-ups", expecting: .any)
    }
    func forget(_ streamID: String) {}
  }

  /// What a projection appends has the event as its cause, and its correlation.
  @Test(.timeLimit(.minutes(5))) func whatFollowsHasItsCause() async throws {
    let store = InMemoryEventStore<String, String>()
    try EventMetadata.$current.withValue(EventMetadata(correlationID: "c-1")) {
      _ = try store.append(["first"], to: "s", expecting: .any)
    }
    _ = try store.append(["second"], to: "s", expecting: .any)
    var causes: [Persisted<String, String>] = []
    for try await event in store.stream("s", .all) { causes.append(event) }
    let follower = Follower()
    let projector = Projector(follower, from: TransientSubscription(store))
    let running = Task { try await projector.run() }
    var followed: [Persisted<String, String>] = []
    for try await entry in follower.store.subscribeAll(after: 0) {
      if case .event(let event) = entry { followed.append(event) }
      if followed.count == 2 { break }
    }
    running.cancel()
    #expect(followed.map(\.metadata.causationID) == causes.map(\.id.description))
    #expect(followed.map(\.metadata.correlationID) == ["c-1", causes[1].id.description])
  }
}
