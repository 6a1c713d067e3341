import Eventually
import HTTPTypes

/// The queries of all read models of an application, answered without working on them.
///
/// The read models are made by workers; until one has made one, its queries are answered 503.
public struct QueryServer: Sendable {
  private let queries: QueryRoutes
  private let application: ApplicationModel
  private let limits: ServerLimits
  private let location: ReadModelLocation?

  /// - Parameters:
  ///   - application: whose queries are answered.
  ///   - readModels: where the read models are.
  ///   - replica: a standby of their database that answers, and where tokens are awaited; `nil` for the database itself.
  ///   - timeLimit: how long a query may read before it is answered 503.
  ///   - limits: what its interface takes before it refuses.
  /// - Throws: ``ApplicationError`` where a query is written for another kind of database, or files are to have a replica.
  public init(
    _ application: ApplicationModel, readModels: ReadModelLocation,
    replica: ReadModelLocation? = nil, timeLimit: Duration = .seconds(10),
    limits: ServerLimits = ServerLimits()
  ) throws(ApplicationError) {
    self.application = application
    self.limits = limits
    location = readModels
    queries = try QueryRoutes(
      application, in: readModels, replica: replica, readModels: application.readModels,
      timeLimit: timeLimit,
      limits: limits)
  }

  /// The same of read models in SQLite's files, in folders of one directory.
  public init(
    _ application: ApplicationModel, directory: String, timeLimit: Duration = .seconds(10),
    limits: ServerLimits = ServerLimits()
  ) throws(ApplicationError) {
    try self.init(
      application, readModels: .folder(directory), timeLimit: timeLimit, limits: limits)
  }

  /// What is served, to be described and not asked.
  package init(describing application: ApplicationModel) throws(ApplicationError) {
    self.application = application
    limits = ServerLimits()
    location = nil
    queries = try QueryRoutes(
      application, in: .folder(""), readModels: application.readModels, isChecked: false)
  }

  /// The HTTP interface, for an ``HTTPServer``.
  public var api: API {
    var api = API(title: "\(application.name): queries", summary: "Queries of all read models.")
    api.version = application.version
    api.limits = limits
    queries.add(to: &api)
    api.addHealth(Heartbeats())
    api.addMetrics(queries.gauges)
    api.add(
      .vital(
        "/readyz", "Whether all read models can be read",
        answers: API.readiness(
          "QueriesReadiness",
          [.required("parkedStreams", .map(.integer(0...(1 << 62))))],
          ready: ["status": "ready", "reasons": [], "parkedStreams": ["owners": 0]])
      ) { _ in await readiness() })
    api.consoleParts = ConsoleParts(
      application: application,
      process: ConsoleProcess(kind: "queries", name: ProcessState.name), readModels: location)
    return api
  }

  private static func unbegun(_ name: String) -> String {
    "no worker has ever applied an event of the read model '\(name)': run one with 'projector run \(name)'"
  }

  private func readiness() async -> JSONResponse {
    var missing: [String] = []
    var parked: [(name: String, streams: Int)] = []
    for (definition, source) in queries.sources {
      do {
        let look = try await source.look()
        if look.isBuilding {
          missing.append(
            look.hasBegun
              ? "\(definition.name): \(WorkerReadiness.building)" : Self.unbegun(definition.name))
        }
        parked.append((definition.name, look.unapplied.parkedStreams))
      } catch let error as ReadModelError {
        guard case .notBuilt = error else {
          missing.append("\(definition.name): \(error)")
          continue
        }
        missing.append(Self.unbegun(definition.name))
      } catch {
        missing.append("\(definition.name): \(error)")
      }
    }
    return JSONResponse(missing.isEmpty ? .ok : .serviceUnavailable) { json in
      json.beginObject()
      json.member("status", missing.isEmpty ? "ready" : "not ready")
      json.member("reasons", missing)
      json.key("parkedStreams")
      json.beginObject()
      for (name, streams) in parked {
        json.key(named: name)
        json.integer(streams)
      }
      json.endObject()
      json.endObject()
    }
  }
}
