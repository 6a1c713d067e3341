import Logging

/// How to reach a Kafka cluster, and which topic holds a store's events.
public struct KafkaConfiguration: Sendable, Hashable {
  /// `host:port`, more of them separated by commas.
  public var brokers: String
  /// The topic of the store's events.
  public var topic: String
  /// librdkafka's properties, over those that are chosen here: TLS, SASL, time limits and so on. Those that would break a
  /// guarantee are refused by ``check()`` and by whatever connects.
  public var overrides: [KafkaSetting]
  /// With keys, the publisher signs each record, and a subscription rejects records that none of them verifies.
  public var keys: TopicKeys?
  /// How many brokers hold each partition of a topic that the publisher creates, from 1; the brokers' default where it is
  /// `nil`. A topic that exists stays as it is.
  public var replicationFactor: Int32?
  /// The cluster that lives and dies with this process, where it is one: what its topic lacks was lost with the one before. Clients
  /// keep it, so that it is there for as long as they are.
  package var development: DevelopmentCluster?

  /// A configuration from its parts.
  public init(
    brokers: String, topic: String, overrides: [KafkaSetting] = [], keys: TopicKeys? = nil,
    replicationFactor: Int32? = nil
  ) {
    self.replicationFactor = replicationFactor
    self.keys = keys
    self.brokers = brokers
    self.topic = topic
    self.overrides = overrides
  }

  /// Makes sure that the client knows all settings and takes their values, can read the certificates and keys that they
  /// name, and that none of them would break a guarantee. The cluster is not asked.
  /// - Throws: ``KafkaError`` that names the setting and says what would be lost.
  public func check() throws(KafkaError) {
    // What the clients would say is said again by those that are made to be used.
    var logger = Logger(label: "eventually.check")
    logger.logLevel = .critical
    _ = try ProducerClient(self, logger: logger)
    _ = try ConsumerClient(self, group: "eventually-check", settings: [], logger: logger)
  }

  /// `chosen`, then the overrides; of two settings with one name, the later counts.
  /// - Throws: where an override would break a guarantee.
  func settings(_ chosen: [KafkaSetting]) throws(KafkaError) -> [KafkaSetting] {
    for setting in overrides { try GuardedProperty.check(setting) }
    return [KafkaSetting("bootstrap.servers", brokers)] + chosen + overrides
  }
}
