import Eventually
import EventuallySQLite
import HTTPTypes

/// The routes of one aggregate's commands.
struct CommandRoutes<Model: Aggregate>: Sendable where Model.ID == String {
  let definition: Commands<Model>
  let writer: Writer
  let repository: any AggregateRepository<Model>

  func operations() -> [API.Operation] {
    definition.commands.map(single) + [several, state, history]
  }

  private func path(_ rest: String) -> String { "/\(definition.path)/{id}\(rest)" }

  private func streamName(_ id: String) -> String { Model.category.streamName(of: id) }

  private var missing: [API.Response] {
    [API.Response(404, "There is no such entity"), API.Response(422, "The text can't be an id")]
  }

  // MARK: - Commands

  private func single(_ command: Command<Model>) -> API.Operation {
    var operation = API.Operation(
      .post, path("/\(command.pathName)"), command.summary.isEmpty ? command.name : command.summary,
      isProtected: true, parameters: [definition.ids.parameter] + API.contextParameters,
      body: command.schema, answers: Self.answers
    ) { request in
      let id = try definition.ids.id(request)
      return try await execute([try command.make(request.body, "")], on: id)
    }
    operation.isBodyRequired = !command.isBodyOptional
    return operation
  }

  private var several: API.Operation {
    let schema = Schema.object([
      .optional("expectedVersion", .integer(0...(1 << 62))),
      .required(
        "commands",
        .array(
          .oneOf(definition.commands.map { .object([.required($0.name, $0.schema)]) }), minimum: 1)),
    ])
    return API.Operation(
      .post, path("/commands"), "Several commands as one append: all of them or none",
      isProtected: true, parameters: [definition.ids.parameter] + API.contextParameters,
      body: schema, answers: Self.answers
    ) { request in
      let id = try definition.ids.id(request)
      let (commands, expected) = try definition.list(request.body.span)
      return try await execute(commands, on: id, expecting: expected)
    }
  }

  private func execute(
    _ commands: [Model.Command], on id: String, expecting version: Version? = nil
  ) async throws -> JSONResponse {
    let pass = try await room(for: id)
    defer { withExtendedLifetime(pass) {} }
    let root: AggregateRoot<Model>
    do {
      root = try await repository.execute(commands, on: id, expecting: version, attempts: 8).root
    } catch let error as RepositoryError {
      throw error
    } catch let error as EventStoreError {
      throw error
    } catch let error as Model.Failure where !(error is CancellationError) {
      throw CommandRefused(cause: error)
    }
    return done(id, root)
  }

  /// Waits until an entity can be loaded. One of 1.5 MB of events was measured in release: 1.9 times its size as it
  /// is loaded, and 3.2 times at the peak of twenty that were loaded from snapshots at once.
  private func room(for id: String) async throws -> LoadGate.Pass? {
    let size = writer.store.size(ofLargeStream: streamName(id))
    return size == 0 ? nil : try await writer.loads.enter(Int(clamping: min(size, 1 << 40)) * 3)
  }

  /// The entity's version, and where its last event is, also where the command led to none.
  private func done(_ id: String, _ root: AggregateRoot<Model>) -> JSONResponse {
    let token = root.position.map { ConsistencyToken($0) }
    return JSONResponse { json in
      json.beginObject()
      json.member("id", id)
      json.member("version", root.version)
      if let position = root.position { json.member("sequenceNumber", position.sequenceNumber) }
      if let token { json.member("token", token.description) }
      json.endObject()
    }.carrying(token)
  }

  private static var answers: [API.Response] {
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
      API.Response(422, "A member is missing or not what it has to be"),
      API.Response(507, "No space is left for events"),
    ]
  }

  // MARK: - Reads

  /// What a state that is `Codable` looks like.
  private static var stateSchema: Schema {
    guard !(Model.self is any JSONState.Type), Model.State.self is any Encodable.Type,
      let state = Model.State.self as? any Decodable.Type
    else { return .any }
    func schema<State: Decodable>(_ type: State.Type) -> Schema {
      Schema(Schema.shape(of: type).value)
    }
    return schema(state)
  }

  private var state: API.Operation {
    API.Operation(
      .get, path(""), "The state, as the events make it", isProtected: true,
      parameters: [definition.ids.parameter],
      answers: [
        API.Response(
          200, "The state",
          .object([
            .required("id", .string(minimum: 1)), .required("version", .integer(1...(1 << 62))),
            .required("state", Self.stateSchema),
          ]))
      ] + missing
    ) { request in
      let id = try definition.ids.id(request)
      let pass = try await room(for: id)
      defer { withExtendedLifetime(pass) {} }
      let root = try await repository.get(id)
      guard root.version > 0 else { throw Self.unknown(id) }
      let state = try StateJSON.bytes(of: root.state, Model.self)
      return JSONResponse { json in
        json.beginObject()
        json.member("id", id)
        json.member("version", root.version)
        json.key("state")
        json.raw(state)
        json.endObject()
      }
    }
  }

  private var history: API.Operation {
    API.Operation(
      .get, path("/history"), "The events", isProtected: true,
      parameters: [definition.ids.parameter],
      answers: [
        API.Response(
          200, "The events, oldest first",
          .array(
            .object([
              .required("id", .string(format: "uuid")), .required("type", .string(minimum: 1)),
              .required("stream", .string(minimum: 1)),
              .required("version", .integer(1...(1 << 62))),
              .required("sequenceNumber", .integer(1...(1 << 62))),
              .required("time", .string(format: "date-time")),
            ]), minimum: 1))
      ] + missing
    ) { request in
      let id = try definition.ids.id(request)
      return try await JSONResponse(
        pieces: HistoryPieces(id: id, stream: streamName(id), log: writer.store.log))
    }
  }

  static func unknown(_ id: String) -> RequestError {
    RequestError(.notFound, "there is no '\(id)'")
  }
}
