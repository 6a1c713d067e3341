import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyKafka

@Suite(.timeLimit(.minutes(5))) struct KafkaContractTests {
  private typealias Subscription = KafkaSubscription<TextCodec>

  /// A store, its relay, a topic and a read model, for as long as it is kept.
  private final class World: Sendable {
    let cluster: TestCluster
    let configuration: KafkaConfiguration
    let outbox = MemoryOutbox(partitions: 4)
    let readModel = InMemoryReadModelStore(WordCounts())
    private let relay: Task<Void, any Error>

    init() throws {
      let topic = uniqueName("eventually-test")
      cluster = try TestCluster(topics: [(topic, 4)])
      configuration = EventuallyKafkaTests.configuration(cluster.brokers, topic)
      let publisher = KafkaPublisher(
        configuration, source: outbox, contentType: "text/plain", logger: testLogger)
      relay = Task { try await publisher.run() }
    }

    deinit { relay.cancel() }

    func subscription(_ group: String) -> Subscription {
      Subscription(
        configuration, storeID: outbox.storeID, partitionCount: 4, codec: TextCodec(),
        checkpoints: readModel, feed: outbox, options: .init(group: group, owner: "contract"),
        logger: testLogger)
    }
  }

  private static let subscriptions = SubscriptionContract {
    let world = try World()
    return .init(
      append: { world.outbox.append($0) },
      subscribe: {
        // A group of its own each time: the mock cluster takes seconds to notice that a member is gone.
        world.subscription(world.cluster.group())
      },
      resume: { try await $0.resume() },
      entries: { deliveries in
        deliveries.flatMap { delivery in
          delivery.entries.map { "\(delivery.partition)-\($0.position.partitionOffset)" }
        }
      },
      applied: { deliveries, subscription in
        _ = try await world.readModel.apply(deliveries, parking: [])
        subscription.acknowledge(deliveries)
      },
      close: { await $0.stop() })
  }

  @Test(arguments: subscriptions.checks())
  func theKafkaSubscriptionIsASubscription(_ check: ContractCheck) async throws {
    try await check.run()
  }

  /// A range without a group ends where it is to end, however much more there is.
  @Test func aRangeEndsWhereItIsToEnd() async throws {
    let world = try World()
    world.outbox.append(400)
    let through = world.outbox.heads(at: 150)
    var options = Subscription.Options(group: "none", owner: "range")
    options.range = .init(partitions: [0, 1, 2, 3], through: through)
    let subscription = Subscription(
      world.configuration, storeID: world.outbox.storeID, partitionCount: 4, codec: TextCodec(),
      checkpoints: world.readModel, feed: world.outbox, options: options, logger: testLogger)
    let projector = ReadModelProjector(subscription, into: world.readModel)
    try await within(.seconds(60), seen: { "\(subscription.status)" }) { await projector.run() }
    await subscription.stop()
    for partition in 0..<4 {
      let position = await world.readModel.position(of: Partition(partition)) ?? 0
      #expect(position == through[partition])
    }
    #expect(projector.status.applied == 150)
  }
}
