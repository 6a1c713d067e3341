import Eventually
import HTTPTypes

/// The routes of one aggregate's commands.
struct CommandRoutes<Model: Aggregate>: Sendable where Model.ID == String {
  let definition: Commands<Model>
  let writer: Writer
  let repository: any AggregateRepository<Model>
  /// For the OpenAPI document.
  let example: EntityExample?

  func operations() -> [API.Operation] {
    definition.commands.map(single) + [several, state, history]
  }

  private func path(_ rest: String) -> String { "/\(definition.path)/{id}\(rest)" }

  private var parameters: [API.Parameter] { .command(definition.ids) }

  private func streamName(_ id: String) -> String { Model.category.streamName(of: id) }

  private var missing: [API.Response] {
    [API.Response(404, "There is no such entity"), API.Response(422, "The text can't be an id")]
  }

  private var links: [API.Link] {
    [
      API.Link(name: "state", path: path("")), API.Link(name: "history", path: path("/history")),
    ]
  }

  private var noun: String { definition.noun }

  private func described(
    _ operation: API.Operation, as id: String, _ description: String
  ) -> API.Operation {
    var operation = operation
    operation.operationID = id
    operation.tag = API.Tag(
      name: definition.path, description: "Commands of \(noun), and what they lead to.")
    operation.description = description
    return operation
  }

  // MARK: - Commands

  private func single(_ command: Command<Model>) -> API.Operation {
    var operation = API.Operation(
      .post, path("/\(command.pathName)"), command.summary.isEmpty ? command.name : command.summary,
      parameters: parameters, body: command.schema,
      answers: .command(links).refusing(command.refusals)
    ) { request in
      try await writer.execute(
        [try command.make(request.body, "")], on: request.id(definition.ids), of: repository,
        for: request)
    }
    operation.isBodyRequired = !command.isBodyOptional
    operation.bodyExample = command.example
    return described(operation, as: command.operationID ?? command.name + noun, Self.once)
  }

  private var several: API.Operation {
    let choices = definition.commands.map { command in
      Schema.named(
        OperationNames.identifier([noun, command.name]),
        .object([.required(command.name, command.schema)]))
    }
    let schema = Schema.named(
      "\(noun)Commands",
      .object([
        .required("commands", .array(.named("\(noun)Command", .oneOf(choices)), minimum: 1))
      ]))
    let operation = API.Operation(
      .post, path("/commands"), "Several commands as one append: all of them or none",
      parameters: parameters, body: schema,
      answers: .command(links).refusing(definition.commands.flatMap(\.refusals))
    ) { request in
      try await writer.execute(
        try definition.list(request.body.span), on: request.id(definition.ids), of: repository,
        for: request, isList: true)
    }
    return described(
      operation, as: "execute\(noun)Commands",
      "Each is an object with one member, the command's name. What is refused says which of them is meant. "
        + Self.once)
  }

  // MARK: - Reads

  /// What a state that is `Codable` looks like.
  private static var stateSchema: Schema {
    guard !(Model.self is any JSONState.Type), Model.State.self is any Encodable.Type,
      let state = Model.State.self as? any Decodable.Type
    else { return .any }
    func schema<State: Decodable>(_ type: State.Type) -> Schema {
      Schema(Schema.shape(of: type).value, of: type)
    }
    return schema(state)
  }

  private var state: API.Operation {
    let operation = API.Operation(
      .get, path(""), "The state, as the events make it", isTagged: true,
      parameters: [.id(definition.ids)],
      answers: [
        API.Response(
          200, "The state",
          .named(
            "\(noun)State",
            .object([
              .required("id", .string(minimum: 1).example(.init(stringLiteral: exampleID))),
              .required("version", .integer(1...(1 << 62)).example(3)),
              .required("state", Self.stateSchema),
            ])
          )
        ).example(example?.state)
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
    return described(
      operation, as: "get\(noun)",
      "It is as of all commands that were answered before. The header `ETag` has its version, for `If-Match`."
    )
  }

  private var history: API.Operation {
    let operation = API.Operation(
      .get, path("/history"), "The events, all or a page of them",
      isTagged: true,
      parameters: [
        .id(definition.ids),
        .query("after", "Only the events after this version", .integer(0...(1 << 62))),
        .limit,
      ],
      answers: [
        API.Response(
          200, "The events, oldest first",
          .array(RecordJSON.schema)
        ).carrying(.link).example(
          .init(example?.records ?? [RecordJSON.example(of: streamName(exampleID))]))
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
    return described(
      operation, as: "get\(noun)History",
      "All of them without `limit`; with it a page, and the address of the next one in the header `Link`."
    )
  }

  private var exampleID: String { definition.ids.example }

  private static var once: String {
    "Sent again with the same `Idempotency-Key` it has its effect once, and is answered as at first. With `If-Match` it is carried out at that "
      + "version only. The answer's token, given to a query, lets that wait until the read model has applied the command."
  }

  static func unknown(_ id: String) -> RequestError {
    RequestError(kind: .notFound, "there is no '\(id)'")
  }
}
