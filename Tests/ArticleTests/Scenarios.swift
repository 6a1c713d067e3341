import Eventually
import EventuallyTesting
import Foundation
import Testing

/// The code of the page of EventuallyTesting. Its account and its balances are those of "Your first aggregate".
extension FirstAggregate {
  @Suite struct ScenarioTests {
    // snippet.scenarios
    @Test func whoHasTooLittleCannotWithdraw() async throws {
      try await AggregateScenario(Account())
        .given(.deposited(amount: 10))
        .when(.withdraw(14))
        .thenRefused { $0 == .overdrawn(by: 4) }
    }

    @Test func balancesAreKept() throws {
      try ReadModelScenario(Balances())
        .given("alice", .deposited(amount: 10), .withdrawn(amount: 3))
        .then(BalanceRow.self, "alice", BalanceRow(account: "alice", balance: 7))
    }
    // snippet.end

    struct MyEvent: Equatable { var number: Int }
    typealias MyStore = InMemoryEventStore<String, MyEvent>

    // snippet.contract
    static let contract = EventStoreContract(
      makeStore: { MyStore() }, streamID: { "stream-\($0)" }, event: { MyEvent(number: $0) })

    @Test(arguments: contract.checks)
    func myStoreIsAnEventStore(_ check: ContractCheck) async throws {
      try await check.run()
    }
    // snippet.end
  }
}
