// snippet.aggregate
import Eventually
// snippet.end
import EventuallyTesting
import Testing

/// The code of the article "Your first aggregate" of Eventually.
enum FirstAggregate {
  // snippet.aggregate
  struct Account: Aggregate {
    enum Event: Codable { case deposited(amount: Int), withdrawn(amount: Int) }
    enum Command { case deposit(Int), withdraw(Int) }
    enum Failure: Error, Equatable { case overdrawn(by: Int) }

    var initialState: Int { 0 }

    func apply(_ event: Event, to balance: inout Int) {
      switch event {
      case .deposited(let amount): balance += amount
      case .withdrawn(let amount): balance -= amount
      }
    }

    func handle(_ command: Command, id: String, state balance: Int) throws(Failure) -> [Event] {
      switch command {
      case .deposit(let amount): return [.deposited(amount: amount)]
      case .withdraw(let amount):
        guard amount <= balance else { throw .overdrawn(by: amount - balance) }
        return [.withdrawn(amount: amount)]
      }
    }
  }
  // snippet.end

  // snippet.projection
  actor Total: Projection {
    private(set) var total = 0

    func project(_ event: Persisted<String, Account.Event>) {
      switch event.event {
      case .deposited(let amount): total += amount
      case .withdrawn(let amount): total -= amount
      }
    }

    func forget(_ streamID: String) {}
  }
  // snippet.end

  // snippet.readModel
  struct BalanceRow: CodableRow, Equatable {
    static let table = "balances"
    var account: String
    var balance = 0
    var key: String { account }
  }

  struct Balances: ReadModel {
    let name = "balances"
    let schemaVersion = 1
    let tables: [any ReadModelRow.Type] = [BalanceRow.self]

    func project(_ event: Persisted<String, Account.Event>, into rows: Rows) throws {
      try rows.update(BalanceRow.self, event.streamID) { row in
        var next = row ?? BalanceRow(account: event.streamID)
        switch event.event {
        case .deposited(let amount): next.balance += amount
        case .withdrawn(let amount): next.balance -= amount
        }
        row = next
      }
    }

    func forget(_ account: String, in rows: Rows) throws {
      try rows.delete(BalanceRow.self, account)
    }
  }
  // snippet.end

  @Suite struct FirstAggregateTests {
    @Test(.timeLimit(.minutes(5))) func anAccountIsSavedLoadedAndProjected() async throws {
      // snippet.repository
      let store = InMemoryEventStore<String, Account.Event>()
      let accounts = Repository(Account(), store: store)

      var account = try await accounts.get("alice")
      try await account.handle(.deposit(100))
      try await accounts.save(&account)
      // snippet.end

      // snippet.projection
      let total = Total()
      let projector = Projector(total, from: TransientSubscription(store))
      let running = Task { try await projector.run() }
      // snippet.end

      try await account.handle(.withdraw(30))
      await #expect(throws: Account.Failure.overdrawn(by: 1)) {
        try await account.handle(.withdraw(71))
      }
      try await accounts.save(&account)
      try await waitUntil("the total is 70", seen: { "\(await total.total)" }) {
        await total.total == 70
      }
      running.cancel()
    }
  }
}
