import Eventually
import Testing

/// The code of the article "Your first aggregate", as it stands there.
private struct Account: Aggregate {
  enum Event { case deposited(Int), withdrawn(Int) }
  enum Command { case deposit(Int), withdraw(Int) }
  enum Failure: Error { case overdrawn(by: Int) }

  var initialState: Int { 0 }

  func apply(_ event: Event, to balance: inout Int) {
    switch event {
    case .deposited(let amount): balance += amount
    case .withdrawn(let amount): balance -= amount
    }
  }

  func handle(_ command: Command, id: String, state balance: Int) throws(Failure) -> [Event] {
    switch command {
    case .deposit(let amount): return [.deposited(amount)]
    case .withdraw(let amount):
      guard amount <= balance else { throw .overdrawn(by: amount - balance) }
      return [.withdrawn(amount)]
    }
  }
}

private actor Total: Projection {
  private(set) var total = 0

  func project(_ event: Persisted<String, Account.Event>) {
    switch event.event {
    case .deposited(let amount): total += amount
    case .withdrawn(let amount): total -= amount
    }
  }

  func forget(_ streamID: String) {}
}

@Suite struct ArticleTests {
  @Test(.timeLimit(.minutes(5))) func theFirstAggregateWorks() async throws {
    let store = InMemoryEventStore<String, Account.Event>()
    let accounts = Repository(Account(), store: store)

    var account = try await accounts.get("alice")
    try await account.handle(.deposit(100))
    try await accounts.save(&account)

    let total = Total()
    let projector = Projector(total, from: TransientSubscription(store))
    let running = Task { try await projector.run() }

    try await account.handle(.withdraw(30))
    await #expect(throws: Account.Failure.self) { try await account.handle(.withdraw(71)) }
    try await accounts.save(&account)
    while await total.total != 70 { await Task.yield() }
    running.cancel()
  }
}
