import Logging

/// How to reach a Kafka cluster, and which topic holds a store's events.
public struct KafkaConfiguration: Sendable, Hashable {
  /// `host:port`, more of them separated by commas.
  public var brokers: String
  /// The topic of the store's events.
  public var topic: String
  /// librdkafka settings that override the ones chosen here: TLS, SASL, time limits and so on.
  public var overrides: [KafkaSetting]
  /// With keys, the publisher signs each record, and a subscription rejects records that none of them verifies.
  public var keys: TopicKeys?
  /// How many brokers hold each partition of a topic that the publisher creates, from 1; the brokers' default where it is
  /// `nil`. A topic that exists stays as it is.
  public var replicationFactor: Int32?
  /// Whether the brokers begin with nothing at each start, as a development cluster does: that the topic has lost events is
  /// expected then.
  package var isDevelopment = false

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

  /// Makes sure that the client knows all settings and takes their values. The cluster is not asked.
  /// - Throws: ``KafkaError`` that names the setting.
  public func check() throws(KafkaError) {
    // What the clients would say is said again by those that are made to be used.
    var logger = Logger(label: "eventually.check")
    logger.logLevel = .critical
    _ = try ProducerClient(self, logger: logger)
    _ = try ConsumerClient(self, group: "eventually-check", settings: [], logger: logger)
  }

  /// Whether the producer is idempotent, as it is unless an override says otherwise.
  var isIdempotent: Bool {
    let value = overrides.last { $0.name == "enable.idempotence" }?.value.lowercased() ?? "true"
    return !["false", "f", "0"].contains(value)
  }

  /// `chosen`, then the overrides; of two settings with one name, the later counts.
  func settings(_ chosen: [KafkaSetting]) -> [KafkaSetting] {
    [KafkaSetting("bootstrap.servers", brokers)] + chosen + overrides
  }
}

/// A librdkafka setting.
public struct KafkaSetting: Sendable, Hashable {
  /// The setting's name, `security.protocol` for example.
  public var name: String
  /// Its value.
  public var value: String

  /// A setting from its parts.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}
