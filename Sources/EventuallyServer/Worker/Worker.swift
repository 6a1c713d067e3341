public import Eventually
public import EventuallyKafka
import EventuallyPostgres
import Foundation
public import Logging
public import ServiceLifecycle

/// A process that works on one read model, and answers its queries.
///
/// The workers of a read model share its partitions. A worker waits for the writer, to learn which store this is, while
/// ``api`` is served already.
///
/// ```swift
/// let worker = try Worker(application, readModel: "balances", options: options, logger: logger)
/// let server = HTTPServer(api: worker.api, listen: address, logger: logger)
/// try await ServiceGroup(services: [worker, server], logger: logger).run()
/// ```
public final class Worker: Service {
  /// How a worker works.
  public struct Options: Sendable {
    /// Where the read models are.
    public var readModels: ReadModelLocation
    /// Where events come from.
    public var kafka: KafkaConfiguration
    /// Where events come from that Kafka does not hold.
    public var feed: FeedSource
    /// The folder where it notes which events it works on, so that its successors on the host park one that ends processes. Read
    /// models in files have it beside them, and need none. By default that of systemd's `StateDirectory=`, or the temporary one.
    public var state: String
    /// The worker's name in leases and logs; by default its host and process id.
    public var owner: String
    /// When savepoints are saved by themselves; `nil` for not at all.
    public var savepoints: SavepointPolicy?
    /// How long a query may read before it is answered 503.
    public var queryLimit = Duration.seconds(10)
    /// A standby of the read models' database that answers queries, and where tokens are awaited; `nil` for the database itself.
    public var queryReplica: ReadModelLocation?
    /// What its HTTP interface takes before it refuses.
    public var limits = ServerLimits()
    /// Takes the signs of life of the worker's loops.
    public var heartbeats = Heartbeats()

    /// The defaults.
    public init(readModels: ReadModelLocation, kafka: KafkaConfiguration, feed: FeedSource) {
      self.readModels = readModels
      self.kafka = kafka
      self.feed = feed
      state = ProcessState.folder
      owner = ProcessState.name
    }

    /// The defaults, for read models in SQLite's files, in folders of one directory.
    public init(directory: String, kafka: KafkaConfiguration, feed: FeedSource) {
      self.init(readModels: .folder(directory), kafka: kafka, feed: feed)
    }
  }

  private let application: ApplicationModel
  private let definition: any ReadModelDefinition
  private let options: Options
  private let logger: Logger
  private let queries: QueryRoutes
  private let running = Locked<RunningWorker?>(nil)

  /// A worker of a read model.
  /// - Throws: ``ApplicationError`` where the application has no read model of that name, or a query of it is written for another kind of
  ///   database; `KafkaError` where a setting is wrong.
  public init(
    _ application: ApplicationModel, readModel: String, options: Options, logger: Logger
  ) throws {
    guard let definition = application.readModel(readModel) else {
      let known = application.readModels.map(\.name).joined(separator: ", ")
      throw ApplicationError("there is no read model '\(readModel)': there are \(known)")
    }
    try options.kafka.check()
    var logger = logger
    logger[metadataKey: "worker"] = "\(readModel)/\(options.owner)"
    self.application = application
    self.definition = definition
    self.options = options
    self.logger = logger
    queries = try QueryRoutes(
      application, in: options.readModels, replica: options.queryReplica,
      readModels: [definition],
      timeLimit: options.queryLimit, limits: options.limits)
  }

  /// The HTTP interface: the read model's queries, health, readiness, metrics.
  public var api: API {
    var api = API(
      title: "\(application.name): projector of \(definition.name)",
      summary: "Queries of a read model, and how its worker is.")
    api.version = application.version
    api.limits = options.limits
    api.addHealth(options.heartbeats)
    api.addMetrics(queries.gauges)
    api.add(readiness.operation)
    api.addAsyncAPI(application, topic: options.kafka.topic) {
      self.running.withLock { $0?.partitions }
    }
    queries.add(to: &api)
    api.consoleParts = ConsoleParts(
      application: application,
      process: ConsoleProcess(kind: "worker of \(definition.name)", name: options.owner),
      feed: options.feed, readModels: options.readModels,
      bus: (options.kafka.brokers, options.kafka.topic)
    ) { self.running.withLock { $0 } }
    return api
  }

