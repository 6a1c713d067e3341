package import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation
import Logging
package import Orders

/// A read model of orders.
package protocol OrdersReadModelType: ReadModel where Event == OrderEvent {}
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
    feed: any EventFeed, storeID: String, partitions: Partition, heartbeats: Heartbeats,
    logger: Logger
  ) throws {
    let codec = OrderEventCodec()
    let database = try ReadModelDatabase(
      path: path, model: model, codec: codec, storeID: storeID, partitionCount: partitions)
    var options = Subscription.Options(group: group, owner: owner)
    options.heartbeats = heartbeats
    subscription = Subscription(
      kafka, storeID: storeID, partitionCount: partitions, codec: codec, checkpoints: database,
      feed: feed, options: options, logger: logger)
    projector = ReadModelProjector(subscription, into: database, heartbeats: heartbeats) { error in
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
