import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyPostgres

@Suite(.timeLimit(.minutes(10))) struct ContractTests {
  private static let stores = EventStoreContract(
    makeStore: { try await TestStores.open() }, streamID: { "stream-\($0)" },
    event: { "event \($0)" }, unreadable: { TextCodec.unreadable })

  @Test(arguments: stores.checks + stores.subscriberChecks)
  func theStoreIsAnEventStore(_ check: ContractCheck) async throws {
    try await check.run()
  }

  private static let sharedStores = SharedStoreContract(
    makeStores: {
      let schema = TestStores.schema()
      return (
        try await TestStores.open(schema: schema), try await TestStores.open(schema: schema)
      )
    }, event: { "event \($0)" })

  @Test(arguments: sharedStores.checks)
  func twoWritersShareAStore(_ check: ContractCheck) async throws {
    try await check.run()
  }

  private static let subscriptions = SubscriptionContract {
    let store = try await TestStores.open(options: .init(partitionCount: 4))
    let readModels = InMemoryReadModelStore(WordCounts())
    return .init(
      append: { count in
        for number in 0..<count {
          _ = try await store.append(["w"], to: "stream-\(number % 9)", expecting: .any)
        }
      },
      subscribe: {
        LogSubscription(
          store.log, codec: TextCodec(), checkpoints: readModels, partitions: [0, 1, 2, 3],
          through: try await store.log.heads(), owner: "contract", pageSize: 16)
      },
      resume: { try await $0.resume() },
      entries: { deliveries in
        deliveries.flatMap { delivery in
          delivery.entries.map { "\(delivery.partition)-\($0.position.partitionOffset)" }
        }
      },
      applied: { deliveries, _ in _ = try await readModels.apply(deliveries, parking: []) })
  }

  @Test(arguments: subscriptions.checks(endsWithLog: true))
  func theLogCanBeSubscribedTo(_ check: ContractCheck) async throws {
    try await check.run()
  }
}
