import Eventually
import Foundation
import Logging
import Testing

@testable import EventuallyKafka

/// Which properties of librdkafka can be set.
@Suite struct GuardedPropertyTests {
  private func refusal(_ name: String, _ value: String) -> String? {
    do throws(KafkaError) {
      try KafkaProperty.check(KafkaSetting(name, value))
      return nil
    } catch {
      return error.description
    }
  }

  /// Values that each row takes, and some that it does not.
  private static let values: [String: (taken: [String], refused: [String])] = [
    "enable.idempotence": (["true", "1", "T"], ["false", "0", "f", "FALSE", "", "yes"]),
    "enable.gapless.guarantee": (["true"], ["false"]),
    "acks": (["all", "-1", "ALL"], ["0", "1", "2", "", "-1x", "0x1"]),
    "max.in.flight": (["1", "5"], ["6", "1000000", "0", "0x6", "5.5", ""]),
    "message.timeout.ms": (["0"], ["1", "300000", "2147483647", "-1", "0x0"]),
    "retries": (["1", "2147483647"], ["0", "-1", ""]),
    "queuing.strategy": (["fifo"], ["lifo", "LIFO"]),
    "transactional.id": ([], ["t", ""]),
    "delivery.report.only.error": (["false"], ["true"]),
    "message.max.bytes": (["20000000", "1000000000"], ["1000", "1000000", "19999999"]),
    "queue.buffering.max.kbytes": (["20000", "1048576"], ["1", "19999", "0020000", "+20000"]),
    "allow.auto.create.topics": (["false"], ["true"]),
    "group.id": ([], ["g", ""]),
    "partition.assignment.strategy": (
      ["range", "roundrobin,range", ""],
      ["cooperative-sticky", "range,cooperative-sticky", "range ,x"]
    ),
    "group.protocol": (["classic"], ["consumer"]),
    "enable.auto.commit": (["false"], ["true"]),
    "enable.auto.offset.store": (["false"], ["true"]),
    "offset.store.method": (["broker"], ["file", "none"]),
    "auto.offset.reset": (
      ["earliest", "smallest", "beginning"], ["latest", "largest", "end", "error"]
    ),
    "enable.partition.eof": (["true"], ["false"]),
    "topic.metadata.refresh.interval.ms": (["1", "300000"], ["-1", "0"]),
    "bootstrap.servers": ([], ["other:9092"]),
    "api.version.request": (["true"], ["false"]),
    "enabled_events": (["0"], ["1"]),
    "log.queue": (["false"], ["true"]),
    "enable_sasl_queue": (["false"], ["true"]),
    "internal.termination.signal": (["0"], ["9", "15"]),
    "plugin.library.paths": ([], ["monitoring-interceptor", ""]),
    "test.mock.num.brokers": (["0"], ["1", "3"]),
    "ut_handle_ProduceResponse": ([], ["1"]),
  ]

