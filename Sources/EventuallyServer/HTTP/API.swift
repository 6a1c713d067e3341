import Eventually
public import HTTPTypes
import Hummingbird

/// An HTTP interface: what can be asked of it, who may ask, and what it answers.
///
/// The routes and the OpenAPI document are made from the same list, so that neither can lack what the other has.
public struct API: Sendable {
  /// Answers a request.
  public typealias Handler = @Sendable (APIRequest) async throws -> JSONResponse

  /// The title of the OpenAPI document.
  public var title: String
  /// The summary of the OpenAPI document.
  public var summary: String
  /// The version of the OpenAPI document: the application's.
  public var version = LibraryVersion.current
  /// The tokens that operations ask for, each by its role; `nil` where they ask for none.
  public var tokens: AccessTokens?
  /// The origins whose pages may have browsers send commands.
  public var origins = OriginPolicy()
  /// What a server of this interface takes before it refuses.
  public var limits = ServerLimits()
  /// Whether it has the console, and what that may show.
  public var console = ConsoleOptions()
  /// What the process gives its console; `nil` for an interface without one.
  var consoleParts: ConsoleParts?
  /// What can be asked.
  public private(set) var operations = Operation.problemPages

  /// An interface that has nothing yet but the pages that problems refer to.
  public init(title: String, summary: String, tokens: AccessTokens? = nil) {
    self.title = title
    self.summary = summary
    self.tokens = tokens
  }

  /// Adds an operation, in place of one with the same method and path, whatever the path's parameters are called. It asks for no lesser role
  /// than the one in whose place it comes.
  public mutating func add(_ operation: Operation) {
    var operation = operation
    let pattern = Operation.pattern(operation.path)
    operations.removeAll {
      guard $0.method == operation.method, Operation.pattern($0.path) == pattern else {
        return false
      }
      operation.role = max(operation.role, $0.role)
      operation.operationID = operation.operationID ?? $0.operationID
      operation.tag = operation.tag ?? $0.tag
      if operation.description.isEmpty { operation.description = $0.description }
      return true
    }
    operations.append(operation)
  }

  /// Answers a request without a server: neither token nor limits are asked.
  public func answer(_ request: APIRequest) async -> JSONResponse {
    let path = request.pathOnly
    do {
      let operation = try RouteTable.operation(
        request.method, of: RouteTable(operations).route(at: path), at: path)
      var request = request
      request.pathParameters = operation.match(path.split(separator: "/")) ?? [:]
      return try request.conditional(await operation.handler(request))
    } catch {
      return RequestError(error).response(id: RequestID(request.headers))
    }
  }
}

extension API {
  /// Something that can be asked.
  public struct Operation: Sendable {
    /// The method.
    public var method: HTTPRequest.Method
    /// The path, with parameters in braces: `/orders/{id}`.
    public var path: String
    /// What it does, in a line.
    public var summary: String
    /// What is to be known of it, at length, for the OpenAPI document.
    public var description = ""
    /// What clients that are generated from the OpenAPI document call it: `createOrder`; by default made of method and path.
    public var operationID: String?
    /// What it belongs to, in the OpenAPI document.
    var tag: Tag?
    /// Who may ask it, where the interface has tokens.
    public var role: AccessRole
    /// Whether it is answered under any load: what tells how the process is.
    var isVital = false
    /// Whether the document says that its answer has the header `ETag`, and is 304 where the asker has that already.
    public var isTagged: Bool
    /// Its parameters, those of the path included.
    public var parameters: [Parameter]
    /// What its body looks like; `nil` where it takes none.
    public var body: Schema?
    /// A body, as an example; by default one that fits ``body``.
    public var bodyExample: Example?
    /// Whether the body must be there, where it takes one.
    public var isBodyRequired = true
    /// What it may answer.
    public var answers: [Response]
    /// Answers a request.
    public var handler: Handler

    /// An operation.
    ///
    /// Where the interface has tokens, it asks for one: of the role `read` where the method is GET or HEAD, and else `write`, unless `role`
    /// says otherwise.
    public init(
      _ method: HTTPRequest.Method, _ path: String, _ summary: String, role: AccessRole? = nil,
      isTagged: Bool = false, parameters: [Parameter] = [], body: Schema? = nil,
      answers: [Response],
      handler: @escaping Handler
    ) {
      self.method = method
      self.path = path
      self.summary = summary
      self.role = role ?? (Self.changes(method) ? .write : .read)
      self.isTagged = isTagged
      self.parameters = parameters
      self.body = body
      self.answers = answers
      self.handler = handler
    }

