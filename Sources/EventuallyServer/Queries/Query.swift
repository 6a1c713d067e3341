public import Eventually
import HTTPTypes

/// A query of a read model over HTTP: `GET /owners/{id}`.
///
/// Workers of the read model and `projector serve` answer it. It may come with a consistency token, in the parameter `after` or the
/// header `eventually-token`: then it waits until the read model has applied that event.
public struct Query: Component {
  /// The databases that a query can be answered from.
  public enum SQL: Sendable, Hashable {
    /// All of them: it reads rows by their types, or by SQL that they have in common.
    case any
    /// One kind. An application whose read models are in another one is refused when it starts.
    case only(SQLDialect)
  }

  private var registered: RegisteredQuery

  /// A query whose answer is any `Codable` value, of rows for example.
  /// - Parameters:
  ///   - path: with parameters in braces: `owners/{id}`.
  ///   - model: the read model, which is a component of the application too.
  ///   - summary: what it tells, in a line.
  ///   - parameters: parameters of the query; those of the path follow from it.
  ///   - sql: whose SQL the answer is read by, where it is not by rows alone.
  ///   - answer: reads rows; all of them are as of one moment. Where it returns `nil`, the answer is 404. It may throw ``RequestError``.
  public init<Model: ReadModel, Answer: Codable & Sendable>(
    _ path: String, of model: Model.Type, _ summary: String = "",
    parameters: [API.Parameter] = [], sql: SQL = .any,
    _ answer: @escaping @Sendable (APIRequest, any SQLRows) throws -> Answer?
  ) {
    self.init(path, ObjectIdentifier(model), "\(model)", summary, parameters, sql, answer)
  }

  /// The same of a read model that takes several aggregates' events.
  public init<Model: CompositeReadModel, Answer: Codable & Sendable>(
    _ path: String, of model: Model.Type, _ summary: String = "",
    parameters: [API.Parameter] = [], sql: SQL = .any,
    _ answer: @escaping @Sendable (APIRequest, any SQLRows) throws -> Answer?
  ) {
    self.init(path, ObjectIdentifier(model), "\(model)", summary, parameters, sql, answer)
  }

  /// A query that is written by hand, with SQL and `JSONWriter` for example.
  /// - Parameters:
  ///   - path: with parameters in braces.
  ///   - model: the read model.
  ///   - summary: what it tells, in a line.
  ///   - parameters: parameters of the query; those of the path follow from it where they are not among these.
  ///   - answers: what it may answer.
  ///   - sql: whose SQL it is written in.
  ///   - reading: answers from one generation of the read model.
  public init<Model: ReadModel>(
    _ path: String, of model: Model.Type, _ summary: String, parameters: [API.Parameter] = [],
    answers: [API.Response], sql: SQL = .any,
    reading: @escaping @Sendable (APIRequest, any ReadModelSource) async throws -> JSONResponse
  ) {
    registered = RegisteredQuery(
      model: ObjectIdentifier(model), modelName: "\(model)", path: path, summary: summary,
      parameters: parameters, sql: sql, answers: answers, answer: reading)
  }

  /// The same of a read model that takes several aggregates' events.
  public init<Model: CompositeReadModel>(
    _ path: String, of model: Model.Type, _ summary: String, parameters: [API.Parameter] = [],
    answers: [API.Response], sql: SQL = .any,
    reading: @escaping @Sendable (APIRequest, any ReadModelSource) async throws -> JSONResponse
  ) {
    registered = RegisteredQuery(
      model: ObjectIdentifier(model), modelName: "\(model)", path: path, summary: summary,
      parameters: parameters, sql: sql, answers: answers, answer: reading)
  }

  private init<Answer: Codable & Sendable>(
    _ path: String, _ model: ObjectIdentifier, _ modelName: String, _ summary: String,
    _ parameters: [API.Parameter], _ sql: SQL,
    _ answer: @escaping @Sendable (APIRequest, any SQLRows) throws -> Answer?
  ) {
    let (shape, problem) = Schema.shape(of: Answer.self)
    registered = RegisteredQuery(
      model: model, modelName: modelName, path: path, summary: summary.isEmpty ? path : summary,
      parameters: parameters, problem: problem.map { "the query '\(path)': \($0)" }, sql: sql,
      answers: [
        API.Response(200, "The answer", Schema(shape, of: Answer.self))
          .carrying(Answer.self is any AnyPage.Type ? [.link] : []),
        API.Response(404, "The read model has nothing of that name"),
      ]
    ) { request, reader in
      let found = try await reader.read { try answer(request, $0) }
      guard let found else {
        throw RequestError(
          kind: .notFound, "there is no '\(String(request.pathOnly).excerpt(200))'")
      }
      return try JSONResponse(encoding: found)
        .linked(to: (found as? any AnyPage)?.next, of: request)
    }
  }

  /// The same with an answer as an example in the OpenAPI document; by default one is made up.
  public func example(_ answer: API.Example) -> Query {
    var query = self
    for index in registered.answers.indices where registered.answers[index].status == 200 {
      query.registered.answers[index].example = answer
    }
    return query
  }

  /// The same under another name in clients that are generated from the OpenAPI document: by default `getOwnersById` for `owners/{id}`.
  public func operationID(_ name: String) -> Query {
    var query = self
    query.registered.operationID = name
    return query
  }

  /// Adds the query.
  public func register(in registry: inout Registry) {
    registry.queries.append(registered)
  }
}

/// A query without the type of its read model.
struct RegisteredQuery: Sendable {
  var model: ObjectIdentifier
  var modelName: String
  var path: String
  var summary: String
  var parameters: [API.Parameter]
  /// What is wrong with the type of its answer.
  var problem: String?
  var sql: Query.SQL
  var answers: [API.Response]
  var operationID: String?
  var answer: @Sendable (APIRequest, any ReadModelSource) async throws -> JSONResponse

  init(
    model: ObjectIdentifier, modelName: String, path: String, summary: String,
    parameters: [API.Parameter], problem: String? = nil, sql: Query.SQL = .any,
    answers: [API.Response],
    answer: @escaping @Sendable (APIRequest, any ReadModelSource) async throws -> JSONResponse
  ) {
    self.model = model
    self.modelName = modelName
    self.path = path.hasPrefix("/") ? path : "/\(path)"
    self.summary = summary
    self.parameters = parameters
    self.problem =
      problem ?? API.Operation.problem(of: path)
      ?? parameters.first { parameter in
        QueryRoutes.consistency.contains { $0.name == parameter.name }
      }.map {
        "the query '\(path)' needs another name for its parameter '\($0.name)': every query takes one of that name, for tokens"
      }
    self.sql = sql
    self.answers = answers
    self.answer = answer
    let named = Set(parameters.map(\.name))
    for part in path.split(separator: "/") where part.hasPrefix("{") && part.hasSuffix("}") {
      let name = String(part.dropFirst().dropLast())
      if !named.contains(name) { self.parameters.append(.path(name, name, .string(minimum: 1))) }
    }
  }
}
