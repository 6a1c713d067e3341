public import Eventually
public import EventuallyKafka
import Foundation
public import Logging
public import ServiceLifecycle

/// The process that owns an application's store: it takes commands, appends events, and publishes them.
///
/// One process at a time is the writer of a store. Its HTTP interface is ``api(tokens:origins:)``, for an ``HTTPServer`` or a server of
/// one's own; ``repository(of:)`` is for commands that come another way.
///
/// ```swift
/// let writer = try await Writer(ApplicationModel(Bank()), options: options, logger: logger)
/// let server = HTTPServer(api: try writer.api(), listen: address, logger: logger)
/// try await ServiceGroup(services: [writer, server], logger: logger).run()
/// ```
public final class Writer: Service {
  /// How a writer is opened.
  public struct Options: Sendable {
    /// Where the store is; a file's directory must exist.
    public var store: StoreLocation
    /// How many partitions a new store has, 1 to 10,000; `nil` for what an existing store has, and 12 for a new one.
    public var partitionCount: Partition?
    /// Where events are published.
    public var kafka: KafkaConfiguration
    /// What to do where it can't be told whether the topic's records are this store's.
    public var topicConflict = TopicConflictPolicy.wait
    /// An event that takes more bytes as a record is refused; `nil` for what the topic takes.
    public var recordLimit: Int?
    /// Whether events of a type are taken though the store's newest ones of that type can't be decoded, as after damage to all of
    /// them; see ``UnreadableType``.
    public var acceptsUnreadableTypes = false
    /// How long an idempotency key lives; `nil` for as long as its stream. After that a repeated command has a second effect.
    public var keyLifetime: Duration?
    /// What its HTTP interface takes before it refuses.
    public var limits = ServerLimits()
    /// Takes the signs of life of the writer's loops.
    public var heartbeats = Heartbeats()

    /// The defaults for a store and a topic.
    public init(store: StoreLocation, kafka: KafkaConfiguration) {
      self.store = store
      self.kafka = kafka
    }

    /// The defaults for a store and a topic.
    /// - Parameters:
    ///   - store: a file's path, or a URL, see ``StoreLocation/init(_:)``.
    ///   - kafka: where events are published.
    public init(store: String, kafka: KafkaConfiguration) {
      self.init(store: StoreLocation(store), kafka: kafka)
    }
  }

  /// The store.
  public let store: ApplicationStore
  /// Publishes what is committed.
  public let publisher: KafkaPublisher<ApplicationStore>
  let application: ApplicationModel
  /// The topic that it publishes to.
  let topic: String
  /// The addresses of its brokers.
  let brokers: String
  let location: StoreLocation
  let heartbeats: Heartbeats
  let limits: ServerLimits
  let readability: StoreReadability
  let acceptsUnreadableTypes: Bool
  let loads = LoadGate(capacity: 96 << 20)
  private let repositories: [ObjectIdentifier: any Sendable]
  private let logger: Logger

  /// Takes the writer's role, and creates the store where there is none.
  /// - Throws: `StoreOpenError` where the store can't be opened, by another process's role for example;
  ///   `KafkaError` where a setting is wrong; ``UnreadableType`` where events have changed their form without a new type name.
  public init(_ application: ApplicationModel, options: Options, logger: Logger) async throws {
    try options.kafka.check()
    var storeOptions = EventStoreOptions(partitionCount: options.partitionCount)
    storeOptions.heartbeats = options.heartbeats
    storeOptions.streamLimit = application.streamLimit
    storeOptions.keyLifetime = options.keyLifetime
    storeOptions.recordLimit = RecordLimit(bytes: options.recordLimit ?? RecordLimit.brokerDefault)
    store = try await options.store.openAsWriter(application.codec, options: storeOptions)
    acceptsUnreadableTypes = options.acceptsUnreadableTypes
    if !acceptsUnreadableTypes { try await Self.checkTypes(store.log, application.codec, logger) }
    publisher = KafkaPublisher(
      options.kafka, source: store, contentType: application.codec.contentType,
      onConflict: options.topicConflict,
      recordLimit: options.recordLimit == nil ? storeOptions.recordLimit : nil,
      heartbeats: options.heartbeats, logger: logger)
    self.application = application
    topic = options.kafka.topic
    brokers = options.kafka.brokers
    self.logger = logger
    location = options.store
    heartbeats = options.heartbeats
    limits = options.limits
    readability = StoreReadability(
      store.log, codec: application.codec, through: store.head.position, logger: logger)
    let store = store
    repositories = Dictionary(
      uniqueKeysWithValues: application.aggregates.map { aggregate in
        (
          aggregate.type,
          aggregate.repository(store) { error in
            logger.warning("a snapshot could not be used", metadata: ["error": "\(error)"])
          }
        )
      })
    logger.info(
      "opened the store",
      metadata: [
        "store": "\(options.store)", "id": "\(store.storeID)",
        "partitions": "\(store.partitionCount)", "head": "\(store.head.position)",
      ])
  }

  /// What is rare among the last events is found while the writer runs, see ``StoreReadability``.
  private static func checkTypes(
    _ log: any StoreLog, _ codec: CategoriesCodec, _ logger: Logger
  ) async throws(UnreadableType) {
    var types = TypeReadability()
    do {
      for record in try await log.newestOfEachType(TypeReadability.deciding, amongLast: 10_000) {
        types.add(record, decodedBy: codec)
      }
    } catch {
      // What can't be read says nothing of forms, and other streams go on.
      logger.warning(
        "the newest events of the store could not be looked at", metadata: ["error": "\(error)"])
    }
    if let first = types.unreadable.first { throw first }
  }

