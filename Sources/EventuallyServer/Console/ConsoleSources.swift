import Eventually
import EventuallyKafka

/// What a process can open for its console. It is opened when it is first asked for, and kept.
struct ConsoleSources: Sendable {
  /// The writer that this process is.
  let writer: Writer?
  /// The worker that this process is, once it runs.
  let worker: @Sendable () -> RunningWorker?
  /// A writer's HTTP interface.
  let feed: HTTPEndpoint?
  /// Where the read models are.
  let location: ReadModelLocation?
  let readModels: [ConsoleReadModel]
  /// What administrative commands are to look at.
  let flags: AdminFlags
  private let opened: OpenedStore?

  init(_ parts: ConsoleParts, options: ConsoleOptions) {
    writer = parts.writer
    worker = parts.worker ?? { nil }
    var store = options.store
    var feed: HTTPEndpoint?
    switch parts.feed {
    case .store(let location): store = store ?? location
    case .writer(let endpoint): feed = endpoint
    case nil: break
    }
    self.feed = feed
    opened = store.map { OpenedStore($0) }
    let location = parts.readModels ?? options.readModels
    self.location = location
    flags = AdminFlags(
      store: parts.writer?.location ?? store, readModels: location,
      bus: parts.writer.map { ($0.brokers, $0.topic) } ?? parts.bus)
    readModels = parts.application.readModels.compactMap { definition in
      location.map { ConsoleReadModel(definition, in: $0) }
    }
  }

  /// What there is, and the flag that gives what there is not.
  var missing: [(name: String, flag: String?)] {
    [
      ("store", !hasStore ? "--store" : nil),
      ("readModels", location == nil ? "--read-models" : nil),
      ("relay", writer == nil && feed == nil ? "--feed" : nil),
    ]
  }

  var hasStore: Bool { writer != nil || opened != nil }

  /// The store.
  /// - Throws: an answer 404 where the process can't open it, and what opening it throws.
  func store() async throws -> any StoreLog {
    if let writer { return writer.store.log }
    guard let opened else { throw Self.missing("store", "--store") }
    return try await opened.log()
  }

  /// A read model.
  /// - Throws: an answer 404 where there is none of that name, or the process can't open any.
  func readModel(_ name: String) throws(RequestError) -> ConsoleReadModel {
    guard location != nil else { throw Self.missing("read models", "--read-models") }
    guard let found = readModels.first(where: { $0.name == name }) else {
      throw RequestError(kind: .notFound, "there is no read model '\(name.excerpt)'")
    }
    return found
  }

  private static func missing(_ what: String, _ flag: String) -> RequestError {
    RequestError(
      kind: .notFound, "this process does not have the \(what): start it with \(flag)")
  }
}

/// A read model, as the console opens it.
struct ConsoleReadModel: Sendable {
  let definition: any ReadModelDefinition
  let location: ReadModelLocation
  let catalog: any ReadModelCatalog
  /// Where its workers report to; `nil` where its database takes no reports.
  let reports: (any WorkerReports)?
  /// The live generation.
  let live: OpenedReadModel

  init(_ definition: any ReadModelDefinition, in location: ReadModelLocation) {
    self.definition = definition
    self.location = location
    catalog = definition.catalog(in: location)
    reports = catalog.reports
    live = OpenedReadModel(catalog, timeLimit: .seconds(2), readers: 1)
  }

  var name: String { definition.name }
}

/// A store that is opened when it is first asked for.
private actor OpenedStore {
  private let location: StoreLocation
  private var opening: Task<any StoreLog, any Error>?

  init(_ location: StoreLocation) {
    self.location = location
  }

  func log() async throws -> any StoreLog {
    let task =
      opening
      ?? Task { [location] in
        guard location.mayExist else {
          throw RequestError(kind: .storeUnavailable, "there is no store \(location) yet")
        }
        return try await location.openForReading(readers: 4)
      }
    opening = task
    do {
      return try await task.value
    } catch {
      if opening == task { opening = nil }
      throw error
    }
  }
}
