import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation
import Logging
import Orders

/// A read model of orders.
protocol OrdersReadModelType: ReadModel where Event == OrderEvent {}
extension OrdersReadModel: OrdersReadModelType {}
extension SalesReadModel: OrdersReadModelType {}
extension CustomersReadModel: OrdersReadModelType {}

/// What a worker tells of itself.
protocol WorkerStatusSource: Sendable {
  var subscriptionStatus: SubscriptionStatus { get }
  var projectorStatus: ReadModelProjectorStatus { get }
}

/// A worker of one read model: subscription, database, and the projector between them.
struct Worker<Model: OrdersReadModelType>: WorkerStatusSource {
  typealias Subscription = KafkaSubscription<OrderEventCodec>

  let subscription: Subscription
  let projector: ReadModelProjector<Subscription, ReadModelDatabase<Model>>

  init(
    _ model: Model, path: String, kafka: KafkaConfiguration, group: String, owner: String,
    feed: any EventFeed, storeID: String, partitions: Partition, logger: Logger
  ) throws {
    let database = try ReadModelDatabase(
      path: path, model: model, storeID: storeID, partitionCount: partitions)
    subscription = Subscription(
      kafka, storeID: storeID, codec: OrderEventCodec(), checkpoints: database, feed: feed,
      options: .init(group: group, owner: owner), logger: logger)
    projector = ReadModelProjector(subscription, into: database) { error in
      logger.warning("not applied, and tried again", metadata: ["error": "\(error)"])
    }
  }

  var subscriptionStatus: SubscriptionStatus { subscription.status }
  var projectorStatus: ReadModelProjectorStatus { projector.status }

  /// Works until the task is cancelled, then leaves the group.
  func run() async {
    await projector.run()
    await subscription.stop()
  }
}
