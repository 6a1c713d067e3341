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
  /// At most this many requests are worked on at the same time; the next are told to come again.
  var inFlightLimit = 1024
  var operations: [Operation] = []

  /// Something that can be asked.
  struct Operation: Sendable {
    var method: HTTPRequest.Method
    /// With parameters in braces: `/orders/{id}`.
    var path: String
    var summary: String
    var isProtected = false
    var parameters: [Parameter] = []
    var body: Schema?
    var answers: [Answer]
    var handler: Handler
  }

  struct Parameter: Sendable {
    enum Place: String, Sendable {
      case path
      case query
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

    init(_ status: Int, _ summary: String, contentType: String = "application/json") {
      self.status = status
      self.summary = summary
      self.contentType = contentType
    }
  }

  /// Answers that any operation may give.
  static let commonAnswers = [
    Answer(503, "Overloaded, or what is asked for can't be had at the moment; worth trying again")
  ]

  mutating func add(_ operation: Operation) {
    operations.append(operation)
  }

  /// A router for the operations and for the document that describes them.
  func router() -> Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self)
    if TraceContext.isActive { router.middlewares.add(TracingMiddleware()) }
    router.middlewares.add(FailureReplies())
    router.middlewares.add(EventContext())
    router.middlewares.add(InFlightLimit(inFlightLimit))
    for operation in operations {
      let path = operation.path.replacing("{", with: ":").replacing("}", with: "")
      router.on(RouterPath(path), method: operation.method) { request, context in
        if operation.isProtected { try token?.check(request) }
        return try await operation.handler(request, context)
      }
    }
    let document = Reply { write(&$0) }
    router.get("/openapi.json") { _, _ in document }
    return router
  }
}

/// Refuses requests while too many are being worked on, instead of letting them queue up.
private struct InFlightLimit<Context: RequestContext>: RouterMiddleware {
  private final class Count: Sendable {
    let value = Locked(0)
  }

  private let limit: Int
  private let count = Count()

  init(_ limit: Int) {
    self.limit = limit
  }

  func handle(
    _ request: Request, context: Context,
    next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let isTaken = count.value.withLock { count in
      if count >= limit { return false }
      count += 1
      return true
    }
    guard isTaken else {
      return Reply.overloaded("\(limit) requests are being worked on: try again in a moment")
        .response(from: request, context: context)
    }
    defer { count.value.withLock { $0 -= 1 } }
    return try await next(request, context)
  }
}
