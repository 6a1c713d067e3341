public import Eventually
import EventuallySQLite

extension Writer {
  /// Has an entity handle commands, all or none, and answers as the route of a generated command does: for a route that is
  /// written by hand.
  /// - Parameters:
  ///   - type: the aggregate.
  ///   - commands: what the entity handles, in order.
  ///   - id: the entity's id.
  ///   - version: the version that the entity must be at; `nil` for any.
  ///   - idempotencyKey: names the request, which has its effect once however often it comes: ``APIRequest/idempotencyKey()``.
  /// - Throws: what a route answers with: the aggregate's refusal among others, and ``ApplicationError`` where the aggregate is none
  ///   of the application's.
  public func execute<Model: Aggregate>(
    _ type: Model.Type, _ commands: [Model.Command], on id: String,
    expecting version: Version? = nil, idempotencyKey: IdempotencyKey? = nil
  ) async throws -> JSONResponse where Model.ID == String {
    try await execute(
      commands, on: id, of: try repository(of: type), expecting: version,
      idempotencyKey: idempotencyKey)
  }

  /// - Parameter isList: whether a refusal says which of the commands is meant.
  func execute<Model: Aggregate>(
    _ commands: [Model.Command], on id: String, of repository: any AggregateRepository<Model>,
    expecting version: Version? = nil, idempotencyKey: IdempotencyKey?, isList: Bool = false
  ) async throws -> JSONResponse where Model.ID == String {
    let pass = try await room(for: Model.category.streamName(of: id))
    defer { withExtendedLifetime(pass) {} }
    func handle(_ root: inout AggregateRoot<Model>) async throws {
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
    guard let idempotencyKey else {
      return .done(
        try await repository.update(id, expecting: version, attempts: 8, handle).root)
    }
    let result = try await repository.update(
      id, expecting: version, idempotencyKey: idempotencyKey, attempts: 8, handle)
    return .done(id, result)
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
    done(root.id, IdempotentResult(last: root.position, isRepetition: false))
  }

  /// The same of a request with a key; a repetition says that it is one.
  public static func done(_ id: String, _ result: IdempotentResult) -> JSONResponse {
    let token = result.last.map { ConsistencyToken($0) }
    var response = JSONResponse { json in
      json.beginObject()
      json.member("id", id)
      json.member("version", result.version)
      if let position = result.last { json.member("sequenceNumber", position.sequenceNumber) }
      if let token { json.member("token", token.description) }
      json.endObject()
    }.carrying(token)
    if result.isRepetition, let name = IdempotencyKeyHeader.replayed {
      response.headers[name] = "true"
    }
    return response
  }
}

extension [API.Response] {
  /// What a command may answer, for the OpenAPI document.
  public static var command: [API.Response] {
    [
      API.Response(
        200, "Done: the entity's version, and the token of the place of its last event",
        .object([
          .required("id", .string(minimum: 1)), .required("version", .integer(0...(1 << 62))),
          .optional("sequenceNumber", .integer(1...(1 << 62))),
          .optional("token", .string(pattern: "^[0-9]+-[0-9]+$")),
        ])),
      API.Response(403, "The request comes from a page of another origin"),
      API.Response(404, "There is no such entity"),
      API.Response(409, "The command is refused, or the entity is not at the expected version"),
      API.Response(413, "The body is too large, or an event of it is larger than the topic takes"),
      API.Response(415, "There is a body, and it is not said to be JSON"),
      API.Response(
        422, "A member is missing or not what it has to be, or the key came with another request"),
      API.Response(507, "No space is left for events"),
    ]
  }
}
