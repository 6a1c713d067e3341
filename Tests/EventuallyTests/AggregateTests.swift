import Eventually
import Testing

@Suite struct AggregateTests {
  @Test func aRootAppliesWhatItsCommandsLeadTo() async throws {
    var root = AggregateRootBuilder(Counter()).build(id: "a")
    try await root.handle(.add(2))
    try await root.handle(.add(3))
    #expect(root.state == 5)
    #expect(root.version == 0)
    #expect(root.uncommitted == [.added(2), .added(3)])
  }

  @Test func aRefusedCommandLeavesTheRootAsItWas() async throws {
    var root = AggregateRootBuilder(Counter()).build(id: "a", state: 7, version: 3)
    await #expect(throws: Counter.Negative()) { try await root.handle(.add(-1)) }
    let before = root.state
    await #expect(throws: Counter.Negative()) {
      try await root.handle([.add(1), .add(1), .add(-1)])
    }
    #expect(root.state == before && root.uncommitted.isEmpty)
    #expect(root.state == 7)
    #expect(root.version == 3)
    #expect(root.uncommitted.isEmpty)
  }

  @Test func aRepositoryLoadsWhatItSaved() async throws {
    let repository = Repository(Counter(), store: CounterStore())
    var root = try await repository.get("a")
    #expect(root.version == 0)
    try await root.handle(.add(4))
    let appended = try await repository.save(&root)
    #expect(appended?.version == 1)
    #expect(root.uncommitted.isEmpty)
    #expect(try await repository.save(&root) == nil)
    let loaded = try await repository.get("a")
    #expect(loaded.state == 4)
    #expect(loaded.version == 1)
    try await repository.remove("a")
    #expect(try await repository.get("a").version == 0)
  }

  @Test func aRootKnowsWhereItsLastEventIs() async throws {
    let repository = Repository(Counter(), store: CounterStore())
    #expect(try await repository.get("a").position == nil)
    let first = try await repository.execute([.add(1), .add(2)], on: "a")
    #expect(first.root.position?.sequenceNumber == 2)
    #expect(first.root.position == first.appended?.last)
    // A command that leads to nothing has a position to wait for all the same.
    let nothing = try await repository.execute([], on: "a")
    #expect(nothing.appended == nil)
    #expect(nothing.root.position == first.root.position && nothing.root.version == 2)
    try await repository.remove("a")
    #expect(try await repository.get("a").position == nil)
  }

  @Test func commandsCanExpectAVersion() async throws {
    let repository = Repository(Counter(), store: CounterStore())
    let done = try await repository.execute([.add(1), .add(2)], on: "a", expecting: 0)
    #expect(done.root.version == 2)
    let error = try await #require(throws: RepositoryError.self) {
      try await repository.execute([.add(1)], on: "a", expecting: 1)
    }
    guard case .store(.conflict(let conflict)) = error else { throw error }
    #expect(conflict == VersionConflict(streamID: "a", expected: 1, actual: 2))
    #expect(try await repository.execute([.add(1)], on: "a", expecting: 2).root.state == 4)
    #expect(try await repository.get("a").version == 3)
  }

  @Test func aStaleRootIsRefusedAndBothVersionsAreTold() async throws {
    let repository = Repository(Counter(), store: CounterStore())
    var first = try await repository.get("a")
    var second = try await repository.get("a")
    try await first.handle(.add(1))
    try await second.handle(.add(2))
    try await repository.save(&first)
    do {
      try await repository.save(&second)
      Issue.record("a stale root was saved")
    } catch .conflict(let conflict) {
      #expect(conflict == VersionConflict(streamID: "a", expected: 0, actual: 1))
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test func executeRepeatsCommandsAfterConflicts() async throws {
    let repository = Repository(Counter(), store: CounterStore())
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<20 {
        group.addTask { _ = try await repository.execute([.add(1)], on: "a", attempts: 100) }
      }
      try await group.waitForAll()
    }
    #expect(try await repository.get("a").state == 20)
  }

  /// Code that does not care which store there is takes any repository of its aggregate.
  @Test func aRepositoryIsSomeOrAny() async throws {
    func add(_ number: Int, in counters: some AggregateRepository<Counter>) async throws -> Int {
      try await counters.execute([.add(number)], on: "one").root.state
    }
    let counters: any AggregateRepository<Counter> = Repository(Counter(), store: CounterStore())
    #expect(try await add(3, in: counters) == 3)
    #expect(try await counters.execute([.add(4)], on: "one").root.state == 7)
    var root = try await counters.get("one")
    try await root.handle(.add(1))
    #expect(try await counters.save(&root)?.version == 3)
    try await counters.remove("one")
    #expect(try await counters.get("one").version == 0)
  }
}
