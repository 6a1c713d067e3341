import Eventually
import EventuallyKafka
import EventuallyTesting
import Foundation
import Logging

/// A Kafka that is there already, and that others may use: a scenario has a topic and groups of its own there.
package final class ExistingKafka: Broker {
  private let kafka: ApplicationHarness.Kafka
  private let commands: KafkaChoice.Commands
  private let folder: String
  private var runs = 0
  private var isAway = false
  private var isFrozen = false

  init(
    servers: String, settings: [String], commands: KafkaChoice.Commands,
    of harness: ApplicationHarness
  ) {
    kafka = ApplicationHarness.Kafka(
      servers: servers,
      topic: "eventually-torture-\(UUID().uuidString.prefix(8).lowercased())",
      settings: settings,
      // Brokers refuse sessions that are shorter than group.min.session.timeout.ms, 6 s by default.
      sessionTimeout: 6000)
    self.commands = commands
    folder = harness.folder
    harness.use(kafka)
  }

  private var servers: String { kafka.servers }
  private var topic: String { kafka.topic }

  /// The writer creates the topic.
  package func start(brokers: Int) async throws {
    try await answers(within: .seconds(20))
  }

  package func disturb(_ disturbance: Disturbance) async throws {
    switch disturbance {
    case .takeAway, .end:
      isAway = true
      try await run(commands.stop, "--broker-stop")
    case .bringBack, .startAgain:
      try await run(commands.start, "--broker-start")
      isAway = false
      try await answers(within: .seconds(90))
    case .freeze:
      isFrozen = true
      try await run(commands.pause, "--broker-pause")
    case .thaw:
      try await run(commands.resume, "--broker-resume")
      isFrozen = false
    case .loseEverything: try await loseTopic()
    case .forget(let offset): try await forget(before: offset)
    case .one, .leader, .answerLate, .fail:
      throw NotAsExpected(
        "the scenario does not say what it requires: \(disturbance.ability?.lacking ?? "")")
    }
  }

  // Apart from the switch above: Swift 6.3.1 crashes where it optimizes typed errors among its cases.

  private func loseTopic() async throws {
    let administration = try administration()
    try await administration.deleteTopic()
    try await waitUntil("the topic \(topic) is gone", within: .seconds(30)) {
      try await administration.partitionCount() == 0
    }
  }

  private func forget(before offset: Int64) async throws {
    let administration = try administration()
    try await administration.deleteRecords(before: [offset])
  }

  private func administration() throws -> KafkaAdministration {
    var logger = Logger(label: "torture")
    logger.logLevel = .critical
    let overrides = kafka.settings.compactMap { text -> KafkaSetting? in
      let parts = text.split(separator: "=", maxSplits: 1)
      return parts.count == 2 ? KafkaSetting(String(parts[0]), String(parts[1])) : nil
    }
    return try KafkaAdministration(
      KafkaConfiguration(brokers: servers, topic: topic, overrides: overrides), logger: logger)
  }

  /// Waits until the brokers answer.
  private func answers(within limit: Duration) async throws {
    var seen = ""
    try await waitUntil("\(servers) answers", within: limit, seen: { seen }) {
      do {
        _ = try await self.administration().partitionCount(within: .seconds(5))
        return true
      } catch let error as KafkaError {
        seen = "\(error)"
        guard error.isRetriable else { throw error }
        return false
      }
    }
  }

  private func run(_ command: String?, _ option: String) async throws {
    guard let command else { throw NotAsExpected("\(option) is needed") }
    runs += 1
    // What it starts in the background stays.
    let process = try await RunningProcess.start(
      "/bin/sh", ["-c", command], log: "\(folder)/command-\(runs).log", isGuarded: false)
    let code = try await process.exitCode(within: .seconds(120))
    guard code == 0 else {
      throw NotAsExpected("\(option) '\(command)' ended with \(code): \(process.lastWords)")
    }
  }

  package func close() async throws {
    // A task of its own: that of the scenario may be cancelled. Nobody uses this object meanwhile but the task.
    nonisolated(unsafe) let broker = self
    try await Task { try await broker.leave() }.value
  }

  private func leave() async throws {
    if isFrozen { try await disturb(.thaw) }
    if isAway { try await disturb(.bringBack) }
    let administration = try administration()
    try await administration.deleteTopic()
    // Groups of the read models are named after the topic. Who was killed is a member until its session ends.
    var left: [String] = []
    var failure = ""
    try await waitUntil(
      "the consumer groups of \(topic) are deleted", within: .seconds(30),
      seen: { "\(left): \(failure)" }
    ) {
      left = try await administration.groups().filter { $0.hasPrefix(self.topic + ".") }
      do {
        try await administration.deleteGroups(left)
        return true
      } catch {
        failure = "\(error)"
        return false
      }
    }
  }
}
