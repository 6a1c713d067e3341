import CKafkaShim
public import Eventually

/// A Kafka cluster in this process, for development and tests: librdkafka's mock cluster.
///
/// It is not Kafka. It keeps everything in memory, and of each partition only the newest 5 MiB; it has no admin
/// calls, no transactions and no fencing; and each rebalance takes it about as long as the session timeout.
/// It is used by one thread at a time.
public final class DevelopmentCluster {
  private let handle: OpaquePointer

  /// Starts a cluster on free ports of 127.0.0.1.
  public init(brokers: Int32 = 1) throws(KafkaError) {
    var error = cks_error()
    guard let handle = cks_mock_cluster_create(brokers, &error) else {
      throw KafkaError(error, "start the development cluster")
    }
    self.handle = handle
  }

  deinit { cks_mock_cluster_destroy(handle) }

  /// The bootstrap servers.
  public var brokers: String {
    String(cString: cks_mock_cluster_bootstrap_servers(handle))
  }

  /// Creates a topic.
  public func createTopic(
    _ topic: String, partitions: Partition, replicationFactor: Int32 = 1
  ) throws(KafkaError) {
    var error = cks_error()
    guard cks_mock_cluster_create_topic(handle, topic, partitions, replicationFactor, &error) else {
      throw KafkaError(error, "create the topic '\(topic)'")
    }
  }

  /// Takes a broker, counted from 1, down, or brings it up again.
  public func setBroker(_ broker: Int32, isUp: Bool) throws(KafkaError) {
    var error = cks_error()
    guard cks_mock_cluster_set_broker_up(handle, broker, isUp, &error) else {
      throw KafkaError(error, "take broker \(broker) \(isUp ? "up" : "down")")
    }
  }
}
