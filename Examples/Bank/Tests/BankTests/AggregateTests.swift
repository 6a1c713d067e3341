import EventuallyTesting
import Testing

@testable import bank

@Suite struct AccountTests {
  private let opened = AggregateScenario(Account()).given(.opened(customer: "ann"))

  @Test func isOpenedOnce() async throws {
    try await AggregateScenario(Account()).when(.open(customer: "ann")).then(
      .opened(customer: "ann"))
    try await opened.when(.open(customer: "bob")).thenRefused { $0 == .alreadyOpened }
  }

  @Test func hasACustomer() async throws {
    try await AggregateScenario(Account()).when(.open(customer: "")).thenRefused {
      $0 == .customerMissing
    }
  }

  @Test func mustBeOpenedFirst() async throws {
    try await AggregateScenario(Account()).when(.deposit(cents: 5)).thenRefused { $0 == .notOpened }
  }

  @Test func paysOutWhatIsCovered() async throws {
    let account = opened.given(.deposited(cents: 5))
    try await account.when(.withdraw(cents: 5)).then(.withdrawn(cents: 5))
    try await account.when(.withdraw(cents: 6)).thenRefused { $0 == .notCovered(balance: 5) }
    try await account.when(.withdraw(cents: 2), .withdraw(cents: 2)).thenState { $0.cents == 1 }
  }

  @Test(arguments: [Int64.min, -1, 0, 1_000_000_001, Int64.max])
  func amountsHaveARange(cents: Int64) async throws {
    try await opened.when(.deposit(cents: cents)).thenRefused { $0 == .amountOutOfRange }
    try await opened.when(.withdraw(cents: cents)).thenRefused { $0 == .amountOutOfRange }
  }

  @Test func isClosedWhenEmpty() async throws {
    try await opened.when(.close).then(.closed)
    try await opened.given(.deposited(cents: 5)).when(.close).thenRefused {
      $0 == .notEmpty(balance: 5)
    }
    try await opened.given(.closed).when(.deposit(cents: 5)).thenRefused { $0 == .closed }
  }
}

@Suite struct CustomerTests {
  private let ann = AggregateScenario(Customer()).given(.registered(name: "Ann"))

  @Test func isRegisteredOnce() async throws {
    try await AggregateScenario(Customer()).when(.register(name: "Ann")).then(
      .registered(name: "Ann"))
    try await ann.when(.register(name: "Ann")).thenRefused { $0 == .alreadyRegistered }
  }

  @Test func isRenamed() async throws {
    try await ann.when(.rename(name: "Anna")).then(.renamed(name: "Anna"))
    try await ann.when(.rename(name: "Ann")).then()
    try await ann.when(.rename(name: "")).thenRefused { $0 == .nameMissing }
    try await AggregateScenario(Customer()).when(.rename(name: "Ann")).thenRefused {
      $0 == .notRegistered
    }
  }
}
