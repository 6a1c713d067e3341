import Eventually
import EventuallySQLite
import HTTPTypes
import Hummingbird
import Orders

extension WriterRoutes {
  /// The writer's interface.
  func api(token: BearerToken?, heartbeats: Heartbeats) -> API {
    var api = API(
      title: "Eventually: writer of orders",
      summary: "Commands on orders, the orders themselves, and the feed of their events.",
      token: token)
    addCommands(to: &api)
    addReads(to: &api)
    RemovalRoutes(self).add(to: &api)
    api.addHealth(heartbeats)
    api.addMetrics(.shared)
    api.add(
      API.Operation(
        method: .get, path: "/readyz",
        summary: "Whether commands can be taken, and how far publishing is", isVital: true,
        answers: [API.Answer(200, "Ready"), API.Answer(503, "Not ready, with the reasons")],
        handler: readiness))
    return api
  }

  static let orderIDSchema = Schema.string(pattern: "^[A-Za-z0-9._-]{1,64}$")
  static let orderID = API.Parameter.path("id", "The order's id", orderIDSchema)

  private static let header = Schema.object([
    .required("country", .string(minimum: 1, maximum: 100)),
    .optional("customer", .oneOf([.string(minimum: 1, maximum: 100), .null])),
    .optional("kind", .string(values: ["sale", "return", "adjustment"])),
    .optional("time", .string(format: "date-time")),
  ])
  private static let line = Schema.object([
    .required("sku", .string(minimum: 1, maximum: 100)),
    .optional("description", .string(maximum: 1000)),
    .required("quantity", .integer(-1_000_000...1_000_000)),
    .required("unitPrice", .string(pattern: "^-?[0-9]{1,8}([.][0-9]{1,4})?$")),
  ])
  private static let order = Schema.object([
    .required("id", orderIDSchema), .required("version", .integer(1...(1 << 62))),
    .required("status", .string(values: ["open", "completed", "cancelled"])),
    .required("country", .string(minimum: 1)), .optional("customer", .string(minimum: 1)),
    .required("kind", .string(values: ["sale", "return", "adjustment"])),
    .required("time", .string(format: "date-time")),
    .optional("cancellation", .string(minimum: 1)), .required("total", .string(minimum: 1)),
    .required("items", .array(line)),
  ])
  private static let cancellation = Schema.object([
    .optional("reason", .string(minimum: 1, maximum: 200))
  ])
  private static let empty = Schema.object([])

  private static let commandAnswers = [
    API.Answer(
      200, "Done: the order's new version, and the token of the place in its partition",
      .object([
        .required("order", orderIDSchema), .required("version", .integer(0...(1 << 62))),
        .optional("sequenceNumber", .integer(1...(1 << 62))),
        .optional("token", .string(pattern: "^[0-9]+-[0-9]+$")),
      ])),
    API.Answer(403, "The request comes from a page of another origin"),
    API.Answer(404, "There is no such order"),
    API.Answer(413, "The body is too large, or an event of it is larger than the topic takes"),
    API.Answer(415, "There is a body, and it is not said to be JSON"),
    API.Answer(
      409,
      "The order is not in a state for this, not at the expected version, or as large as may be"),
    API.Answer(422, "A member is missing or not what it has to be"),
    API.Answer(507, "No space is left for events"),
  ]

  private func addCommands(to api: inout API) {
    for (path, name, summary, body) in [
      ("create", "create", "Place an order", Self.header),
      ("add-item", "addItem", "Add a line to an open order", Self.line),
      ("complete", "complete", "Make an order final", Self.empty),
      ("cancel", "cancel", "Give an order up", Self.cancellation),
    ] {
      api.add(
        API.Operation(
          method: .post, path: "/orders/{id}/\(path)", summary: summary, isProtected: true,
          parameters: [Self.orderID] + API.contextParameters, body: body,
          answers: Self.commandAnswers
        ) { request, context in try await command(name, request, context) })
    }
    let several = Schema.object([
      .optional("expectedVersion", .integer(0...1_000_000)),
      .required(
        "commands",
        .array(
          .oneOf([
            .object([.required("create", Self.header)]),
            .object([.required("addItem", Self.line)]),
            .object([.required("complete", Self.empty)]),
            .object([.required("cancel", Self.cancellation)]),
          ]), minimum: 1)),
    ])
    api.add(
      API.Operation(
        method: .post, path: "/orders/{id}/commands",
        summary: "Several commands as one append: all of them or none", isProtected: true,
        parameters: [Self.orderID] + API.contextParameters, body: several,
        answers: Self.commandAnswers, handler: commands))
  }

  private func addReads(to api: inout API) {
    let refusals = [
      API.Answer(404, "There is no such order"), API.Answer(422, "The id can't name an order"),
    ]
    api.add(
      API.Operation(
        method: .get, path: "/orders/{id}", summary: "An order, as its events make it",
        isProtected: true, parameters: [Self.orderID],
        answers: [API.Answer(200, "The order", Self.order)] + refusals, handler: order))
    api.add(
      API.Operation(
        method: .get, path: "/orders/{id}/history", summary: "An order's events",
        isProtected: true, parameters: [Self.orderID],
        answers: [
          API.Answer(
            200, "The events, oldest first",
            .array(
              .object([
                .required("id", .string(format: "uuid")), .required("type", .string(minimum: 1)),
                .required("stream", Self.orderIDSchema),
                .required("version", .integer(1...(1 << 62))),
                .required("sequenceNumber", .integer(1...(1 << 62))),
                .required("time", .string(format: "date-time")),
              ]), minimum: 1))
        ] + refusals, handler: history))
    api.add(
      API.Operation(
        method: .get, path: "/events",
        summary: "The event feed, one event a line: of a partition, or of the whole store",
        isProtected: true,
        parameters: [
          .query(
            "partition", "Only this partition's", .integer(0...Int64(store.partitionCount) - 1)),
          .query(
            "partitions",
            "Only these partitions', separated by commas, in the store's order; goes before 'partition'",
            .array(.integer(0...Int64(store.partitionCount) - 1), minimum: 1)),
          .query(
            "after", "The position, in the partition or in the store, after which to begin",
            .integer(0...(1 << 62))),
          .query("limit", "At most this many events", .integer(1...10_000)),
          .query("store", "The id of the store that is meant", .string(maximum: 80)),
        ],
        answers: [
          API.Answer(200, "Events", contentType: "application/x-ndjson"),
          API.Answer(409, "This is another store"),
        ], handler: events))
    api.add(
      API.Operation(
        method: .get, path: "/store", summary: "The store's id, partitions and heads",
        isProtected: true, answers: [API.Answer(200, "The store")]
      ) { _, _ in
        let summary = try await summary()
        return Reply { summary.write(&$0) }
      })
  }
}