  private var readiness: WorkerReadiness {
    WorkerReadiness(
      name: definition.name, adminCommand: application.adminCommand, owner: options.owner,
      feed: options.feed, source: queries.sources[0].source,
      running: { self.running.withLock { $0 } })
  }

  /// Works until it is told to stop, then leaves the group.
  public func run() async throws {
    try await run(definition)
  }

  private func run<Definition: ReadModelDefinition>(_ definition: Definition) async throws {
    let feed: any EventLog
    do {
      feed = try await cancelWhenGracefulShutdown { [options, logger] in
        try await options.feed.open(logger: logger)
      }
    } catch is CancellationError where Task.isShuttingDownGracefully {
      return
    }
    var workerOptions = ReadModelWorkerOptions(owner: options.owner)
    workerOptions.heartbeats = options.heartbeats
    workerOptions.savepoints = options.savepoints
    // Workers on other hosts may reach it; those of files have the same disk.
    if options.readModels.dialect == .postgres { workerOptions.absence = .seconds(30) }
    let catalog = definition.catalog(in: options.readModels, state: options.state)
    let worker = try await reachable {
      if case .postgres(let url)? = options.queryReplica {
        // It is refused now where it can't answer queries.
        _ = try await definition.catalog(in: options.readModels, replica: url).liveGeneration()
      }
      return try await ReadModelWorker(
        catalog, model: definition.model,
        codec: definition.codec, feed: feed, options: workerOptions, logger: logger
      ) { [options, logger] checkpoints in
        var subscription = KafkaSubscription<Definition.Codec>.Options(
          group: definition.group(topic: options.kafka.topic), owner: options.owner)
        subscription.heartbeats = options.heartbeats
        subscription.readModel = definition.name
        // A transaction takes exchanges with the server, and changes each row once: while many events wait, many share that.
        if options.readModels.dialect == .postgres { subscription.batchSize = 20_000 }
        return KafkaSubscription(
          options.kafka, storeID: feed.storeID, partitionCount: feed.partitionCount,
          codec: definition.codec, checkpoints: checkpoints, feed: feed, options: subscription,
          logger: logger)
      }
    }
    running.withLock {
      $0 = RunningWorker(
        subscription: { worker.subscription.status }, projector: { worker.projectorStatus },
        left: { worker.removals }, partitions: feed.partitionCount)
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      if let reporter = reporter(of: worker, catalog) { group.addTask { await reporter.run() } }
      try await worker.run()
      group.cancelAll()
    }
  }

  /// Waits a minute for a database server that is away, as one is that is just starting again; not for one that does not let this process
  /// in.
  nonisolated(nonsending) private func reachable<Result>(
    _ open: () async throws -> Result
  ) async throws -> Result {
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      do {
        return try await open()
      } catch let error as ReadModelError {
        guard case .unavailable(_, let cause) = error, options.readModels.dialect == .postgres,
          (cause as? PostgresError)?.isLasting != true, .now < deadline,
          !Task.isShuttingDownGracefully, !Task.isCancelled
        else { throw error }
        logger.warning(
          "waiting for the read models' database", metadata: ["error": "\(error)"])
        try await Task.sleep(for: .milliseconds(500))
      }
    }
  }

  private func reporter<Model: ReadModel, Codec: EventCodec>(
    of worker: ReadModelWorker<Model, KafkaSubscription<Codec>>, _ catalog: any ReadModelCatalog
  ) -> WorkerReporter? {
    guard let reports = catalog.reports else { return nil }
    let readiness = readiness
    return WorkerReporter(
      reports: reports, worker: options.owner, schemaVersion: catalog.schemaVersion,
      generation: { worker.generation },
      state: {
        let subscription = worker.subscription.status
        return (
          subscription.partitions.keys.sorted(),
          readiness.reasons(subscription, worker.projectorStatus)
        )
      }, status: { worker.projectorStatus }, figures: { worker.takeFigures() }, logger: logger)
  }
}

/// What a worker that has begun tells of itself.
struct RunningWorker: Sendable {
  var subscription: @Sendable () -> SubscriptionStatus
  var projector: @Sendable () -> ReadModelProjectorStatus
  /// The files in which something of removed streams may be left.
  var left: @Sendable () -> [ForgettingOutcome.Remainder]
  /// How many partitions the topic has.
  var partitions: Partition
}
