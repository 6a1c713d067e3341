import Eventually
import HTTPTypes
import Hummingbird

/// Answers the requests that come over HTTP to an interface.
struct APIResponder: HTTPResponder {
  private let routes: RouteTable
  private let token: BearerToken?
  private let origins: OriginCheck<BasicRequestContext>
  private let desk: Desk
  private let isTraced = TraceContext.isActive

  init(_ api: API) {
    let document = JSONResponse { api.write(&$0) }
    let description = API.Operation.vital(
      "/openapi.json", "This interface, as OpenAPI", answers: []
    ) { _ in document }
    routes = RouteTable(api.operations + [description])
    token = api.token
    origins = OriginCheck(api.origins)
    desk = Desk(api.limits)
  }

  func respond(
    to request: Request, context: BasicRequestContext
  ) async throws -> Response {
    let route = routes.route(at: request.uri.path)
    guard isTraced else { return try await answer(request, route, context) }
    return try await RequestSpan.around(request, route: route?.path(for: request.method)) {
      try await answer(request, route, context)
    }
  }

  private func answer(
    _ request: Request, _ route: RouteTable.Route?, _ context: BasicRequestContext
  ) async throws -> Response {
    try await ErrorMiddleware().handle(request, context: context) { request, context in
      try await origins.handle(request, context: context) { request, context in
        try await EventContext().handle(request, context: context) { request, context in
          let operation = try RouteTable.operation(
            request.method, of: route, at: request.uri.path)
          if operation.isProtected { try token?.check(request) }
          let response = try await desk.answer(operation, request, context)
          return request.method == .head ? response.createHeadResponse() : response
        }
      }
    }
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
    _ operation: API.Operation, _ request: Request, _ context: BasicRequestContext
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
    let asked = try await APIRequest(request, for: operation, takesBody: operation.body != nil)
    return try await asked.conditional(operation.handler(asked))
      .response(from: request, context: context, holding: place, compressors: compressors)
  }
}
