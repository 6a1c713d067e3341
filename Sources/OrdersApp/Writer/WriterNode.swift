import Eventually
import EventuallyKafka
import EventuallySQLite
import Hummingbird
import Logging
import Orders
import ServiceLifecycle
import UnixSignals

/// The parts of a process that has the writer's role on a store: the store, the relay, the HTTP interface.
struct WriterNode: Sendable {
  let store: OrderStore
  let publisher: OrderPublisher
  let heartbeats: Heartbeats
  let logger: Logger

  /// An order of the most lines and with some text in each. One of so many bytes takes about four times as much memory while a
  /// command on it is carried out.
  static let streamLimit = StreamLimit(events: UInt64(Order.maximumLines) + 100, bytes: 4 << 20)

  /// Takes the writer's role.
  /// - Parameter recordLimit: how many bytes a record may have; `nil` for what the topic takes.
  init(
    store options: StoreOptions, kafka: KafkaConfiguration,
    onConflict: TopicConflictPolicy = .wait, recordLimit: Int? = nil, heartbeats: Heartbeats,
    logger: Logger
  ) throws {
    try kafka.check()
    let codec = OrderEventCodec()
    var storeOptions = OrderStore.Options(
      partitionCount: options.partitions.map { Partition($0.value) })
    storeOptions.heartbeats = heartbeats
    storeOptions.streamLimit = Self.streamLimit
    storeOptions.recordLimit = RecordLimit(bytes: recordLimit ?? RecordLimit.brokerDefault)
    store = try OrderStore(
      path: try options.preparedPath(), codec: codec, options: storeOptions)
    publisher = OrderPublisher(
      kafka, source: store, contentType: codec.contentType, onConflict: onConflict,
      recordLimit: recordLimit == nil ? storeOptions.recordLimit : nil, heartbeats: heartbeats,
      logger: logger)
    self.heartbeats = heartbeats
    self.logger = logger
    logger.info(
      "opened the store",
      metadata: [
        "store": "\(options.store)", "id": "\(store.storeID)",
        "partitions": "\(store.partitionCount)", "head": "\(store.head.position)",
      ])
  }

  /// The relay and the HTTP interface; the interface stops first.
  func services(
    listen: ListenAddress, addressFile: String?, token: BearerToken?,
    origins: OriginPolicy = OriginPolicy()
  ) -> [any Service] {
    let readability = StoreReadability(store.log, through: store.head.position, logger: logger)
    let routes = WriterRoutes(
      store: store, publisher: publisher, readability: readability, logger: logger)
    var api = routes.api(token: token, heartbeats: heartbeats)
    api.origins = origins
    let server = Server(
      api: api, listen: listen, addressFile: addressFile, logger: logger)
    return [readability, Until { try await publisher.run() }, server]
  }
}

/// A service that works until it is told to stop: then it is cancelled, which is no failure.
struct Until: Service {
  private let work: @Sendable () async throws -> Void

  init(_ work: @escaping @Sendable () async throws -> Void) {
    self.work = work
  }

  func run() async throws {
    do {
      try await cancelWhenGracefulShutdown(work)
    } catch is CancellationError where Task.isShuttingDownGracefully {
      // It did what it was told.
    }
  }
}

/// A service whose failure stops the others in order, before it ends the process.
private func configuration(
  _ service: any Service
) -> ServiceGroupConfiguration.ServiceConfiguration {
  .init(service: service, failureTerminationBehavior: .gracefullyShutdownGroup)
}

/// Runs services until one fails, or until SIGTERM or SIGINT; then stops all of them.
func run(_ services: [any Service], logger: Logger) async throws {
  try FaultPlan.check(FaultPoint.all)
  let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(
      services: services.map(configuration), gracefulShutdownSignals: [.sigterm, .sigint],
      logger: logger))
  try await group.run()
}

/// Runs services beside `work`, and stops them when it is done. SIGTERM and SIGINT stop the work.
/// - Throws: ``Interrupted`` where the work was stopped before it was done.
func run(
  _ services: [any Service], logger: Logger, while work: @escaping @Sendable () async throws -> Void
) async throws {
  try FaultPlan.check(FaultPoint.all)
  let received = Received()
  var all = services.map(configuration)
  all.append(
    .init(
      service: Work(work: work, received: received),
      successTerminationBehavior: .gracefullyShutdownGroup,
      failureTerminationBehavior: .gracefullyShutdownGroup))
  let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(services: all, logger: logger))
  try await withStopSignals(limit: .seconds(30)) { number in
    received.signal.withLock { $0 = $0 ?? number }
    Task { await group.triggerGracefulShutdown() }
  } _: {
    try await group.run()
  }
}

/// Work that is to be done, unless a signal comes first.
private struct Work: Service {
  let work: @Sendable () async throws -> Void
  let received: Received

  func run() async throws {
    do {
      try await cancelWhenGracefulShutdown(work)
    } catch {
      throw received.interruption(error)
    }
  }
}
