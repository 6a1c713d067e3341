import Eventually
import HTTPTypes
import Hummingbird
import Logging

/// Answers the requests that come over HTTP to an interface.
struct APIResponder: HTTPResponder {
  private let routes: RouteTable
  private let console: ServedConsole?
  private let tokens: AccessTokens?
  private let origins: OriginCheck<ServerContext>
  private let desk: Desk
  private let scheme: String
  private let logger: Logger
  private let isTraced = TraceContext.isActive
  private let metrics: RequestMetrics

  /// - Parameters:
  ///   - scheme: what requests come by: `http` or `https`.
  ///   - logger: takes who changes what.
  init(_ api: API, console: Console? = nil, scheme: String, logger: Logger) {
    self.console = console.map { ServedConsole($0) }
    self.scheme = scheme
    metrics = RequestMetrics(scheme: scheme)
    self.logger = logger
    let document = JSONResponse { $0.raw(api.openAPI) }
    let description = API.Operation.vital(
      "/openapi.json", "This interface, as OpenAPI", answers: []
    ) { _ in document }
    routes = RouteTable(api.operations + [description])
    tokens = api.tokens
    origins = OriginCheck(api.origins)
    desk = Desk(api.limits)
  }

  func respond(
    to request: Request, context: ServerContext
  ) async throws -> Response {
    let start = ContinuousClock.now
    let isConsole = console != nil && ServedConsole.has(request.uri.path)
    let routes = isConsole ? console?.routes ?? routes : routes
    let route = routes.route(at: request.uri.path)
    let path = route?.path(for: request.method)
    let answered = { (response: Response) in
      metrics.answered(request.method, path, response.status, in: .now - start)
    }
    guard isTraced else {
      let response = try await answer(request, route, context, isConsole)
      answered(response)
      return response
    }
    return try await RequestSpan.around(request, scheme: scheme, route: path) {
      let response = try await answer(request, route, context, isConsole)
      // Within the span, which the duration has as its exemplar.
      answered(response)
      return response
    }
  }

  private func answer(
    _ request: Request, _ route: RouteTable.Route?, _ context: ServerContext, _ isConsole: Bool
  ) async throws -> Response {
    var response = try await ErrorMiddleware().handle(request, context: context) {
      request, context in
      try await origins.handle(request, context: context) { request, context in
        let operation = try RouteTable.operation(
          request.method, of: route, at: request.uri.path)
        let (pass, asker) = try admit(request, operation, context, isConsole)
        var context = context
        if let holder = pass?.holder { context.logger[metadataKey: "holder"] = "\(holder)" }
        return try await EventContext(holder: pass?.holder).handle(request, context: context) {
          request, context in
          let response = try await desk.answer(operation, request, context, pass, asker)
          if let pass, operation.changesSomething, !isConsole {
            log(operation, request, response, pass)
          }
          return request.method == .head ? response.createHeadResponse() : response
        }
      }
    }
    if isConsole { ServedConsole.protect(&response) }
    return response
  }

  private func admit(
    _ request: Request, _ operation: API.Operation, _ context: ServerContext, _ isConsole: Bool
  ) throws(RequestError) -> (pass: AccessPass?, asker: Asker) {
    if isConsole, let console {
      return try console.admit(request, operation, address: context.address)
    }
    return (try tokens?.admit(request.headers, as: operation.role), Asker())
  }

  /// Tells who changed something. Events have that in their metadata; what administers leads to none, or erases them.
  private func log(
    _ operation: API.Operation, _ request: Request, _ response: Response, _ pass: AccessPass
  ) {
    logger.log(
      level: operation.role == .administer ? .info : .debug, "a request changed something",
      metadata: [
        "holder": "\(pass.holder ?? "unnamed")", "method": "\(request.method)",
        "path": "\(request.uri.path.excerpt(200))", "status": "\(response.status.code)",
        "request": "\(RequestID(request.headers))",
      ])
  }
}

/// Has requests answered, as many at a time as the limits allow.
private struct Desk: Sendable {
  private let requests: Budget
  private let bodies: Budget
  private let largestBody: Int
  /// Answers that are compressed at a time, each with some 256 KiB.
  private let compressors = Budget(64)

  init(_ limits: ServerLimits) {
    requests = Budget(limits.requests)
    bodies = Budget(limits.bodyBytes)
    largestBody = limits.largestBody
  }

  func answer(
    _ operation: API.Operation, _ request: Request, _ context: ServerContext,
    _ pass: AccessPass?, _ asker: Asker
  ) async throws -> Response {
    if operation.isVital {
      return try await operation.handler(APIRequest(request, for: operation))
        .response(from: request, context: context, holding: nil, compressors: compressors)
    }
    var request = request
    let body = Budget.Share(of: bodies)
    defer { withExtendedLifetime(body) {} }
    // Whoever sends a body slowly takes nothing from those whose requests are here.
    if operation.body != nil {
      try request.checkContentType()
      request = try await request.received(counting: body, atMost: largestBody)
    }
    guard let place = requests.share() else {
      throw Overloaded("\(requests.limit) requests are being worked on")
    }
    defer { withExtendedLifetime(place) {} }
    let asked = try await APIRequest(
      request, for: operation, takesBody: operation.body != nil, asker: asker)
    var answer = try await asked.conditional(operation.handler(asked))
    answer.pass = pass
    return answer.response(
      from: request, context: context, holding: place, compressors: compressors)
  }
}

/// What a server knows of a request besides its bytes.
struct ServerContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// Where the connection comes from; empty where that is not known.
  let address: String

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    address = source.channel.remoteAddress?.ipAddress ?? ""
  }
}
