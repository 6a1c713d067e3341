import Eventually
import HTTPTypes

extension Console {
  /// Pages of the application, and the queries that they ask.
  func addPages(to api: inout API) {
    let files = Dictionary(
      uniqueKeysWithValues: application.pages.map { page in
        (page.id, page.files.map { ($0, ConsoleFiles.File($1, name: $0)) })
      }
    ).mapValues { Dictionary(uniqueKeysWithValues: $0) }
    api.add(
      API.Operation(
        .get, "/console/application/{page}/{name}", "", role: .anyone, answers: []
      ) { request in
        let (page, name) = (try request.path("page"), try request.path("name"))
        guard let file = files[page]?[name] else {
          throw RequestError(
            kind: .notFound, "the page '\(page.excerpt)' has no file '\(name.excerpt)'")
        }
        return file.response
      })
    let queries = ConsoleQueries(application, sources, limits)
    api.add(
      live(
        "query/{model}", once: question("query/{model}") { try await queries.answer($0) }.handler
      ) { request in
        let lastEventID = try Self.lastEventID(of: request)
        return try await queries.follow(request, lastEventID: lastEventID)
      })
  }
}

/// Queries of the application, as its pages ask them: from this process's own reader, and live.
private final class ConsoleQueries: Sendable {
  private let application: ApplicationModel
  private let sources: ConsoleSources
  private let hubs: [String: LiveQueryHub]

  init(_ application: ApplicationModel, _ sources: ConsoleSources, _ limits: ServerLimits) {
    self.application = application
    self.sources = sources
    hubs = Dictionary(
      uniqueKeysWithValues: sources.readModels.map { model in
        let source = OpenedReadModel(model.catalog, timeLimit: .seconds(2), readers: 1)
        // The metrics are of queries that the application's clients ask.
        let hub = LiveQueryHub(model.name, source: source, limits: limits, isMeasured: false)
        return (model.name, hub)
      })
  }

  func answer(_ request: APIRequest) async throws -> JSONResponse {
    let (model, query, asked) = try asked(request)
    return try await query.answer(asked, try await model.live.open())
  }

  /// - Parameter lastEventID: what the page has had last.
  func follow(_ request: APIRequest, lastEventID: String?) async throws -> LiveAnswers {
    let (model, query, asked) = try asked(request)
    guard let hub = hubs[model.name] else {
      throw RequestError(kind: .notFound, "there is no read model '\(model.name)'")
    }
    let viewer = try await hub.join(LiveQuestion(query, asked))
    let first = try await viewer.first()
    return LiveAnswers(
      viewer, first: first, isKnown: lastEventID == first.tag.value,
      request: RequestID(request.headers))
  }

  /// The query that the parameter `path` is of.
  private func asked(
    _ request: APIRequest
  ) throws -> (model: ConsoleReadModel, query: RegisteredQuery, asked: APIRequest) {
    let model = try sources.readModel(request.path("model"))
    let target = try request.parameter("path") ?? ""
    var asked = APIRequest(.get, target)
    let path = asked.pathOnly
    let queries = application.queries(of: model.name)
    let routes = RouteTable(
      queries.map { query in
        API.Operation(.get, query.path, "", answers: []) { _ in
          JSONResponse(withoutBody: .noContent)
        }
      })
    let operation = try RouteTable.operation(.get, of: routes.route(at: path), at: path)
    guard let query = queries.first(where: { $0.path == operation.path }) else {
      throw RequestError(
        kind: .notFound, "the read model '\(model.name)' has no query '\(target.excerpt)'")
    }
    asked.pathParameters = operation.match(path.split(separator: "/")) ?? [:]
    return (model, query, asked)
  }
}
