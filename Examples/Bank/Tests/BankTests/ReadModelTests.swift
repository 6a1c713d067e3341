import Eventually
import EventuallyTesting
import Testing

@testable import bank

@Suite struct CustomersTests {
  @Test func customersHaveTheSumOfTheirAccounts() throws {
    let scenario = try CompositeScenario(Customers())
      .given(Customer.self, "ann", .registered(name: "Ann"), .renamed(name: "Anna"))
      .given(
        Account.self, "1", .opened(customer: "ann"), .deposited(cents: 10), .withdrawn(cents: 3)
      )
      .given(Account.self, "2", .opened(customer: "ann"), .deposited(cents: 5))
    try scenario.thenAll([CustomerRow(id: "ann", name: "Anna", accounts: 2, cents: 12)])
    try scenario.then(AccountRow.self, "1", AccountRow(id: "1", customer: "ann", cents: 7))
  }

  @Test func accountsMayComeBeforeTheirCustomer() throws {
    let scenario = try CompositeScenario(Customers())
      .given(Account.self, "1", .opened(customer: "ann"), .deposited(cents: 10))
    try scenario.thenAll([CustomerRow(id: "ann", accounts: 1, cents: 10)])
    try scenario.given(Customer.self, "ann", .registered(name: "Ann"))
      .thenAll([CustomerRow(id: "ann", name: "Ann", accounts: 1, cents: 10)])
  }

  @Test func closedAccountsDoNotCount() throws {
    let scenario = try CompositeScenario(Customers())
      .given(Customer.self, "ann", .registered(name: "Ann"))
      .given(Account.self, "1", .opened(customer: "ann"), .closed)
    try scenario.thenAll([CustomerRow(id: "ann", name: "Ann")])
    try scenario.thenAll([AccountRow(id: "1", customer: "ann", isClosed: true)])
  }

  @Test func whatIsRemovedIsForgotten() throws {
    let scenario = try CompositeScenario(Customers())
      .given(Customer.self, "ann", .registered(name: "Ann"))
      .given(Account.self, "1", .opened(customer: "ann"), .deposited(cents: 10))
      .removed(Customer.self, "ann")
    try scenario.thenAll([CustomerRow(id: "ann", accounts: 1, cents: 10)])
    let nothing = scenario.removed(Account.self, "1")
    try nothing.thenAll([CustomerRow]())
    try nothing.thenAll([AccountRow]())
  }
}

@Suite struct StatementsTests {
  private let statement = ReadModelScenario(Statements())
    .given("1", .opened(customer: "ann"), .deposited(cents: 10), .withdrawn(cents: 3))
    .given("2", .opened(customer: "bob"))

  @Test func movementsHaveTheBalanceAfterThem() throws {
    let time = Timestamp(microseconds: 0)
    try statement.thenAll([
      MovementRow(key: .init(account: "1", number: 2), time: time, cents: 10, balance: 10),
      MovementRow(key: .init(account: "1", number: 3), time: time, cents: -3, balance: 7),
    ])
  }

  @Test func removedAccountsHaveNone() throws {
    try statement.removed("1").thenAll([MovementRow]())
    try statement.removed("1").thenAll([StatementRow(account: "2")])
  }
}