  /// The entities of an aggregate.
  /// - Throws: ``ApplicationError`` where it is none of the application's.
  public func repository<Model: Aggregate>(
    of type: Model.Type
  ) throws(ApplicationError) -> any AggregateRepository<Model> {
    guard let found = repositories[ObjectIdentifier(type)] as? any AggregateRepository<Model>
    else {
      throw ApplicationError("the aggregate \(type) is not among the application's components")
    }
    return found
  }

  /// Publishes until it is told to stop.
  public func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await self.readability.check() }
      group.addTask { [store, logger] in await StoreWatch(store, logger).run() }
      group.addTask { try await self.publisher.run() }
      try await group.waitForAll()
    }
  }

  /// The writer's HTTP interface: the application's commands and routes, the event feed, health, readiness, metrics.
  /// - Parameters:
  ///   - tokens: what commands, reads and removals ask for.
  ///   - origins: the origins whose pages may have browsers send commands.
  /// - Throws: ``ApplicationError`` where a route's path can't be one, and what makes the application's own routes throws.
  public func api(
    tokens: AccessTokens? = nil, origins: OriginPolicy = OriginPolicy()
  ) throws -> API {
    var api = API(
      title: "\(application.name): writer",
      summary: "Commands, what they lead to, and the feed of all events.", tokens: tokens)
    api.version = application.version
    api.origins = origins
    api.limits = limits
    let example = try application.writerRoutes.compactMap { try $0.example(self) }.first
    FeedRoutes(
      store: store, publisher: publisher, viewers: Budget(limits.viewers),
      examples: example?.records ?? []
    ).add(to: &api)
    for routes in application.writerRoutes.filter(\.isGenerated) {
      for operation in try routes.make(self) { api.add(operation) }
    }
    // After the generated ones, in whose place they come.
    for routes in application.writerRoutes.filter({ !$0.isGenerated }) {
      for operation in try routes.make(self) {
        if let problem = API.Operation.problem(of: operation.path) {
          throw ApplicationError(problem)
        }
        api.add(operation)
      }
    }
    api.addHealth(heartbeats)
    api.addMetrics(gauges)
    api.addAsyncAPI(application, topic: topic) { [store] in store.partitionCount }
    api.add(WriterReadiness(writer: self).operation)
    api.consoleParts = ConsoleParts(
      application: application,
      process: ConsoleProcess(kind: "writer", name: ProcessState.name), writer: self)
    return api
  }

  /// What is known of the store, for gauges. A store that hangs is one to be told of: what it is asked for is asked apart.
  private var gauges: [GaugeLooks.Source] {
    let id = store.storeID
    return [
      { [store] in
        let failure = await store.writeFailure()
        return [.init(label: MetricName.storeUnwritable, store: id): failure == nil ? 0 : 1]
      },
      { [location] in
        guard let disk = location.disk else { return [:] }
        return [
          .init(label: MetricName.storeDiskSize, store: id): disk.size,
          .init(label: MetricName.storeDiskFree, store: id): disk.free,
        ]
      },
      { [store] in
        // Of a store that can't be read there are none.
        let heads = (try? await store.heads()) ?? []
        var values: GaugeLooks.Values = [:]
        for (partition, head) in heads.enumerated() {
          let partition = Partition(partition)
          values[.init(label: MetricName.storeHead, store: id, partition: partition)] = Double(head)
        }
        return values
      },
    ]
  }

  /// Waits until everything that the store holds now is published.
  /// - Returns: how many events are not, once the time is up; 0 where all are.
  package func waitUntilPublished(atMost limit: Duration) async throws -> UInt64 {
    let head = store.head.position
    let isPublished = await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        if head > 0 { await self.publisher.published.wait(past: head - 1) }
        return !Task.isCancelled
      }
      group.addTask {
        // A cancelled pause means that the other task was first.
        try? await Task.sleep(for: limit)
        return false
      }
      defer { group.cancelAll() }
      return await group.next() ?? false
    }
    try Task.checkCancellation()
    return isPublished ? 0 : head - min(head, publisher.status.published)
  }
}

/// Routes of a writer that are written by hand.
///
/// One with the method and the path of a route that ``Commands`` make comes in its place, and asks for no lesser role than that did.
public struct WriterRoutes: Component {
  let isGenerated: Bool
  /// The aggregates that it has commands for.
  let aggregates: [(id: ObjectIdentifier, name: String)]
  /// The path that generated routes are below.
  let path: String?
  /// What is wrong with how they are written.
  let problem: String?
  /// An entity, for the OpenAPI document.
  let example: @Sendable (Writer) throws -> EntityExample?
  /// Its events.
  let exampleEvents: [any Sendable]
  let make: @Sendable (Writer) throws -> [API.Operation]

  /// Routes that use a writer's store or repositories.
  public init(
    @ListBuilder<API.Operation> _ make: @escaping @Sendable (Writer) throws -> [API.Operation]
  ) {
    isGenerated = false
    aggregates = []
    path = nil
    problem = nil
    example = { _ in nil }
    exampleEvents = []
    self.make = make
  }

  init<Model: Aggregate>(
    generatedFor model: Model.Type, below path: String, problem: String?,
    example: @escaping @Sendable (Writer) throws -> EntityExample?, events: [Model.Event],
    _ make: @escaping @Sendable (Writer) throws -> [API.Operation]
  ) {
    isGenerated = true
    aggregates = [(ObjectIdentifier(model), "\(model)")]
    self.path = path
    self.problem = problem
    self.example = example
    exampleEvents = events
    self.make = make
  }

  /// Adds the routes.
  public func register(in registry: inout Registry) {
    registry.writerRoutes.append(self)
  }
}
