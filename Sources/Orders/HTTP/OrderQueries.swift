import Eventually
import EventuallyServer
import HTTPTypes

/// Queries of the read model **orders**.
struct OrderQueries: Component {
  func register(in registry: inout Registry) {
    registry.add(
      Query(
        "orders", of: OrdersReadModel.self, "The newest orders, of all customers or of one",
        parameters: [
          .limit, .cursor,
          .query(
            "customer", "Only this customer's",
            .string(minimum: 1, maximum: 100).example("marie")),
        ], answers: [.page("The orders", of: AnswerSchemas.order)]
      ) { request, reader in
        let limit = try request.limit()
        let place = try request.cursor(of: [.integer("time"), .text("id")])
        let customer = try request.parameter("customer")
        if let customer { try CustomerQueries.check(customer) }
        let orders = try await reader.read {
          try Self.newest($0, customer: customer, after: place, limit: limit)
        }
        return .page(orders, limit, of: request) { order in
          PageCursor([.integer(order.header.time.microseconds), .text(order.key)])
        } _: {
          $0.write(&$1)
        }
      })
    registry.add(
      Query(
        "orders/{id}", of: OrdersReadModel.self, "An order", parameters: [.orderID],
        answers: [
          API.Response(200, "The order", AnswerSchemas.order),
          API.Response(404, "The read model has no such order"),
        ]
      ) { request, reader in
        let id = try request.path("id")
        guard Order.isValid(id: id) else { throw OrderError.invalidID(id) }
        guard let order = try await reader.lookUp({ try Self.order($0, id: id) }) else {
          throw RequestError(.notFound, "the read model 'orders' has no order '\(id.prefix(80))'")
        }
        return JSONResponse { order.write(&$0) }
      })
  }

  private static let columns =
    "id, status, kind, customer, country, time, items, units, total FROM orders"

  static func order(_ database: any SQLRows, id: String) throws -> OrderRow? {
    try database.rows("SELECT \(columns) WHERE id = ?", [.text(id)], row).first
  }

  /// The newest orders first, of all customers or of one.
  /// - Parameters:
  ///   - place: the time and the id of the order after which to begin.
  ///   - limit: one more comes where there are more.
  static func newest(
    _ database: any SQLRows, customer: String?, after place: PageCursor? = nil, limit: Int
  ) throws -> [OrderRow] {
    var conditions: [String] = []
    var values: [ColumnValue] = []
    if let customer {
      conditions.append("customer = ?")
      values.append(.text(customer))
    }
    if let place {
      conditions.append("(time, id) < (?, ?)")
      values.append(contentsOf: place.values)
    }
    let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    values.append(.integer(Int64(limit)))
    return try database.rows(
      "SELECT \(columns)\(filter) ORDER BY time DESC, id DESC LIMIT 1 + ?", values, row)
  }

  private static func row(_ row: any SQLRow) throws -> OrderRow {
    try OrderRow(
      key: row.text(0), values: (1..<row.columnCount).map { row.value($0) })
  }
}

extension OrderRow {
  func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.key("id")
    json.string(key)
    json.key("status")
    json.string(status.rawValue)
    OrderBody.write(header, &json)
    json.key("items")
    json.integer(items.value)
    json.key("units")
    json.integer(units.value)
    json.key("total")
    json.string(total.description)
    json.endObject()
  }
}

extension API.Parameter {
  static let orderID = API.Parameter.path(
    "id", "The order's id", .string(pattern: IDRule.orders.pattern).example("tea-1"))
}