    /// An operation that is answered under any load.
    static func vital(
      _ path: String, _ summary: String, answers: [Response], handler: @escaping Handler
    ) -> Operation {
      var operation = Operation(
        .get, path, summary, role: .anyone, answers: answers, handler: handler)
      operation.isVital = true
      operation.operationID = OperationNames.identifier(["get", path])
      operation.tag = Tag(name: "process", description: "How the process is.")
      operation.description = "Asks for no token, and is answered under any load."
      return operation
    }

    /// Whether it is more than a question.
    var changesSomething: Bool { Self.changes(method) }

    private static func changes(_ method: HTTPRequest.Method) -> Bool {
      method != .get && method != .head
    }

    /// What stands for the parameters of the path; `nil` where the path is another one.
    func match(_ parts: [Substring]) -> [String: String]? {
      let pattern = path.split(separator: "/")
      guard pattern.count == parts.count else { return nil }
      var parameters: [String: String] = [:]
      for (pattern, part) in zip(pattern, parts) {
        if Self.isParameter(pattern) {
          parameters[String(pattern.dropFirst().dropLast())] = String(part)
        } else if pattern != part {
          return nil
        }
      }
      return parameters
    }

    private static func isParameter(_ part: Substring) -> Bool {
      part.first == "{" && part.last == "}"
    }

    /// The parts of a path, without the names of its parameters: those of two paths with the same requests are equal.
    static func pattern(_ path: String) -> [Substring?] {
      path.split(separator: "/").map { isParameter($0) ? nil : $0 }
    }

    /// What is wrong with how a path is written.
    static func problem(of path: String) -> String? {
      let parts = path.split(separator: "/")
      if parts.first == "problems" || parts.first == "console"
        || [["openapi.json"], ["asyncapi.json"], ["healthz"], ["readyz"], ["metrics"]]
          .contains(parts)
      {
        return "the path '\(path)' is taken: every process answers it"
      }
      let isPlain = pattern(path).allSatisfy { part in
        part?.utf8.allSatisfy {
          (0x21...0x7E).contains($0) && !"{}:*?#%".utf8.contains($0)
        } ?? true
      }
      if !isPlain {
        return
          "the path '\(path)' must have parts that are either '{name}' or printable ASCII without spaces and any of {}:*?#%"
      }
      let names = path.split(separator: "/").filter(isParameter)
      return names.contains("{}") || Set(names).count < names.count
        ? "the parameters of the path '\(path)' must have names, and different ones" : nil
    }
  }

  /// A parameter of an operation.
  public struct Parameter: Sendable {
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

    /// A part of the path.
    public static func path(_ name: String, _ summary: String, _ schema: Schema) -> Parameter {
      Parameter(name: name, place: .path, summary: summary, schema: schema, isRequired: true)
    }

    /// The parameter that ``APIRequest/limit(default:)`` reads.
    public static let limit = Parameter.query(
      "limit", "At most this many", .integer(1...1000).example(20))

    /// A parameter of the query, which may be left out.
    public static func query(_ name: String, _ summary: String, _ schema: Schema) -> Parameter {
      Parameter(name: name, place: .query, summary: summary, schema: schema)
    }
  }

  /// An answer that an operation may give.
  public struct Response: Sendable {
    var status: Int
    var summary: String
    var contentType: String
    var schema: Schema?
    /// A body, as an example; by default one that fits the schema.
    public var example: Example?
    var headers: [Header] = []
    /// Further media types that it may come in.
    var alternatives: [Content] = []
    /// Where what it is about can be read, by its `id`.
    var links: [Link] = []
    /// What it may tell of, one of each kind as an example.
    var problems: [RequestError]

    /// An answer.
    public init(
      _ status: Int, _ summary: String, contentType: String = "application/json",
      _ schema: Schema? = nil
    ) {
      var problem = ProblemKind(status: status).example
      problem.status = HTTPResponse.Status(code: status)
      problems = status < 400 ? [] : [problem]
      self.status = status
      self.summary = summary
      self.contentType = contentType
      self.schema = schema
    }
  }
}

extension API {
  /// A form of a body.
  typealias Content = (type: String, schema: Schema?)

  /// A group of operations.
  struct Tag: Sendable {
    var name: String
    var description = ""
  }

  /// An operation that reads what an answer is about.
  struct Link: Sendable {
    var name: String
    var path: String
  }
}
