import Eventually
import EventuallySQLite
import Orders

/// Queries on the read model **orders**.
enum OrderQueries {
  private static let columns =
    "id, status, kind, customer, country, time, items, units, total FROM orders"

  static func order(_ connection: SQLiteConnection, id: String) throws -> OrderRow? {
    try connection.rows("SELECT \(columns) WHERE id = ?", [.text(id)], row).first
  }

  /// The newest orders first, of all customers or of one.
  static func newest(
    _ connection: SQLiteConnection, customer: String?, limit: Int64
  ) throws -> [OrderRow] {
    let order = "ORDER BY time DESC, id DESC LIMIT ?"
    guard let customer else {
      return try connection.rows("SELECT \(columns) \(order)", [.integer(limit)], row)
    }
    return try connection.rows(
      "SELECT \(columns) WHERE customer = ? \(order)", [.text(customer), .integer(limit)], row)
  }

  private static func row(_ statement: SQLiteStatement) throws -> OrderRow {
    try OrderRow(
      key: statement.text(0), values: (1..<statement.columnCount).map { statement.value($0) })
  }
}

extension OrderRow {
  func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.key("id")
    json.string(key)
    json.key("status")
    json.string(status.rawValue)
    OrderEventCodec.write(header, &json)
    json.key("items")
    json.integer(items.value)
    json.key("units")
    json.integer(units.value)
    json.key("total")
    json.string(total.description)
    json.endObject()
  }
}

/// A day, a country or a product with its sums.
struct SalesAnswer: Sendable {
  enum Subject: Sendable {
    case day(String)
    case country(String)
    case product(Product)
  }

  var subject: Subject
  var totals: SalesTotals

  func write(_ json: inout JSONWriter) {
    json.beginObject()
    switch subject {
    case .day(let day):
      json.key("day")
      json.string(day)
    case .country(let country):
      json.key("country")
      json.string(country)
    case .product(let product):
      json.key("sku")
      json.string(product.sku)
      json.key("description")
      json.string(product.description)
    }
    totals.writeMembers(&json, withOrders: true)
    json.endObject()
  }
}

/// Queries on the read model **sales**.
enum SalesQueries {
  /// The newest days first.
  @Sendable
  static func days(_ connection: SQLiteConnection, limit: Int64) throws -> [SalesAnswer] {
    try connection.rows(
      "SELECT day, revenue, units, orders FROM sales_by_day ORDER BY day DESC LIMIT ?",
      [.integer(limit)]
    ) { SalesAnswer(subject: .day($0.text(0)), totals: SalesTotals($0, from: 1)) }
  }

  /// The countries with the largest revenue first.
  @Sendable
  static func countries(_ connection: SQLiteConnection, limit: Int64) throws -> [SalesAnswer] {
    try connection.rows(
      """
      SELECT country, revenue, units, orders FROM sales_by_country
      ORDER BY revenue DESC, country LIMIT ?
      """, [.integer(limit)]
    ) { SalesAnswer(subject: .country($0.text(0)), totals: SalesTotals($0, from: 1)) }
  }

  /// The products with the largest revenue first, each under the description that it was sold under most.
  @Sendable
  static func products(_ connection: SQLiteConnection, limit: Int64) throws -> [SalesAnswer] {
    try connection.rows(
      """
      SELECT sku, \(SalesTotals.sums),
        (SELECT description FROM sales_by_product d WHERE d.sku = p.sku
         ORDER BY orders DESC, description LIMIT 1)
      FROM sales_by_product p GROUP BY sku ORDER BY \(SalesTotals.byRevenue), sku LIMIT ?
      """, [.integer(limit)]
    ) { row in
      SalesAnswer(
        subject: .product(Product(sku: row.text(0), description: row.text(7))),
        totals: SalesTotals(sums: row, from: 1))
    }
  }

  /// The sums of each of the three tables, which agree in revenue and units.
  static func totals(
    _ connection: SQLiteConnection
  ) throws -> (days: SalesTotals, countries: SalesTotals, products: SalesTotals) {
    func sum(_ table: String) throws -> SalesTotals {
      try connection.rows("SELECT \(SalesTotals.sums) FROM \(table)") {
        SalesTotals(sums: $0, from: 0)
      }[0]
    }
    return (
      try sum("sales_by_day"), try sum("sales_by_country"), try sum("sales_by_product")
    )
  }
}

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

/// Queries on the read model **customers**.
enum CustomerQueries {
  private static let columns = "id, orders, revenue FROM customers"

  /// The customers with the largest revenue first.
  static func top(_ connection: SQLiteConnection, limit: Int64) throws -> [CustomerAnswer] {
    let rows = try connection.rows(
      "SELECT \(columns) ORDER BY revenue DESC, id LIMIT ?", [.integer(limit)], row)
    return try rows.map { try answer($0, connection) }
  }

  static func customer(_ connection: SQLiteConnection, id: String) throws -> CustomerAnswer? {
    try connection.rows("SELECT \(columns) WHERE id = ?", [.text(id)], row).first.map {
      try answer($0, connection)
    }
  }

  private static func row(_ statement: SQLiteStatement) throws -> CustomerRow {
    try CustomerRow(key: statement.text(0), values: [statement.value(1), statement.value(2)])
  }

  private static func answer(
    _ row: CustomerRow, _ connection: SQLiteConnection
  ) throws -> CustomerAnswer {
    func order(_ direction: String) throws -> CustomerAnswer.OrderReference? {
      try connection.rows(
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
