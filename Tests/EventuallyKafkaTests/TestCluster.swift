import Eventually
import Foundation
import Testing

@testable import EventuallyKafka

/// The Kafka that tests run on, as `deploy/test --brokers` says; a development cluster for each test where it says nothing.
enum TestKafka {
  /// Bootstrap servers of somebody's Kafka.
  static let brokers = variable("EVENTUALLY_TEST_BROKERS")
  /// librdkafka settings for it, one `name=value` a line.
  static let settings: [KafkaSetting] =
    (variable("EVENTUALLY_TEST_KAFKA") ?? "").split(separator: "\n").compactMap { line in
      let parts = line.split(separator: "=", maxSplits: 1)
      return parts.count == 2 ? KafkaSetting(String(parts[0]), String(parts[1])) : nil
    }

  static var isDevelopment: Bool { brokers == nil }
  /// Whether clients and brokers talk in the clear, without passwords.
  static var isPlain: Bool {
    settings.allSatisfy { $0.name != "security.protocol" || $0.value.lowercased() == "plaintext" }
  }

  private static func variable(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }
}

extension Trait where Self == ConditionTrait {
  /// The test runs on a development cluster only.
  static func needsDevelopmentCluster(_ reason: Comment) -> Self {
    .enabled(if: TestKafka.isDevelopment, reason)
  }

  /// The test reads or changes what clients and brokers say to each other.
  static var needsPlainBrokers: Self {
    .enabled(if: TestKafka.isPlain, "brokers with TLS or SASL can't be listened to")
  }

  /// The test runs on somebody's Kafka only.
  static var needsKafka: Self {
    .enabled(
      if: !TestKafka.isDevelopment,
      "the development cluster has no such calls: deploy/test --brokers HOST:PORT")
  }
}

/// Where a test's topics and groups are, for as long as it is kept. On somebody's Kafka they are deleted then.
final class TestCluster: Sendable {
  private let development: DevelopmentCluster?
  private let groups = Locked<[String]>([])
  private let topics: [String]
  let brokers: String

  /// - Parameter topics: to create. Topics that the test itself, or what it tests, may create are named with the count 0.
  init(topics: [(String, Partition)] = []) throws {
    self.topics = topics.map(\.0)
    if let brokers = TestKafka.brokers {
      development = nil
      self.brokers = brokers
      for (topic, partitions) in topics where partitions > 0 {
        try Self.create(topic, partitions, brokers)
      }
    } else {
      let cluster = try DevelopmentCluster()
      development = cluster
      brokers = cluster.brokers
      for (topic, partitions) in topics where partitions > 0 {
        try cluster.createTopic(topic, partitions: partitions)
      }
    }
  }

  /// A consumer group that nobody else uses.
  func group() -> String {
    let name = uniqueName("eventually-test-group")
    groups.withLock { $0.append(name) }
    return name
  }

  deinit {
    guard development == nil else { return }
    let groups = groups.withLock { $0 }
    do {
      let client = try Self.client(topics.first ?? "none", brokers)
      if !topics.isEmpty { try client.deleteTopics(topics) }
      try Self.delete(groups, client)
    } catch {
      Issue.record("topics \(topics) and groups \(groups) are left on \(brokers): \(error)")
    }
  }

  /// A group has members until they have left it, or until the session of one that was cut off ends.
  private static func delete(_ groups: [String], _ client: ProducerClient) throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while true {
      do {
        return try client.deleteGroups(groups)
      } catch {
        guard ContinuousClock.now < deadline else { throw error }
        Thread.sleep(forTimeInterval: 0.2)
      }
    }
  }

  private static func client(_ topic: String, _ brokers: String) throws -> ProducerClient {
    try ProducerClient(configuration(brokers, topic), logger: testLogger)
  }

  private static func create(_ topic: String, _ partitions: Partition, _ brokers: String) throws {
    let client = try client(topic, brokers)
    try client.createTopic(partitions: partitions)
    let deadline = ContinuousClock.now + .seconds(20)
    while true {
      let found = try client.partitionCount(timeout: 5000)
      if found == (partitions, 0) { return }
      guard ContinuousClock.now < deadline else {
        throw NotInTime(
          description: "\(topic) has \(found.count) of \(partitions) partitions, and "
            + "\(found.leaderless) of them have no leader")
      }
      Thread.sleep(forTimeInterval: 0.05)
    }
  }
}
