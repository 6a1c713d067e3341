public import ArgumentParser
import Eventually
import EventuallyKafka
import Foundation
import ServiceLifecycle

/// The command `devbroker`.
public struct DevelopmentBrokerCommand: AsyncParsableCommand {
  /// How it is called, and what its help says.
  public static let configuration = CommandConfiguration(
    commandName: "devbroker",
    abstract: "A Kafka cluster in one process, for development: librdkafka's mock cluster.",
    discussion: """
      It prints its bootstrap servers, and stops at SIGTERM or SIGINT. It is not Kafka:

      - everything is in memory: when it stops, topics, records and offsets are gone;
      - of each partition it keeps the newest 5 MiB (or 100,000 batches) and forgets the rest: projectors \
      fetch what they miss from the writer's feed;
      - it listens on 127.0.0.1, on ports that can't be chosen;
      - it has no admin calls: topics are created here, with --topic and --partitions;
      - transactions, fencing and the producer's idempotence are not enforced;
      - joining a group takes 3 seconds, and each rebalance about the session timeout, which must be at \
      least 4 seconds.
      """)

  @Option(help: "How many brokers.")
  var brokers: Int32 = 1
  @Option(help: "A topic to create.")
  var topic = "orders"
  @Option(help: "How many partitions the topic has: as many as the store.")
  var partitions: Int32 = 12
  @Option(
    help: ArgumentHelp("A file to write the bootstrap servers to.", valueName: "file"))
  var bootstrapFile: String?

  /// The command.
  public init() {}

  /// Checks the options' values.
  public func validate() throws {
    guard (1...9).contains(brokers) else { throw ValidationError("--brokers must be from 1 to 9") }
    guard (1...1000).contains(partitions) else {
      throw ValidationError("--partitions must be from 1 to 1000")
    }
  }

  /// Runs until SIGTERM or SIGINT.
  public func run() async throws {
    let cluster = try DevelopmentCluster(brokers: brokers)
    try cluster.createTopic(
      topic, partitions: partitions, replicationFactor: min(3, brokers))
    print(cluster.brokers)
    fflush(nil)
    if let bootstrapFile {
      try makeDirectory(of: bootstrapFile)
      try Data((cluster.brokers + "\n").utf8).write(
        to: URL(filePath: bootstrapFile), options: .atomic)
    }
    let logger = LogOptions.parseOrExit(["--log-level", "warning"]).logger("devbroker")
    try await OrdersApp.run([UntilShutdown()], logger: logger)
    withExtendedLifetime(cluster) {}
  }
}

/// Does nothing until it is stopped.
private struct UntilShutdown: Service {
  func run() async throws {
    try await gracefulShutdown()
  }
}
