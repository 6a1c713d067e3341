import EventuallyServer
import ArgumentParser
import Eventually
import EventuallyKafka
import Foundation
import ServiceLifecycle

/// The command `broker`.
struct BrokerCommand: ServiceCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "broker",
      abstract: "A Kafka cluster in one process, for development: librdkafka's mock cluster.",
      discussion: """
        It prints its bootstrap servers, and stops at SIGTERM or SIGINT. It is not Kafka:

        - everything is in memory: when it stops, topics, records and offsets are gone;
        - of each partition it keeps the newest 5 MiB (or 100,000 batches) and forgets the rest: projectors \
        fetch what they miss from the writer's feed;
        - it listens on 127.0.0.1, on ports that can't be chosen;
        - it has no admin calls: topics are created here, with --topic and --partitions. One that a worker asks for and that \
        is not there gets 4 partitions, whatever the store has, and can't be deleted: name all topics;
        - transactions, fencing and the producer's idempotence are not enforced;
        - joining a group takes 3 seconds, and each rebalance about the session timeout, which must be at \
        least 4 seconds.

        With --control it can be made to misbehave; a leader is one of the first topic's partition:

        POST /brokers/B/down, /brokers/B/up       broker B, counted from 1
        POST /brokers/B/rtt/MS                    delay all of its answers by so many milliseconds
        POST /partitions/P/leader/B               make broker B the leader of partition P
        POST /errors/produce/CODE/N               N requests to produce fail, with an error of the Kafka protocol
        POST /errors/fetch/CODE/N                 the same for requests to fetch
        """)
  }

  @Option(help: "How many brokers.", transform: Whole.init)
  var brokers: Whole<1, 9> = 1
  @Option(
    name: .customLong("topic"), parsing: .singleValue,
    help: "A topic to create, may be repeated; the application's name where it is left out.")
  var topics: [String] = [Program.name]
  @Option(
    help: "How many partitions each topic has: as many as the store.", transform: Whole.init)
  var partitions: Whole<1, 1000> = 12
  @Option(
    help: ArgumentHelp("A file to write the bootstrap servers to.", valueName: "file"))
  var bootstrapFile: String?
  @Option(
    help: ArgumentHelp(
      "Where to take orders to misbehave, over HTTP; port 0 takes any that is free.",
      valueName: "host:port"))
  var control: ListenAddress?
  @Option(
    help: ArgumentHelp("A file to write the control's URL to.", valueName: "file"))
  var addressFile: String?

  func validate() throws {
    guard !topics.isEmpty else { throw ValidationError("--topic names no topic") }
  }

  func run() async throws {
    // Who waits for it must not find that of a broker before.
    if let bootstrapFile, FileManager.default.fileExists(atPath: bootstrapFile) {
      try FileManager.default.removeItem(atPath: bootstrapFile)
    }
    let cluster = try DevelopmentCluster(brokers: Int32(brokers.value))
    for topic in topics {
      try cluster.createTopic(
        topic, partitions: Int32(partitions.value),
        replicationFactor: Int32(min(3, brokers.value)))
    }
    try Output.standard.line(cluster.brokers)
    try Output.standard.flush()
    if let bootstrapFile {
      try makeDirectory(of: bootstrapFile)
      try Data((cluster.brokers + "\n").utf8).write(
        to: URL(filePath: bootstrapFile), options: .atomic)
    }
    let logger = LogOptions.parseOrExit(["--log-level", "warning"]).logger("broker")
    var services: [any Service] = [UntilShutdown()]
    if let control {
      services.append(
        HTTPServer(
          api: BrokerControl(cluster: cluster, topic: topics[0]).api(), listen: control,
          addressFile: addressFile, logger: logger))
    }
    try await runServices(services, logger: logger)
    withExtendedLifetime(cluster) {}
  }
}

/// Does nothing until it is stopped.
private struct UntilShutdown: Service {
  func run() async throws {
    try await gracefulShutdown()
  }
}
