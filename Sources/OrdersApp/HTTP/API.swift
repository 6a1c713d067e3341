import Eventually
import HTTPTypes
import Hummingbird

/// An HTTP interface: what can be asked of it, who may ask, and what it answers.
///
/// The routes and the OpenAPI document are made from the same list, so that neither can lack what the other has.
struct API: Sendable {
  typealias Handler = @Sendable (Request, BasicRequestContext) async throws -> Reply

  var title: String
  var summary: String
  /// What protected operations ask for; `nil` where nobody is asked.
  var token: BearerToken?
  /// Whose pages may have browsers give commands.
  var origins = OriginPolicy()
  /// What the server of this interface bears.
  var limits = ServerLimits()
  var operations: [Operation] = []

  /// Something that can be asked.
  struct Operation: Sendable {
    var method: HTTPRequest.Method
    /// With parameters in braces: `/orders/{id}`.
    var path: String
    var summary: String
    var isProtected = false
    /// Whether it is answered under any load: what tells how the process is.
    var isVital = false
    var parameters: [Parameter] = []
    var body: Schema?
    var answers: [Answer]
    var handler: Handler
  }

  struct Parameter: Sendable {
    enum Place: String, Sendable {
      case path
      case query
      case header
    }

    var name: String
    var place: Place
    var summary: String
    var schema: Schema
    var isRequired = false

    static func path(_ name: String, _ summary: String, _ schema: Schema) -> Parameter {
      Parameter(name: name, place: .path, summary: summary, schema: schema, isRequired: true)
    }

    static func query(_ name: String, _ summary: String, _ schema: Schema) -> Parameter {
      Parameter(name: name, place: .query, summary: summary, schema: schema)
    }
  }

  struct Answer: Sendable {
    var status: Int
    var summary: String
    var contentType = "application/json"
    var schema: Schema?

    init(
      _ status: Int, _ summary: String, contentType: String = "application/json",
      _ schema: Schema? = nil
    ) {
      self.status = status
      self.summary = summary
      self.contentType = contentType
      self.schema = schema
    }
  }

  /// Answers that any operation may give.
  static let commonAnswers = [
    Answer(503, "Overloaded, or what is asked for can't be had at the moment; worth trying again")
  ]

  /// What a command may say of where it comes from.
  static let contextParameters = [
    Parameter(
      name: "correlation-id", place: .header, summary: "Kept with the events: what they belong to",
      schema: contextSchema),
    Parameter(
      name: "causation-id", place: .header, summary: "Kept with the events: what led to them",
      schema: contextSchema),
    Parameter(
      name: "traceparent", place: .header, summary: "The trace that the events belong to (W3C)",
      schema: contextSchema),
  ]
  private static let contextSchema = Schema.string(
    pattern: "^[!-~]([ -~]{0,198}[!-~])?$")

  mutating func add(_ operation: Operation) {
    operations.append(operation)
  }

  /// A router for the operations and for the document that describes them.
  func router() -> Router<BasicRequestContext> {
    let router = Router(
      context: BasicRequestContext.self, options: .autoGenerateHeadEndpoints)
    if TraceContext.isActive { router.middlewares.add(TracingMiddleware()) }
    router.middlewares.add(FailureReplies(methods: methods))
    router.middlewares.add(OriginCheck(origins))
    router.middlewares.add(EventContext())
    let desk = Desk(limits)
    for operation in operations {
      let path = operation.path.replacing("{", with: ":").replacing("}", with: "")
      router.on(RouterPath(path), method: operation.method) { request, context in
        if operation.isProtected { try token?.check(request) }
        return try await desk.answer(operation, request, context)
      }
    }
    let document = Reply { write(&$0) }
    router.get("/openapi.json") { _, _ in document }
    return router
  }

  /// The methods that a path may be asked with, none where there is no such path.
  @Sendable
  private func methods(at path: String) -> Set<String> {
    let parts = path.split(separator: "/")
    var found: Set<String> = parts == ["openapi.json"] ? ["GET", "HEAD"] : []
    for operation in operations {
      let pattern = operation.path.split(separator: "/")
      guard pattern.count == parts.count,
        zip(pattern, parts).allSatisfy({ $0.first == "{" || $0 == $1 })
      else { continue }
      found.insert(operation.method.rawValue)
      if operation.method == .get { found.insert("HEAD") }
    }
    return found
  }
}

/// Has requests answered, as many at a time as the limits allow.
private struct Desk: Sendable {
  private let requests: Budget
  private let bodies: Budget

  init(_ limits: ServerLimits) {
    requests = Budget(limits.requests)
    bodies = Budget(limits.bodyBytes)
  }

  func answer(
    _ operation: API.Operation, _ request: Request, _ context: BasicRequestContext
  ) async throws -> Response {
    if operation.isVital {
      return try await operation.handler(request, context).response(from: request, context: context)
    }
    var request = request
    let body = Budget.Share(of: bodies)
    defer { withExtendedLifetime(body) {} }
    // Whoever sends a body slowly takes nothing from those whose requests are here.
    if operation.body != nil {
      try request.checkContentType()
      request = try await request.received(counting: body)
    }
    guard let place = requests.share() else {
      throw Overloaded("\(requests.limit) requests are being worked on")
    }
    defer { withExtendedLifetime(place) {} }
    return try await operation.handler(request, context)
      .response(from: request, context: context, holding: place)
  }
}
