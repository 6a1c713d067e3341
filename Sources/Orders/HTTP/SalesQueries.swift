import Eventually
import EventuallyServer
import HTTPTypes

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

/// Queries of the read model **sales**.
struct SalesQueries: Component {
  func register(in registry: inout Registry) {
    registry.add(
      Query(
        "sales", of: SalesReadModel.self, "The sums over all days, countries and products",
        answers: [API.Response(200, "The sums", AnswerSchemas.sales)]
      ) { _, reader in
        let totals = try await reader.read { try Self.totals($0) }
        return JSONResponse { json in
          json.beginObject()
          json.key("days")
          totals.days.write(&json)
          json.key("countries")
          totals.countries.write(&json)
          json.key("products")
          // How many orders a product is in is no sum that means anything over products.
          totals.products.write(&json, withOrders: false)
          json.endObject()
        }
      })
    add(
      "sales/days", "The newest days", [.text("day")], Self.days, AnswerSchemas.day, to: &registry
    ) {
      if case .day(let day) = $0.subject { [.text(day)] } else { [] }
    }
    let byRevenue = [TableColumn.integer("revenue"), .text("country")]
    add(
      "sales/countries", "The countries with the largest revenue", byRevenue, Self.countries,
      AnswerSchemas.country, to: &registry
    ) {
      guard case .country(let country) = $0.subject else { return [] }
      return [.integer(Int64(clamping: $0.totals.revenue)), .text(country)]
    }
    add(
      "sales/products", "The products with the largest revenue",
      [.integer("high"), .integer("low"), .text("sku")], Self.products,
      AnswerSchemas.product, to: &registry
    ) {
      guard case .product(let product) = $0.subject else { return [] }
      let (high, low) = $0.totals.revenueHalves
      return [.integer(high), .integer(low), .text(product.sku)]
    }
  }

  /// A list in pages.
  /// - Parameters:
  ///   - order: what a place in the list is told by.
  ///   - find: the elements after a place, one more than are asked for where there are so many.
  ///   - place: the place after an element.
  private func add(
    _ path: String, _ summary: String, _ order: [TableColumn],
    _ find: @escaping @Sendable (any SQLRows, PageCursor?, Int) throws -> [SalesAnswer],
    _ schema: Schema, to registry: inout Registry,
    place: @escaping @Sendable (SalesAnswer) -> [ColumnValue]
  ) {
    registry.add(
      Query(
        path, of: SalesReadModel.self, summary, parameters: .page,
        answers: [API.Response(200, "The sums", .array(schema))]
      ) { request, reader in
        let limit = try request.limit()
        let cursor = try request.cursor(of: order)
        let found = try await reader.read { try find($0, cursor, limit) }
        return .page(found, limit, of: request) {
          PageCursor(place($0))
        } _: {
          $0.write(&$1)
        }
      })
  }

  /// The newest days first.
  @Sendable
  static func days(
    _ database: any SQLRows, after place: PageCursor? = nil, limit: Int
  ) throws -> [SalesAnswer] {
    try database.rows(
      """
      SELECT day, revenue, units, orders FROM sales_by_day \(place == nil ? "" : "WHERE day < ?")
      ORDER BY day DESC LIMIT ?
      """, (place?.values ?? []) + [.integer(Int64(limit + 1))]
    ) { SalesAnswer(subject: .day($0.text(0)), totals: SalesTotals($0, from: 1)) }
  }

  /// The countries with the largest revenue first.
  @Sendable
  static func countries(
    _ database: any SQLRows, after place: PageCursor? = nil, limit: Int
  ) throws -> [SalesAnswer] {
    try database.rows(
      """
      SELECT country, revenue, units, orders FROM sales_by_country
      \(place == nil ? "" : "WHERE (-revenue, country) > (-?, ?)")
      ORDER BY revenue DESC, country LIMIT ?
      """, (place?.values ?? []) + [.integer(Int64(limit + 1))]
    ) { SalesAnswer(subject: .country($0.text(0)), totals: SalesTotals($0, from: 1)) }
  }

  /// The products with the largest revenue first, each under the description that it was sold under most.
  @Sendable
  static func products(
    _ database: any SQLRows, after place: PageCursor? = nil, limit: Int
  ) throws -> [SalesAnswer] {
    try database.rows(
      """
      SELECT sku, \(SalesTotals.sums),
        (SELECT description FROM sales_by_product d WHERE d.sku = p.sku
         ORDER BY orders DESC, description LIMIT 1)
      FROM sales_by_product p GROUP BY sku \(place == nil ? "" : SalesTotals.afterPlace)
      ORDER BY \(SalesTotals.byRevenue), sku LIMIT ?
      """, (place?.values ?? []) + [.integer(Int64(limit + 1))]
    ) { row in
      SalesAnswer(
        subject: .product(Product(sku: row.text(0), description: row.text(7))),
        totals: SalesTotals(sums: row, from: 1))
    }
  }

  /// The sums of each of the three tables, which agree in revenue and units.
  static func totals(
    _ database: any SQLRows
  ) throws -> (days: SalesTotals, countries: SalesTotals, products: SalesTotals) {
    func sum(_ table: String) throws -> SalesTotals {
      try database.rows("SELECT \(SalesTotals.sums) FROM \(table)") {
        SalesTotals(sums: $0, from: 0)
      }[0]
    }
    return (
      try sum("sales_by_day"), try sum("sales_by_country"), try sum("sales_by_product")
    )
  }
}
