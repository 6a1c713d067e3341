import CKafkaShim
public import Eventually

/// A Kafka cluster in this process, for development and tests: librdkafka's mock cluster.
///
/// It is not Kafka. It keeps everything in memory, and of each partition only the newest 5 MiB; it has no admin
/// calls, no transactions and no fencing; and each rebalance takes it about as long as the session timeout.
///
/// `@unchecked Sendable`: the mock cluster runs on a thread of its own, to which its calls are handed over, or guards
/// what they touch by a lock; the handle itself never changes.
public final class DevelopmentCluster: @unchecked Sendable {
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

  /// A kind of request that can be made to fail.
  package enum RequestKind: Int16, Sendable {
    /// Producing records.
    case produce = 0
    /// Fetching records.
    case fetch = 1
    /// Asking where a partition begins or ends.
    case offsets = 2
  }

  /// Delays all answers of a broker, counted from 1.
  package func setRoundTrip(of broker: Int32, milliseconds: Int32) throws(KafkaError) {
    var error = cks_error()
    guard cks_mock_cluster_set_rtt(handle, broker, milliseconds, &error) else {
      throw KafkaError(error, "delay the answers of broker \(broker)")
    }
  }

  /// Makes a broker the leader of a partition.
  package func setLeader(
    of partition: Partition, in topic: String, to broker: Int32
  ) throws(KafkaError) {
    var error = cks_error()
    guard cks_mock_cluster_set_leader(handle, topic, partition, broker, &error) else {
      throw KafkaError(error, "make broker \(broker) the leader of partition \(partition)")
    }
  }

  /// Makes the next requests of a kind fail with an error of the Kafka protocol, by its number. They have no effect.
  package func fail(_ kind: RequestKind, code: Int32, count: Int) {
    cks_mock_cluster_fail_requests(handle, kind.rawValue, code, count)
  }

  /// Takes a broker, counted from 1, down, or brings it up again.
  package func setBroker(_ broker: Int32, isUp: Bool) throws(KafkaError) {
    var error = cks_error()
    guard cks_mock_cluster_set_broker_up(handle, broker, isUp, &error) else {
      throw KafkaError(error, "take broker \(broker) \(isUp ? "up" : "down")")
    }
  }
}

extension DevelopmentCluster: Hashable {
  /// Whether both are the same cluster.
  public static func == (left: DevelopmentCluster, right: DevelopmentCluster) -> Bool {
    left === right
  }

  /// By identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
