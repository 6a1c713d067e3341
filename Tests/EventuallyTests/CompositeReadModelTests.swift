import Eventually
import EventuallyTesting
import Testing

@Suite struct CompositeReadModelTests {
  struct Account: Aggregate {
    enum Event: Codable, Equatable { case opened(owner: String), deposited(Int) }
    enum Command {}
    static let category: StreamCategory = "account"
    let initialState = 0
    func apply(_ event: Event, to state: inout Int) throws(Never) {}
    func handle(_ command: Command, id: String, state: Int) throws(Never) -> [Event] {}
  }

  struct Customer: CodedAggregate {
    enum Event: Codable, Equatable { case named(String) }
    enum Command {}
    static let category: StreamCategory = "customer"
    static let codec = UpcastingCodec(JSONEventCodec<Event>(), [])
    let initialState = 0
    func apply(_ event: Event, to state: inout Int) throws(Never) {}
    func handle(_ command: Command, id: String, state: Int) throws(Never) -> [Event] {}
  }

  /// By account and by customer: nothing here depends on which of them comes first.
  struct Owners: CompositeReadModel {
    struct Row: CodableRow, Equatable {
      static let table = "owners"
      var id: String
      var name = ""
      var accounts = 0
      var key: String { id }
    }

    struct AccountRow: CodableRow, Equatable {
      static let table = "accounts"
      var id: String
      var owner: String
      var balance = 0
      var key: String { id }
    }

    struct NoOwner: Error {}

    let name = "owners"
    let schemaVersion = 1
    let tables: [any ReadModelRow.Type] = [Row.self, AccountRow.self]

    var projections: [On] {
      On(Account.self) { account, rows in
        switch account.event {
        case .opened(""): throw NoOwner()
        case .opened(let owner):
          try rows.put(AccountRow(id: account.streamID, owner: owner))
          try rows.update(Row.self, owner) {
            $0 = $0 ?? Row(id: owner); $0?.accounts += 1
          }
        case .deposited(let amount):
          try rows.update(AccountRow.self, account.streamID) { $0?.balance += amount }
        }
      } forget: { id, rows in
        guard let account = try rows.row(AccountRow.self, id) else { return }
        try rows.delete(AccountRow.self, id)
        try rows.update(Row.self, account.owner) {
          $0?.accounts -= 1
          if $0?.accounts == 0, $0?.name == "" { $0 = nil }
        }
      }
      On(Customer.self) { customer, rows in
        guard case .named(let name) = customer.event else { return }
        try rows.update(Row.self, customer.streamID) {
          $0 = $0 ?? Row(id: customer.streamID)
          $0?.name = name
        }
      } forget: { id, rows in
        try rows.update(Row.self, id) {
          $0?.name = ""
          if $0?.accounts == 0 { $0 = nil }
        }
      }
    }
  }

  struct Twice: CompositeReadModel {
    let name = "twice"
    let schemaVersion = 1
    let tables: [any ReadModelRow.Type] = []
    var projections: [On] {
      On(Account.self) { _, _ in
      } forget: { _, _ in
      }
      On(Account.self) { _, _ in
      } forget: { _, _ in
      }
    }
  }

  @Test func takesTheEventsOfBothAggregates() throws {
    let scenario = try CompositeScenario(Owners())
      .given(Account.self, "1", .opened(owner: "1"), .deposited(4))
      .given(Customer.self, "1", .named("Ada"))
      .given(Account.self, "2", .opened(owner: "1"))
    try scenario.then(Owners.Row.self, "1", Owners.Row(id: "1", name: "Ada", accounts: 2))
    try scenario.then(
      Owners.AccountRow.self, "1", Owners.AccountRow(id: "1", owner: "1", balance: 4))
    try scenario.removed(Account.self, "1").thenAll([
      Owners.Row(id: "1", name: "Ada", accounts: 1)
    ])
    try scenario.removed(Customer.self, "1").thenAll([
      Owners.Row(id: "1", name: "", accounts: 2)
    ])
    try scenario.given(Account.self, "3", .opened(owner: "")).thenFails()
  }

  @Test func eachCategoryHasOneProjection() throws {
    let error = try #require(throws: CompositeReadModelError.self) {
      try CompositeScenario(Twice())
    }
    #expect(error.category == "account" && error.name == "twice")
  }
}
