public import ArgumentParser
import Eventually
import EventuallyKafka
package import EventuallyServer
import Foundation
package import Logging

/// The command `writer`.
struct WriterCommand: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "writer",
      abstract: "Own the store: take commands, append events, publish them to Kafka.",
      discussion: """
        One process at a time is the writer of a store. Events are durable in the store before a command is \
        answered, and a relay publishes them to the topic in order; while Kafka is away, commands go on and \
        the store is the backlog.
        """,
      version: Program.version,
      subcommands: [Serve.self] + Program.writerCommands,
      defaultSubcommand: Serve.self)
  }

  /// `writer serve`
  struct Serve: ServiceCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        abstract: "Serve commands and the event feed over HTTP, and publish.",
        discussion: """
          The routes are in the OpenAPI document: '\(Program.admin) openapi writer', or GET /openapi.json. Besides the application's own:

          GET /events?partition=P&after=N&limit=L  the event feed, one event a line
          GET /store                               the store's id, partitions, heads
          GET /asyncapi.json                       the AsyncAPI document of the topic
          GET /healthz, /readyz, /metrics          health, readiness, metrics

          With tokens, all but health, readiness, metrics, the documents and the pages of problems ask for one: GET for the role read, \
          commands for write, and DELETE for administer.

          SIGTERM and SIGINT stop it in order.
          """)
    }

    @OptionGroup var options: WriterOptions
    @OptionGroup var trace: TraceOptions
    @OptionGroup var log: LogOptions

    func run() async throws {
      try trace.begin(as: "writer")
      let logger = log.logger("writer")
      let writer = try await options.writer(logger: logger)
      try await runServices(
        [writer, try options.server(of: writer, logger: logger)], logger: logger)
    }
  }
}

/// How a process is a writer.
package struct WriterOptions: ParsableArguments {
  @OptionGroup package var store: StoreOptions
  @OptionGroup package var kafka: KafkaOptions
  @Option(
    help: ArgumentHelp(
      "How many brokers hold each partition of a topic that the writer creates; the brokers' default where it is left out.",
      valueName: "count"), transform: Whole.init)
  var replicationFactor: Whole<1, 100>?
  @Option(
    help: ArgumentHelp(
      "What to do where it can't be told whether the topic's records are this store's: wait, or publish-anyway.",
      discussion: """
        The topic may be another store's, or hold events that this store does not have, because it was restored from an \
        older copy or because somebody forged records. Commands are taken all the while; /readyz tells the reason.
        """,
      valueName: "policy"))
  var topicConflict = TopicConflictPolicy.wait
  @Option(
    help: ArgumentHelp(
      "An event that takes more bytes as a record is refused before it is stored: HTTP 413.",
      discussion: """
        Where it is left out, it is the topic's max.message.bytes if the brokers tell it, else \(RecordLimit.brokerDefault). An \
        event that is in the store already, and that the brokers refuse, holds its partition: \(Program.admin) skip.
        """,
      valueName: "bytes"), transform: Whole.init)
  var maxRecordBytes: Whole<1024, 16_777_216>?
  @Flag(
    help: ArgumentHelp(
      "Start though the store's newest events of a type can't be decoded by this code.",
      discussion: """
        The writer refuses that otherwise: events whose form was changed without a new type name could not be told from those \
        before. Where they are damaged, and not changed, this is the way to take commands again.
        """))
  var acceptUnreadableTypes = false
  @Option(
    help: ArgumentHelp(
      "How long an idempotency key lives; as long as its stream where it is left out.",
      discussion: "After that, a command that is sent again with its key has a second effect.",
      valueName: "seconds"), transform: Whole.init)
  var keyLifetime: Whole<1, 315_360_000>?
  @OptionGroup package var server: ServerOptions
  @OptionGroup package var limits: LimitOptions
  @OptionGroup package var console: ConsoleFlags
  @Option(
    help: ArgumentHelp(
      "The directory of the read models' files, or a PostgreSQL database's URL.",
      discussion: "The console shows them.", valueName: "directory or url"))
  var readModels: String?
  @OptionGroup package var token: TokenOptions
  @OptionGroup var tls: ServerTLSOptions
  @OptionGroup package var health: HealthOptions

  package init() {}

  /// Takes the writer's role.
  package func writer(logger: Logger) async throws -> Writer {
    var kafka = try kafka.configuration()
    kafka.replicationFactor = replicationFactor.map { Int32($0.value) }
    var options = Writer.Options(store: try store.prepared(), kafka: kafka)
    options.partitionCount = store.partitions.map { Partition($0.value) }
    options.topicConflict = topicConflict
    options.recordLimit = maxRecordBytes?.value
    options.acceptsUnreadableTypes = acceptUnreadableTypes
    options.keyLifetime = keyLifetime?.seconds
    options.heartbeats = health.heartbeats()
    options.limits = limits.limits
    return try await Writer(try Program.current(), options: options, logger: logger)
  }

  /// The writer's HTTP server.
  package func server(of writer: Writer, logger: Logger) throws -> HTTPServer {
    var api = try writer.api(
      tokens: try token.accepted(logger: logger), origins: server.origins)
    api.console = try console.options(readModels: readModels.map { ReadModelLocation($0) })
    return HTTPServer(
      api: api, listen: try server.address(), addressFile: server.addressFile,
      tls: try tls.tls(logger: logger), logger: logger)
  }
}

extension TopicConflictPolicy: ExpressibleByArgument {}
