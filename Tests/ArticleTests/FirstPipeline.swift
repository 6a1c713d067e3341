import Eventually
import EventuallyKafka
import EventuallySQLite
import Logging
import Testing

/// The code of the articles of EventuallyKafka. Their account and their balances are those of "Your first aggregate".
extension FirstAggregate {
  @Suite(.timeLimit(.minutes(5))) struct PipelineArticleTests {
    @Test func aCommandReachesAReadModelByWayOfKafka() async throws {
      let temporary = try TemporaryFolder()
      let folder = temporary.path
      let logger = Logger(label: "pipeline") { _ in SwiftLogNoOpLogHandler() }

      // snippet.broker
      let cluster = try DevelopmentCluster()
      try cluster.createTopic("accounts", partitions: 4)
      let kafka = KafkaConfiguration(brokers: cluster.brokers, topic: "accounts")
      // snippet.end
      // snippet.writer
      let codec = JSONEventCodec<Account.Event>()
      let store = try SQLiteEventStore(
        path: "\(folder)/store.sqlite", codec: codec, options: .init(partitionCount: 4))
      let publisher = KafkaPublisher(
        kafka, source: store, contentType: codec.contentType, logger: logger)
      let publishing = Task { try await publisher.run() }
      // snippet.end

      // snippet.worker
      let directory = ReadModelDirectory("\(folder)/balances", model: Balances())
      let worker = try await ReadModelWorker(
        directory, model: Balances(), codec: codec, feed: store.log,
        options: .init(owner: "worker-1"), logger: logger
      ) { checkpoints in
        KafkaSubscription(
          kafka, storeID: store.storeID, partitionCount: store.partitionCount, codec: codec,
          checkpoints: checkpoints, feed: store.log,
          options: .init(group: "accounts.balances", owner: "worker-1"), logger: logger)
      }
      let projecting = Task { try await worker.run() }
      // snippet.end

      // snippet.query
      let accounts = Repository(Account(), store: store)
      let (_, appended) = try await accounts.execute([.deposit(5), .withdraw(2)], on: "alice")

      let reader = try ReadModelReader(path: directory.livePath, model: Balances())
      if let last = appended?.last {
        _ = try await reader.wait(
          for: last.partitionOffset, in: last.partition, atMost: .seconds(30))
      }
      let balance = try await reader.lookUp { rows in
        try rows.row(BalanceRow.self, "alice")?.balance
      }
      // snippet.end
      #expect(balance == 3)
      publishing.cancel()
      projecting.cancel()
      _ = await (publishing.result, projecting.result)
      withExtendedLifetime(cluster) {}
    }
  }
}
