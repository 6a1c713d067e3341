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

  private var parameters: [API.Parameter] { .command(definition.ids) }

  private func streamName(_ id: String) -> String { Model.category.streamName(of: id) }

  private var missing: [API.Response] {
    [API.Response(404, "There is no such entity"), API.Response(422, "The text can't be an id")]
  }

  // MARK: - Commands

  private func single(_ command: Command<Model>) -> API.Operation {
    var operation = API.Operation(
      .post, path("/\(command.pathName)"), command.summary.isEmpty ? command.name : command.summary,
      parameters: parameters, body: command.schema, answers: .command
    ) { request in
      try await writer.execute(
        [try command.make(request.body, "")], on: request.id(definition.ids), of: repository,
        for: request)
    }
    operation.isBodyRequired = !command.isBodyOptional
    return operation
  }

  private var several: API.Operation {
    let schema = Schema.object([
      .required(
        "commands",
        .array(
          .oneOf(definition.commands.map { .object([.required($0.name, $0.schema)]) }), minimum: 1))
    ])
    return API.Operation(
      .post, path("/commands"), "Several commands as one append: all of them or none",
      parameters: parameters, body: schema, answers: .command
    ) { request in
      try await writer.execute(
        try definition.list(request.body.span), on: request.id(definition.ids), of: repository,
        for: request, isList: true)
    }
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
      .get, path(""), "The state, as the events make it", isTagged: true,
      parameters: [.id(definition.ids)],
      answers: [
        API.Response(
          200, "The state",
          .object([
            .required("id", .string(minimum: 1)), .required("version", .integer(1...(1 << 62))),
            .required("state", Self.stateSchema),
          ]))
      ] + missing
    ) { request in
      let id = try request.id(definition.ids)
      let pass = try await writer.room(for: streamName(id))
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
      }.tagged(root.version)
    }
  }

  private var history: API.Operation {
    API.Operation(
      .get, path("/history"), "The events, all or a page of them", isTagged: true,
      parameters: [
        .id(definition.ids),
        .query("after", "Only the events after this version", .integer(0...(1 << 62))), .limit,
      ],
      answers: [
        API.Response(
          200, "The events, oldest first",
          .array(RecordJSON.schema)
        ).carrying(.link)
      ] + missing
    ) { request in
      let id = try request.id(definition.ids)
      let limit = try request.parameter("limit") == nil ? nil : request.limit()
      return try await JSONResponse(
        pieces: HistoryPieces(
          id: id, stream: streamName(id), log: writer.store.log,
          after: try request.number("after", default: 0), limit: limit
        ) { request.link("after", "\($0)") })
    }
  }

  static func unknown(_ id: String) -> RequestError {
    RequestError(kind: .notFound, "there is no '\(id)'")
  }
}
