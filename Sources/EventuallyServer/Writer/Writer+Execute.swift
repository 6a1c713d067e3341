public import Eventually
import HTTPTypes

extension Writer {
  /// Has an entity handle commands, all or none, and answers as the route of a generated command does: for a route that is
  /// written by hand. Of the request, it takes the headers `Idempotency-Key`, `If-Match`, `If-None-Match` and `Prefer`.
  /// - Parameters:
  ///   - type: the aggregate.
  ///   - commands: what the entity handles, in order.
  ///   - id: the entity's id.
  ///   - request: what is answered.
  /// - Throws: what a route answers with: the aggregate's refusal among others, and ``ApplicationError`` where the aggregate is none
  ///   of the application's.
  public func execute<Model: Aggregate>(
    _ type: Model.Type, _ commands: [Model.Command], on id: String, for request: APIRequest
  ) async throws -> JSONResponse where Model.ID == String {
    try await execute(commands, on: id, of: try repository(of: type), for: request)
  }

  /// - Parameter isList: whether a refusal says which of the commands is meant.
  func execute<Model: Aggregate>(
    _ commands: [Model.Command], on id: String, of repository: any AggregateRepository<Model>,
    for request: APIRequest, isList: Bool = false
  ) async throws -> JSONResponse where Model.ID == String {
    let key = try request.idempotencyKey()
    let precondition = try Precondition(request.headers)
    let pass = try await room(for: Model.category.streamName(of: id))
    defer { withExtendedLifetime(pass) {} }
    // Held against the state that each attempt begins with: where somebody else was faster, the next one finds out.
    func handle(_ root: inout AggregateRoot<Model>) async throws {
      try precondition.check(root.version)
      for (index, command) in commands.enumerated() {
        do {
          try await root.handle(command)
        } catch {
          // By its type alone, a request that ended is a refusal too where the aggregate throws any error.
          if error is CancellationError { throw error }
          throw CommandRefused(cause: error, place: isList ? "commands[\(index)]" : "")
        }
      }
    }
    let result: IdempotentResult
    if let key {
      result = try await repository.update(
        id, expecting: nil, idempotencyKey: key, attempts: 8, handle)
    } else {
      let root = try await repository.update(id, expecting: nil, attempts: 8, handle).root
      result = IdempotentResult(last: root.position, isRepetition: false)
    }
    return .done(id, result, isMinimal: request.prefersMinimal)
  }

  /// Waits until an entity can be loaded. One of 1.5 MB of events was measured in release: 1.9 times its size as it
  /// is loaded, and 3.2 times at the peak of twenty that were loaded from snapshots at once.
  func room(for stream: String) async throws -> LoadGate.Pass? {
    let size = store.size(ofLargeStream: stream)
    return size == 0 ? nil : try await loads.enter(Int(clamping: min(size, 1 << 40)) * 3)
  }
}

extension JSONResponse {
  /// What a generated command is answered with: the entity's id and version, and in body and header the token of its last event, also
  /// where the command led to none.
  public static func done<Model: Aggregate>(_ root: AggregateRoot<Model>) -> JSONResponse
  where Model.ID == String {
    done(root.id, IdempotentResult(last: root.position, isRepetition: false), isMinimal: false)
  }

  /// The same of a request with a key; a repetition says that it is one.
  /// - Parameter isMinimal: whether it is an answer without a body.
  static func done(_ id: String, _ result: IdempotentResult, isMinimal: Bool) -> JSONResponse {
    let token = result.last.map { ConsistencyToken($0) }
    var response: JSONResponse
    if isMinimal {
      response = JSONResponse(withoutBody: .noContent)
      if let name = HTTPField.Name("preference-applied") {
        response.headers[name] = "return=minimal"
      }
    } else {
      response = JSONResponse { json in
        json.beginObject()
        json.member("id", id)
        json.member("version", result.version)
        if let position = result.last { json.member("sequenceNumber", position.sequenceNumber) }
        if let token { json.member("token", token.description) }
        json.endObject()
      }
    }
    if result.isRepetition, let name = IdempotencyKeyHeader.replayed {
      response.headers[name] = "true"
    }
    return response.carrying(token).tagged(result.version)
  }
}

extension [API.Parameter] {
  /// What a command of an entity takes: its id, and the headers for keys, conditions, preferences and what events belong to.
  public static var command: [API.Parameter] { command(.default) }

  /// The same for an entity with ids of its own kind.
  public static func command(_ ids: IDRule) -> [API.Parameter] {
    [.id(ids)] + API.commandParameters + API.contextParameters
  }
}

extension [API.Response] {
  /// What a command may answer, for the OpenAPI document.
  public static var command: [API.Response] { command() }

  /// - Parameter links: where the entity can be read.
  static func command(_ links: [API.Link] = []) -> [API.Response] {
    [
      API.Response(
        200, "Done: the entity's version, and the token of the place of its last event",
        commandAnswer
      ).carrying(.entityTag, .token, .replayed).linking(links),
      API.Response(204, "Done, where the request prefers return=minimal")
        .carrying(.entityTag, .token, .replayed, .preferenceApplied),
      API.Response("The request comes from a page of another origin", .otherOrigin),
      API.Response(404, "There is no such entity"),
      API.Response("The command is refused", .refused, .conflict, .streamTooLarge),
      API.Response("The entity is not as If-Match or If-None-Match has it", .preconditionFailed),
      API.Response(
        "The body is too large, or an event of it is larger than the topic takes", .bodyTooLarge,
        .recordTooLarge),
      API.Response("There is a body, and it is not said to be JSON", .notJSON),
      API.Response(
        "A member is missing or not what it has to be, or the key came with another request",
        .invalidMember, .invalid, .keyReused, .unreadableEvent),
      API.Response(
        "Overloaded, or the store can't be used; worth trying again", .overloaded, .stopping,
        .storeUnavailable),
      API.Response("No space is left for events", .storeFull),
    ]
  }

  private static var commandAnswer: Schema {
    .named(
      "CommandAnswer",
      .object([
        .required("id", .string(minimum: 1).example("1")),
        .required("version", .integer(0...(1 << 62)).example(3)),
        .optional("sequenceNumber", .integer(1...(1 << 62)).example(42)),
        .optional("token", .token),
      ]))
  }

  /// The same with errors of an aggregate, each at its status, as examples.
  func refusing(_ errors: [any Error]) -> [API.Response] {
    var answers = self
    for problem in errors.map({ RequestError(refusal: $0) }) {
      let status = problem.status.code
      guard let index = answers.firstIndex(where: { $0.status == status }) else {
        answers.append(API.Response(status, "The command is refused").telling(problem))
        continue
      }
      // In place of the example that says nothing of the application.
      answers[index].problems.removeAll { $0.kind == .refused && $0.code == "refused" }
      if status == 404 { answers[index].problems.removeAll { $0.kind == .notFound } }
      answers[index].problems.append(problem)
    }
    return answers
  }
}