  @Test(arguments: GuardedProperty.all.map { $0.names })
  func eachRowRefusesWhatWouldBreakItsGuarantee(_ names: [String]) throws {
    let property = try #require(GuardedProperty.named(names[0]))
    let (taken, refused) = try #require(Self.values[names[0]])
    for name in names + names.map({ "topic.\($0)" }) {
      #expect(GuardedProperty.named(name)?.names == names)
      for value in refused {
        let mistake = refusal(name, value) ?? "none"
        #expect(
          mistake.hasPrefix("the Kafka property \(name)=\(value) is refused: ")
            && mistake.contains(property.reason), "\(mistake)")
        // Whatever makes a client, by whichever way.
        let configuration = KafkaConfiguration(
          brokers: "127.0.0.1:1", topic: "t", overrides: [KafkaSetting(name, value)])
        #expect(throws: KafkaError.self, "\(name)=\(value)") { try configuration.check() }
        #expect(throws: KafkaError.self, "\(name)=\(value)") {
          try KafkaAdministration(configuration, logger: testLogger)
        }
      }
    }
    // Of those that this version of librdkafka has, the values that are taken are values for it too.
    for name in names where KafkaProperty.names.contains(name) {
      for value in taken { #expect(refusal(name, value) == nil) }
    }
  }

  /// Those of librdkafka 2.0 to 2.15 that may have any value: what they do is slower, faster, larger, or of no effect.
  private static let harmless = Set(
    """
    api.version.fallback.ms api.version.request.timeout.ms auto.commit.interval.ms batch.num.messages batch.size \
    broker.address.family broker.address.ttl broker.version.fallback builtin.features check.crcs client.dns.lookup client.id \
    client.rack compression.codec compression.level compression.type connections.max.idle.ms consume.callback.max.messages \
    coordinator.query.interval.ms debug enable.metrics.push enable.random.seed fetch.error.backoff.ms fetch.max.bytes \
    fetch.message.max.bytes fetch.min.bytes fetch.queue.backoff.ms fetch.wait.max.ms group.instance.id group.protocol.type \
    group.remote.assignor heartbeat.interval.ms isolation.level linger.ms log.connection.close log.thread.name log_level \
    max.partition.fetch.bytes max.poll.interval.ms max.poll.records message.copy.max.bytes metadata.max.age.ms \
    metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy offset.store.path offset.store.sync.interval.ms \
    partitioner produce.offset.report queue.buffering.backpressure.threshold queue.buffering.max.messages queue.buffering.max.ms \
    queued.max.messages.kbytes queued.min.messages receive.message.max.bytes reconnect.backoff.jitter.ms \
    reconnect.backoff.max.ms reconnect.backoff.ms request.timeout.ms retry.backoff.max.ms retry.backoff.ms session.timeout.ms \
    share.acknowledgement.mode socket.blocking.max.ms socket.connection.setup.timeout.ms socket.keepalive.enable \
    socket.max.fails socket.nagle.disable socket.receive.buffer.bytes socket.send.buffer.bytes socket.timeout.ms \
    statistics.interval.ms sticky.partitioning.linger.ms topic.blacklist topic.metadata.propagation.max.ms \
    topic.metadata.refresh.fast.cnt topic.metadata.refresh.fast.interval.ms topic.metadata.refresh.sparse \
    transaction.timeout.ms
    """.split(separator: " ").map(String.init))
  /// Those that librdkafka takes from a program only, never as text.
  private static let programs = Set(
    """
    background_event_cb closesocket_cb connect_cb consume_cb default_topic_conf dr_cb dr_msg_cb error_cb interceptors log_cb \
    msg_order_cmp oauthbearer_token_refresh_cb offset_commit_cb opaque open_cb partitioner_cb rebalance_cb resolve_cb \
    socket_cb ssl.certificate.verify_cb ssl_ca ssl_certificate ssl_engine_callback_data ssl_key stats_cb throttle_cb
    """.split(separator: " ").map(String.init))

  /// A property that a newer librdkafka has is to be looked at: does a guarantee rest on it?
  @Test func everyPropertyIsEitherGuardedOrPassedOn() {
    #expect(KafkaProperty.names.count > 150, "\(KafkaProperty.names.count)")
    for name in KafkaProperty.names {
      if GuardedProperty.named(name) != nil { continue }
      if Self.programs.contains(name) {
        #expect(refusal(name, "1") != nil, "\(name)")
        continue
      }
      let isSecurity = ["security.", "ssl.", "https.", "sasl.", "enable.ssl.", "enable.sasl."]
        .contains {
          name.hasPrefix($0)
        }
      #expect(isSecurity || Self.harmless.contains(name), "\(name) is new")
      // What is wrong is librdkafka's to say.
      if let mistake = refusal(name, "") {
        #expect(!mistake.contains("is refused"), "\(mistake)")
      }
    }
  }

  @Test(arguments: [
    ("linger.ms", "x", "linger.ms"),
    ("no.such", "1", "No such configuration property: \"no.such\""),
    ("session.timeout.ms", "0", "outside allowed range 1..3600000"),
    ("security.protocol", "tls", "Invalid value \"tls\""), ("error_cb", "1", "error_cb"),
  ])
  func whatLibrdkafkaDoesNotTakeIsInItsWords(_ name: String, _ value: String, _ words: String) {
    let mistake = refusal(name, value) ?? "none"
    #expect(mistake.contains(words) && !mistake.contains("\n"), "\(mistake)")
  }

  /// C would read `acks`, and take the value.
  @Test func aZeroByteIsRefused() {
    for (name, value) in [("acks\u{0}x", "1"), ("client.id", "a\u{0}b")] {
      #expect(refusal(name, value)?.contains("zero byte") == true)
    }
  }

  @Test func descriptionsShowNoSecrets() throws {
    for name in [
      "sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password",
      "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config",
      "sasl.oauthbearer.assertion.private.key.passphrase", "sasl.pasword",
    ] {
      let setting = KafkaSetting(name, "hunter2")
      let configuration = KafkaConfiguration(brokers: "b:1", topic: "t", overrides: [setting])
      var dumped = ""
      dump(configuration, to: &dumped)
      for text in ["\(setting)", "\(configuration)", String(reflecting: configuration), dumped] {
        #expect(!text.contains("hunter2"), "\(text)")
      }
      let error = #expect(throws: KafkaError.self) {
        try KafkaProperty.check(KafkaSetting("\(name).x", "hunter2"))
      }
      #expect(error?.description.contains("hunter2") == false, "\(String(describing: error))")
    }
    #expect("\(KafkaSetting("sasl.username", "alice"))" == "sasl.username=alice")
    #expect("\(KafkaSetting("ssl.key.location", "/key"))" == "ssl.key.location=/key")
  }

  /// With `debug=conf` librdkafka logs its configuration.
  @Test func theLogShowsNoSecrets() throws {
    let lines = LogLines()
    var logger = Logger(label: "test") { _ in lines }
    logger.logLevel = .trace
    let settings = [
      KafkaSetting("debug", "all"), KafkaSetting("sasl.password", "hunter2"),
      KafkaSetting("ssl.key.password", "hunter2"), KafkaSetting("ssl.keystore.password", "hunter2"),
    ]
    let configuration = KafkaConfiguration(
      brokers: "127.0.0.1:1", topic: "t", overrides: settings)
    _ = try ProducerClient(configuration, logger: logger)
    _ = try ConsumerClient(configuration, group: "g", settings: [], logger: logger)
    #expect(lines.text.contains("sasl.password"), "\(lines.text.prefix(2000))")
    // Whatever it is written by.
    let log = ClientLog(logger, of: settings)
    ClientLog.forward(log.context, 3, "FAIL", "[thrd:main]: broker: no user hunter2: hunter2")
    #expect(lines.text.contains("no user (hidden): (hidden)"))
    #expect(log.connectionFailure == "broker: no user (hidden): (hidden)")
    #expect(!lines.text.contains("hunter2"))
  }

  /// The article has the table.
  @Test func theArticleListsAllRows() throws {
    let article = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../Sources/EventuallyCommand/EventuallyCommand.docc/Kafka.md"
    ).standardized
    let text = try String(contentsOf: article, encoding: .utf8)
    #expect(
      text.contains(GuardedProperty.reference),
      "the table in Kafka.md has to be:\n\(GuardedProperty.reference)")
  }
}
