import Eventually
import EventuallyServer
import HTTPTypes

/// A customer with the first and the last order.
struct CustomerAnswer: Sendable {
  struct OrderReference: Sendable {
    var id: String
    var time: Timestamp
  }

  var row: CustomerRow
  var first: OrderReference?
  var last: OrderReference?

  func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.key("customer")
    json.string(row.key)
    json.key("orders")
    json.integer(row.orders.value)
    json.key("revenue")
    json.string(row.revenue.description)
    if let first {
      json.key("firstOrder")
      first.write(&json)
    }
    if let last {
      json.key("lastOrder")
      last.write(&json)
    }
    json.endObject()
  }
}

extension CustomerAnswer.OrderReference {
  fileprivate func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.key("id")
    json.string(id)
    json.key("time")
    json.plainString { time.append(to: &$0) }
    json.endObject()
  }
}

/// Queries of the read model **customers**.
struct CustomerQueries: Component {
  func register(in registry: inout Registry) {
    registry.add(
      Query(
        "customers", of: CustomersReadModel.self, "The customers with the largest revenue",
        parameters: .page, answers: [.page("The customers", of: AnswerSchemas.customer)]
      ) { request, reader in
        let limit = try request.limit()
        let place = try request.cursor(of: [.integer("revenue"), .text("id")])
        let customers = try await reader.read { try Self.top($0, after: place, limit: limit) }
        return .page(customers, limit, of: request) { customer in
          PageCursor([customer.row.values[1], .text(customer.row.key)])
        } _: {
          $0.write(&$1)
        }
      })
    registry.add(
      Query(
        "customers/{id}", of: CustomersReadModel.self, "A customer",
        parameters: [
          .path("id", "The customer's id", .string(minimum: 1, maximum: 100).example("marie"))
        ],
        answers: [
          API.Response(200, "The customer", AnswerSchemas.customer),
          API.Response(404, "The read model has no such customer"),
        ]
      ) { request, reader in
        let id = try request.path("id")
        try Self.check(id)
        guard let found = try await reader.lookUp({ try Self.customer($0, id: id) }) else {
          throw RequestError(
            .notFound, "the read model 'customers' has no customer '\(id.prefix(80))'")
        }
        return JSONResponse { found.write(&$0) }
      })
  }

  static func check(_ id: String) throws {
    guard (1...100).contains(id.utf8.count) else {
      throw RequestError(.unprocessableContent, "a customer's id has 1 to 100 bytes")
    }
  }

  private static let columns = "id, orders, revenue FROM customers"

  /// The customers with the largest revenue first.
  /// - Parameters:
  ///   - place: the revenue and the id of the customer after whom to begin.
  ///   - limit: one more comes where there are more.
  static func top(
    _ database: any SQLRows, after place: PageCursor? = nil, limit: Int
  ) throws -> [CustomerAnswer] {
    var filter = ""
    var values: [ColumnValue] = []
    if let place {
      filter = "WHERE revenue <= ? AND (revenue < ? OR id > ?)"
      values = [place.values[0], place.values[0], place.values[1]]
    }
    values.append(.integer(Int64(limit)))
    let rows = try database.rows(
      "SELECT \(columns) \(filter) ORDER BY revenue DESC, id LIMIT 1 + ?", values, row)
    return try rows.map { try answer($0, database) }
  }

  static func customer(_ database: any SQLRows, id: String) throws -> CustomerAnswer? {
    try database.rows("SELECT \(columns) WHERE id = ?", [.text(id)], row).first.map {
      try answer($0, database)
    }
  }

  private static func row(_ row: any SQLRow) throws -> CustomerRow {
    try CustomerRow(key: row.text(0), values: [row.value(1), row.value(2)])
  }

  private static func answer(
    _ row: CustomerRow, _ database: any SQLRows
  ) throws -> CustomerAnswer {
    func order(_ direction: String) throws -> CustomerAnswer.OrderReference? {
      try database.rows(
        """
        SELECT id, time FROM customer_orders WHERE customer = ? AND counted = 1
        ORDER BY time \(direction), id \(direction) LIMIT 1
        """, [.text(row.key)]
      ) {
        CustomerAnswer.OrderReference(
          id: $0.text(0), time: Timestamp(microseconds: $0.integer(1)))
      }.first
    }
    return CustomerAnswer(row: row, first: try order("ASC"), last: try order("DESC"))
  }
}
