import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallyServer
import Foundation
import Logging

/// The command `projector`.
struct ProjectorCommand: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "projector",
      abstract: "Build read models from Kafka, and answer their queries.",
      version: Program.version,
      subcommands: [Run.self, Serve.self])
  }

  /// `projector run`
  struct Run: ServiceCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        abstract: "Work on a read model, and answer its queries.",
        discussion: """
          The workers of one read model share its partitions and its rows; start as many as there are \
          partitions at most. Each event is applied exactly once, whenever a worker is killed: rows and \
          checkpoint are one transaction, and a worker whose partition has been taken over cannot write.

          A worker begins after the read model's checkpoint. What Kafka does not hold is fetched from the \
          feed: a writer's URL, or the store itself.

          An event that this code fails on again and again is parked, with the later events of its stream, and the \
          others go on: see \(Program.admin) parked.

          The queries are in the OpenAPI document: '\(Program.admin) openapi queries', or GET /openapi.json. Besides them:

          GET /asyncapi.json                       the AsyncAPI document of the topic
          GET /healthz, /readyz, /metrics          health; readiness with positions, lag and reasons; metrics

          With tokens, queries ask for one of the role read. The writer is sent the token of --feed-token-file, or the only one that this \
          process knows.
          """)
    }

    @Argument(help: "The read model: \(Program.readModels).")
    var readModel: ReadModelName
    @OptionGroup var files: ReadModelOptions
    @Option(
      help: ArgumentHelp(
        "A writer's URL, or the store's file or URL: for events that Kafka does not hold.",
        valueName: "url or file"))
    var feed = "http://127.0.0.1:8080"
    @Option(
      help: ArgumentHelp(
        "Where to note what is worked on, for read models in a database: systemd's state directory, or the temporary one, where it is left out.",
        discussion:
          "An event that ends processes again and again is parked by what they have noted: keep the directory when they restart.",
        valueName: "directory"))
    var state: String?
    @Option(
      help: ArgumentHelp(
        "A file with the token that the writer is sent, where it is not the only one of --token-file.",
        valueName: "file"))
    var feedTokenFile: String?
    @Option(help: "What this worker calls itself. Its host and process id where it is left out.")
    var worker: String?
    @OptionGroup var kafka: KafkaOptions
    @Option(
      help: ArgumentHelp(
        "Where to serve HTTP; port 0 takes any that is free.", valueName: "host:port"))
    var listen: ListenAddress = .anyPort
    @Option(
      help: ArgumentHelp("A file to write the server's URL to once it serves.", valueName: "file"))
    var addressFile: String?
    @OptionGroup var queryLimit: QueryOptions
    @OptionGroup var limits: LimitOptions
    @OptionGroup var console: ConsoleFlags
    @Option(
      help: ArgumentHelp(
        "The store that the console shows: its file or URL, where --feed is a writer.",
        valueName: "file or url"))
    var store: StoreLocation?
    @OptionGroup var savepoints: SavepointOptions
    @OptionGroup var trace: TraceOptions
    @OptionGroup var token: TokenOptions
    @OptionGroup var tls: ServerTLSOptions
    @OptionGroup var feedTLS: ClientTLSOptions
    @OptionGroup var health: HealthOptions
    @OptionGroup var log: LogOptions

    func run() async throws {
      try trace.begin(as: "projector")
      let logger = log.logger("projector")
      var options = Worker.Options(
        readModels: files.location, kafka: try kafka.configuration(),
        feed: FeedSource(feed, token: try feedToken(), tls: try feedTLS.tls()))
      if let worker { options.owner = worker }
      if let state {
        try makeDirectory(of: "\(state)/note")
        options.state = state
      }
      options.savepoints = savepoints.policy
      options.queryLimit = queryLimit.seconds
      options.queryReplica = queryLimit.replica
      options.heartbeats = health.heartbeats()
      options.limits = limits.limits
      let worker = try Worker(
        try Program.current(), readModel: readModel.name, options: options, logger: logger)
      var api = worker.api
      api.tokens = try token.accepted(logger: logger)
      api.console = try console.options(store: store)
      let server = HTTPServer(
        api: api, listen: listen, addressFile: addressFile, tls: try tls.tls(logger: logger),
        logger: logger)
      try await runServices([worker, server], logger: logger)
    }

    private func feedToken() throws -> BearerToken? {
      // A file asks for none.
      guard HTTPEndpoint(feed) != nil else { return nil }
      if let feedTokenFile {
        return try TokenOptions.parse(["--token-file", feedTokenFile]).presented()
      }
      return try token.presented(orElse: "name the writer's with --feed-token-file")
    }
  }

  /// `projector serve`
  struct Serve: ServiceCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        abstract: "Answer the queries of all read models, without working on them.",
        discussion: """
          The queries are in the OpenAPI document: '\(Program.admin) openapi queries', or GET /openapi.json. Besides them: GET /healthz, \
          /readyz, /metrics. With tokens, queries ask for one of the role read.

          Read models are made by workers; until one has begun one, its queries are answered 503.
          """)
    }

    @OptionGroup var files: ReadModelOptions
    @Option(
      help: ArgumentHelp(
        "Where to serve HTTP; port 0 takes any that is free.", valueName: "host:port"))
    var listen: ListenAddress = .queries
    @Option(
      help: ArgumentHelp("A file to write the server's URL to once it serves.", valueName: "file"))
    var addressFile: String?
    @OptionGroup var queryLimit: QueryOptions
    @OptionGroup var limits: LimitOptions
    @OptionGroup var console: ConsoleFlags
    @Option(
      help: ArgumentHelp(
        "The store that the console shows: its file or URL.", valueName: "file or url"))
    var store: StoreLocation?
    @OptionGroup var trace: TraceOptions
    @OptionGroup var token: TokenOptions
    @OptionGroup var tls: ServerTLSOptions
    @OptionGroup var log: LogOptions

    func run() async throws {
      try trace.begin(as: "queries")
      let logger = log.logger("projector")
      let queries = try QueryServer(
        try Program.current(), readModels: files.location, replica: queryLimit.replica,
        timeLimit: queryLimit.seconds, limits: limits.limits)
      var api = queries.api
      api.tokens = try token.accepted(logger: logger)
      api.console = try console.options(store: store)
      let server = HTTPServer(
        api: api, listen: listen, addressFile: addressFile, tls: try tls.tls(logger: logger),
        logger: logger)
      try await runServices([server], logger: logger)
    }
  }
}
