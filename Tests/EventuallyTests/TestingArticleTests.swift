import Eventually
import EventuallyTesting
import Testing

/// What the page of EventuallyTesting shows, as it stands there.
private struct Account: Aggregate {
  enum Event { case deposited(Int), withdrawn(Int) }
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
    case .deposit(let amount): return [.deposited(amount)]
    case .withdraw(let amount):
      guard amount <= balance else { throw .overdrawn(by: amount - balance) }
      return [.withdrawn(amount)]
    }
  }
}

private struct BalanceRow: ReadModelRow {
  var key: String
  var balance: Int64

  static let schema = TableSchema(
    "balances", key: [.text("account")], values: [.integer("balance")])
  var values: [ColumnValue] { [.integer(balance)] }

  init(key: String, balance: Int64) {
    self.key = key
    self.balance = balance
  }

  init(key: String, values: [ColumnValue]) throws {
    self.init(key: key, balance: try values.integer(0, of: Self.schema))
  }
}

private struct Balances: ReadModel {
  let name = "balances"
  let schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [BalanceRow.self]

  func project(_ event: Persisted<String, Account.Event>, into rows: Rows) throws {
    try rows.update(BalanceRow.self, event.streamID) { row in
      let balance = row?.balance ?? 0
      switch event.event {
      case .deposited(let amount):
        row = BalanceRow(key: event.streamID, balance: balance + Int64(amount))
      case .withdrawn(let amount):
        row = BalanceRow(key: event.streamID, balance: balance - Int64(amount))
      }
    }
  }

  func forget(_ streamID: String, in rows: Rows) throws {
    try rows.delete(BalanceRow.self, streamID)
  }
}

@Suite struct TestingArticleTests {
  @Test func whoHasNothingCannotWithdraw() async throws {
    try await AggregateScenario(Account())
      .given(.deposited(10))
      .when(.withdraw(14))
      .thenRefused { $0 == .overdrawn(by: 4) }
  }

  @Test func balancesAreKept() throws {
    try ReadModelScenario(Balances())
      .given("alice", .deposited(10), .withdrawn(3))
      .then(BalanceRow.self, "alice", BalanceRow(key: "alice", balance: 7))
  }
}
