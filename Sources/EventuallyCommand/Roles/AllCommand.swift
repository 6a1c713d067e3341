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
        beside it, with the same --data: '\(Program.admin) status --data DIRECTORY'.
        """)
  }

  @Option(help: ArgumentHelp("Where the store and the read models are.", valueName: "directory"))
  var data = "data"
  @Option(
    help: ArgumentHelp("Where the writer serves; port 0 takes any.", valueName: "host:port"))
  var listen: ListenAddress = .writer
  @Option(
    help: ArgumentHelp("Where queries are answered; port 0 takes any.", valueName: "host:port"))
  var queries = ListenAddress.queries
  @Option(help: "A Kafka's bootstrap servers, instead of a development broker.")
  var brokers: String?
  @OptionGroup var kafka: KafkaPropertyOptions
  @Option(help: "How many partitions a new store has.", transform: Whole.init)
  var partitions: Whole<1, 1000> = 4
  @OptionGroup var trace: TraceOptions
  @OptionGroup var token: TokenOptions
  @OptionGroup var tls: ServerTLSOptions
  @OptionGroup var console: ConsoleFlags
  @OptionGroup var log: LogOptions

  func run() async throws {
    try trace.begin(as: "all")
    let application = try Program.current()
    let logger = log.logger(application.name)
    // Before anything is made: a second one is told at once.
    try await ListenAddress.check([listen, queries])
    let store = "\(data)/store.sqlite"
    try makeDirectory(of: store)
    let cluster = brokers == nil ? try DevelopmentCluster() : nil
    var kafka = KafkaConfiguration(
      brokers: brokers ?? cluster?.brokers ?? "", topic: application.name,
      // They are those of a Kafka.
      overrides: cluster == nil ? try kafka.overrides() : [])
    kafka.development = cluster
    let heartbeats = Heartbeats()
    var options = Writer.Options(store: store, kafka: kafka)
    options.heartbeats = heartbeats
    // A store that exists has what it has.
    if !FileManager.default.fileExists(atPath: store) {
      options.partitionCount = Partition(partitions.value)
    }
    let writer = try await Writer(application, options: options, logger: logger)
    try cluster?.createTopic(application.name, partitions: writer.store.partitionCount)
    let directory = "\(data)/read-models"
    let workers = try application.readModels.map { definition in
      var options = Worker.Options(directory: directory, kafka: kafka, feed: .file(store))
      options.heartbeats = heartbeats
      return try Worker(application, readModel: definition.name, options: options, logger: logger)
    }
    let (tokens, tls) = (try token.accepted(logger: logger), try tls.tls(logger: logger))
    var queriesAPI = try QueryServer(application, directory: directory).api
    queriesAPI.tokens = tokens
    queriesAPI.console = try console.options(store: .file(store))
    var commandsAPI = try writer.api(tokens: tokens)
    commandsAPI.console = try console.options(readModels: .folder(directory))
    let greeting = Greeting(
      data: data, noConsole: console.noConsole,
      commands: HTTPServer(
        api: commandsAPI, listen: listen, tls: tls, logger: logger),
      queries: HTTPServer(api: queriesAPI, listen: queries, tls: tls, logger: logger))
    try await runServices(
      [writer] + workers + [greeting.queries, greeting.commands, greeting], logger: logger,
      endsWithTerminal: true)
  }
}

/// Tells what to do next, once both servers serve.
private struct Greeting: Service {
  let data: String
  let noConsole: Bool
  let commands: HTTPServer
  let queries: HTTPServer
  private let served: AsyncStream<(isQueries: Bool, url: String)>

  init(data: String, noConsole: Bool, commands: HTTPServer, queries: HTTPServer) {
    let (served, continuation) = AsyncStream.makeStream(of: (isQueries: Bool, url: String).self)
    var (commands, queries) = (commands, queries)
    commands.onServing = { continuation.yield((false, $0)) }
    queries.onServing = { continuation.yield((true, $0)) }
    self.noConsole = noConsole
    (self.data, self.commands, self.queries, self.served) = (data, commands, queries, served)
  }

  func run() async throws {
    try await cancelWhenGracefulShutdown {
      var urls: [Bool: String] = [:]
      for await (isQueries, url) in served {
        urls[isQueries] = url
        guard let commands = urls[false], let queries = urls[true] else { continue }
        try Output.standard.line("commands  \(commands)/openapi.json")
        try Output.standard.line("queries   \(queries)/openapi.json")
        if !noConsole { try Output.standard.line("console   \(commands)/console/") }
        try Output.standard.line("status    \(Program.admin) status --data \(data)")
        try Output.standard.line("Ctrl-C stops everything.")
        try Output.standard.flush()
      }
    }
  }
}
