public import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation
import Hummingbird
import Logging
import Orders
import ServiceLifecycle

/// The command `projector`.
public struct ProjectorCommand: AsyncParsableCommand {
  /// How it is called, and what its help says.
  public static let configuration = CommandConfiguration(
    commandName: "projector",
    abstract: "Builds read models of orders from Kafka, and answers their queries.",
    subcommands: [Run.self, Serve.self])

  /// The command.
  public init() {}

  /// Where the read models are.
  struct ReadModelOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The directory of the read models' files.", valueName: "directory"))
    var readModels = "data/read-models"
  }

  /// `projector run`
  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Work on a read model, and answer its queries.",
      discussion: """
        The workers of one read model share its partitions and its file; start as many as there are \
        partitions at most. Each event is applied exactly once, whenever a worker is killed: rows and \
        checkpoint are one transaction, and a worker whose partition has been taken over cannot write.

        A worker begins after the read model's checkpoint. What Kafka does not hold is fetched from the \
        feed: a writer's URL, or the store's file.

        An event that this code fails on again and again is parked, with the later events of its order, and the \
        others go on: see eventuallyctl parked.

        GET /healthz, /readyz, /metrics          health; readiness with positions, lag and reasons; metrics
        GET /openapi.json                        all of this for programs
        GET /orders[?customer=C], /orders/ID     queries of 'orders'
        GET /sales, /sales/days, /sales/countries, /sales/products
        GET /customers, /customers/ID            queries of 'customers'
        """)

    @Argument(help: "The read model: orders, sales or customers.")
    var readModel: ReadModelName
    @OptionGroup var files: ReadModelOptions
    @Option(
      help: ArgumentHelp(
        "A writer's URL, or the store's file: for events that Kafka does not hold.",
        valueName: "url or file"))
    var feed = "http://127.0.0.1:8080"
    @Option(help: "What this worker calls itself. Its host and process id where it is left out.")
    var worker: String?
    @OptionGroup var kafka: KafkaOptions
    @Option(
      help: ArgumentHelp(
        "Where to serve HTTP; port 0 takes any that is free.", valueName: "host:port"))
    var listen = "127.0.0.1:0"
    @Option(
      help: ArgumentHelp("A file to write the server's URL to once it serves.", valueName: "file"))
    var addressFile: String?
    @OptionGroup var queryLimit: QueryOptions
    @OptionGroup var checkpoints: SavepointOptions
    @OptionGroup var trace: TraceOptions
    @OptionGroup var token: TokenOptions
    @OptionGroup var health: HealthOptions
    @OptionGroup var log: LogOptions

    func validate() throws {
      guard ListenAddress(listen) != nil else {
        throw ValidationError("--listen '\(listen)' is not host:port")
      }
    }

    func run() async throws {
      try trace.begin()
      // What is counted before this would be counted nowhere.
      _ = PrometheusMetrics.shared
      let process = ProcessInfo.processInfo
      let owner = worker ?? "\(process.hostName)-\(process.processIdentifier)"
      var logger = log.logger("projector")
      logger[metadataKey: "worker"] = "\(readModel.rawValue)/\(owner)"
      let directory = readModel.directory(in: files.readModels)
      let reference = WorkerReference()
      let heartbeats = health.heartbeats()
      let queries = QueryRoutes(
        directory: files.readModels, names: [readModel], timeLimit: queryLimit.seconds)
      var api = API(
        title: "Eventually: projector of \(readModel.rawValue)",
        summary: "Queries of a read model, and how its worker is.")
      api.addHealth(heartbeats)
      let model = readModel.model
      let forgetting = Forgetting(directory, model: model) { [logger] left in
        for remainder in left {
          logger.warning(
            "something of removed streams may be left, and is tried again",
            metadata: ["file": "\(remainder.path)", "reason": "\(remainder.reason)"])
        }
      } onFailure: { [logger] error in
        logger.warning("removed streams are not forgotten yet", metadata: ["error": "\(error)"])
      }
      WorkerRoutes(
        name: readModel, owner: owner, worker: reference, queries: queries, forgetting: forgetting
      ).add(to: &api)
      queries.add(to: &api)
      guard let address = ListenAddress(listen) else { return }
      let server = Server(api: api, listen: address, addressFile: addressFile, logger: logger)
      let kafka = try kafka.configuration()
      try kafka.check()
      let feed = FeedSource(feed, token: try token.token())
      let group = readModel.group(topic: kafka.topic)
      let saving = checkpoints.policy.map { policy in
        AutomaticSavepoints(directory, model: model, policy: policy) { [logger] error in
          logger.warning("no checkpoint could be saved", metadata: ["error": "\(error)"])
        }
      }
      let work = Until { [logger] in
        let source = try await feed.open(logger: logger)
        func work(_ model: some OrdersReadModelType) async throws {
          let live = try await LiveReadModel.open(
            directory, model: model, codec: OrderEventCodec(), storeID: source.storeID,
            partitionCount: source.partitions)
          let worker = Worker(
            live, kafka: kafka, group: group, owner: owner, feed: source.feed,
            storeID: source.storeID, partitions: source.partitions, heartbeats: heartbeats,
            logger: logger)
          reference.value = worker
          await withTaskGroup(of: Void.self) { group in
            if let saving { group.addTask { await saving.run() } }
            group.addTask { await forgetting.run() }
            await worker.run()
            group.cancelAll()
          }
        }
        try await work(model)
      }
      try await OrdersApp.run([work, server], logger: logger)
    }
  }

  /// `projector serve`
  struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Answer the queries of all read models, without working on them.",
      discussion: """
        GET /orders[?customer=C], /orders/ID
        GET /sales, /sales/days, /sales/countries, /sales/products
        GET /customers, /customers/ID
        GET /healthz, /readyz, /openapi.json

        The files are made by workers; until one has made a read model's, its queries are answered 503.
        """)

    @OptionGroup var files: ReadModelOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var queryLimit: QueryOptions
    @OptionGroup var log: LogOptions

    func run() async throws {
      let logger = log.logger("projector")
      let queries = QueryRoutes(
        directory: files.readModels, names: ReadModelName.allCases,
        timeLimit: queryLimit.seconds)
      var api = API(
        title: "Eventually: queries", summary: "Queries of all read models.")
      queries.add(to: &api)
      api.addHealth(Heartbeats())
      api.add(
        API.Operation(
          method: .get, path: "/readyz", summary: "Whether all read models can be read",
          isVital: true,
          answers: [API.Answer(200, "Ready"), API.Answer(503, "Not ready, with the reasons")]
        ) { _, _ in await Self.readiness(queries) })
      let server = Server(
        api: api, listen: try server.address(), addressFile: server.addressFile, logger: logger)
      try await OrdersApp.run([server], logger: logger)
    }

    private static func readiness(_ queries: QueryRoutes) async -> Reply {
      var missing: [String] = []
      for name in ReadModelName.allCases {
        do {
          if try await queries.sources[name]?.open().isBuilding() == true {
            missing.append("\(name.rawValue): \(WorkerRoutes.building)")
          }
        } catch {
          missing.append("\(error)")
        }
      }
      return Reply(missing.isEmpty ? .ok : .serviceUnavailable) { json in
        json.beginObject()
        json.key("status")
        json.string(missing.isEmpty ? "ready" : "not ready")
        json.key("reasons")
        json.beginArray()
        for reason in missing { json.string(reason) }
        json.endArray()
        json.endObject()
      }
    }
  }
}

/// How long a query may take.
struct QueryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How long a query may read before it is answered 503.", valueName: "seconds"),
    transform: Whole.init)
  var queryLimit: Whole<1, 3600> = 10

  var seconds: Duration { queryLimit.seconds }
}

/// When a worker saves checkpoints by itself.
struct SavepointOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Save a checkpoint after so many events.", valueName: "count"), transform: Whole.init)
  var savepointEvents: SequenceNumber?
  @Option(
    help: ArgumentHelp(
      "Save a checkpoint after so long, where anything was applied.", valueName: "seconds"),
    transform: Whole.init)
  var savepointSeconds: Whole<1, 315_360_000>?
  @Option(
    help: ArgumentHelp(
      "How many of the checkpoints that workers saved are kept, the newest.", valueName: "count"),
    transform: Whole.init)
  var keepCheckpoints: Whole<1, 1_000_000> = 5

  var policy: SavepointPolicy? {
    guard savepointEvents != nil || savepointSeconds != nil else { return nil }
    return SavepointPolicy(
      events: savepointEvents.map { UInt64($0.value) }, interval: savepointSeconds?.seconds,
      kept: keepCheckpoints.value)
  }
}

extension ReadModelName: ExpressibleByArgument {}
