import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallyServer
import EventuallySQLite
import Foundation
import Logging
import ServiceLifecycle

/// `all`: everything in one process, for trying out.
struct AllCommand: ServiceCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "all",
      abstract: "Run everything in one process, to try it out: broker, writer, workers, queries.",
      discussion: """
        The writer takes commands at --listen, queries are answered at --queries. Store and read models are files below --data and \
        stay; the broker is a development broker in memory, unless --brokers names a Kafka. The administrative commands work \
        beside it, with the same --data: '\(Program.name) status --store DATA/store.sqlite --read-models DATA/read-models'.
        """)
  }

  @Option(help: ArgumentHelp("Where the store and the read models are.", valueName: "directory"))
  var data = "data"
  @Option(
    help: ArgumentHelp("Where the writer serves; port 0 takes any.", valueName: "host:port"))
  var listen: ListenAddress = .local
  @Option(
    help: ArgumentHelp("Where queries are answered; port 0 takes any.", valueName: "host:port"))
  var queries = ListenAddress(host: "127.0.0.1", port: 8081)
  @Option(help: "A Kafka's bootstrap servers, instead of a development broker.")
  var brokers: String?
  @Option(help: "How many partitions a new store has.", transform: Whole.init)
  var partitions: Whole<1, 1000> = 4
  @OptionGroup var log: LogOptions

  func run() async throws {
    try Observability.bootstrap()
    let application = try Program.current()
    let logger = log.logger(application.name)
    let store = "\(data)/store.sqlite"
    try makeDirectory(of: store)
    let cluster = brokers == nil ? try DevelopmentCluster() : nil
    defer { withExtendedLifetime(cluster) {} }
    let kafka = KafkaConfiguration(
      brokers: brokers ?? cluster?.brokers ?? "", topic: application.name)
    let heartbeats = Heartbeats()
    var options = Writer.Options(store: store, kafka: kafka)
    options.heartbeats = heartbeats
    // A store that exists has what it has.
    if !FileManager.default.fileExists(atPath: store) {
      options.partitionCount = Partition(partitions.value)
    }
    let writer = try Writer(application, options: options, logger: logger)
    try cluster?.createTopic(application.name, partitions: writer.store.partitionCount)
    let directory = "\(data)/read-models"
    let workers = try application.readModels.map { definition in
      var options = Worker.Options(directory: directory, kafka: kafka, feed: .file(store))
      options.heartbeats = heartbeats
      return try Worker(application, readModel: definition.name, options: options, logger: logger)
    }
    let services: [any Service] =
      [writer] + workers + [
        HTTPServer(
          api: QueryServer(application, directory: directory).api, listen: queries, logger: logger),
        HTTPServer(api: try writer.api(), listen: listen, logger: logger),
      ]
    try await runServices(services, logger: logger)
  }
}
