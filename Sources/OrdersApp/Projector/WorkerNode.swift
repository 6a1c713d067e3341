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

/// A worker of one read model: subscription, live generation, and the projector between them.
struct Worker<Model: OrdersReadModelType>: WorkerStatusSource {
  typealias Subscription = KafkaSubscription<OrderEventCodec>

  let subscription: Subscription
  let readModel: LiveReadModel<Model>
  let projector: ReadModelProjector<Subscription, LiveReadModel<Model>>
  private let feed: any EventLog
  private let owner: String
  private let heartbeats: Heartbeats
  private let logger: Logger

  init(
    _ readModel: LiveReadModel<Model>, kafka: KafkaConfiguration, group: String, owner: String,
    feed: any EventLog, storeID: String, partitions: Partition, heartbeats: Heartbeats,
    logger: Logger
  ) {
    self.readModel = readModel
    self.feed = feed
    self.owner = owner
    self.heartbeats = heartbeats
    self.logger = logger
    var options = Subscription.Options(group: group, owner: owner)
    options.heartbeats = heartbeats
    options.readModel = readModel.directory.name
    subscription = Subscription(
      kafka, storeID: storeID, partitionCount: partitions, codec: OrderEventCodec(),
      checkpoints: readModel, feed: feed, options: options, logger: logger)
    projector = ReadModelProjector(
      subscription, into: readModel, heartbeats: heartbeats, name: readModel.directory.name
    ) { error in
      logger.warning("not applied, and tried again", metadata: ["error": "\(error)"])
    }
  }

  var subscriptionStatus: SubscriptionStatus { subscription.status }
  var projectorStatus: ReadModelProjectorStatus { projector.status }

  /// Works until the task is cancelled, then leaves the group.
  func run() async {
    await CrashedPartitions(
      readModel: readModel, log: feed, codec: OrderEventCodec(), owner: owner,
      heartbeats: heartbeats, logger: logger
    ).recover()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await followGenerations() }
      group.addTask { await completeBuild() }
      await projector.run()
      group.cancelAll()
    }
    await subscription.stop()
  }

  /// Has new leases taken whenever another generation has become the live one.
  private func followGenerations() async {
    while !Task.isCancelled {
      if readModel.hasMoved { subscription.renewLeases() }
      // A cancelled pause ends the loop by its condition. A link that changes in the file system gives no signal.
      try? await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Once all that was in the store when the worker began has been applied, the generation counts as built.
  private func completeBuild() async {
    var heads: [UInt64]?
    while !Task.isCancelled {
      do {
        if heads == nil { heads = try await feed.heads() }
        if let heads, try await readModel.completeBuild(through: heads) {
          logger.info("built", metadata: ["generation": "\(readModel.generation)"])
          return
        }
      } catch {
        logger.info(
          "it can't be told yet whether the read model is built", metadata: ["error": "\(error)"])
      }
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(for: .milliseconds(200))
    }
  }
}
