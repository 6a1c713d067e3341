public import Eventually

/// What the read model **sales** keeps of an order: what it counts for, and where.
public struct SalesOrderRow: ReadModelRow {
  /// The order's id.
  public var key: String
  /// The day that it counts for.
  public var day: String
  /// The country that it counts for.
  public var country: String
  /// Whether it is completed, and counted.
  public var isCounted = false
  /// What it counts for each product.
  public var lines = SalesLines()

  /// An order without lines.
  public init(key: String, day: String, country: String) {
    self.key = key
    self.day = day
    self.country = country
  }

  /// The table.
  public static let schema = TableSchema(
    "sales_orders", key: [.text("id")],
    values: [.text("day"), .text("country"), .integer("counted"), .text("lines")])

  /// The columns after the id.
  public var values: [ColumnValue] {
    [.text(day), .text(country), .integer(isCounted ? 1 : 0), .text(lines.json)]
  }

  /// A row from its columns.
  public init(key: String, values: [ColumnValue]) throws {
    self.key = key
    day = try values.text(0, of: Self.schema)
    country = try values.text(1, of: Self.schema)
    isCounted = try values.integer(2, of: Self.schema) == 1
    lines = try SalesLines(json: try values.text(3, of: Self.schema))
  }
}

/// An order's lines, kept as JSON in the order's row: `[["85123A","WHITE HANGING HEART",6,153000], …]`, amounts
/// in ten-thousandths.
public struct SalesLines: Sendable, Hashable {
  /// What an order counts for one product.
  public struct Line: Sendable, Hashable {
    /// The product.
    public var product: Product
    /// How many.
    public var units: Int64
    /// What they came to.
    public var revenue: Money
  }

  /// The lines, in the order in which they were added.
  public private(set) var all: [Line] = []

  /// No lines.
  public init() {}

  /// Adds an order's line.
  mutating func add(_ line: OrderLine) throws {
    all.append(
      Line(
        product: Product(sku: line.sku, description: line.description), units: line.quantity,
        revenue: try line.total))
  }

  /// What the lines come to for each product.
  func figuresByProduct() throws -> [Product: SalesFigures] {
    var sums: [Product: SalesFigures] = [:]
    sums.reserveCapacity(all.count)
    for line in all {
      try sums[line.product, default: SalesFigures(orders: 1)].add(
        SalesFigures(revenue: line.revenue, units: line.units))
    }
    return sums
  }

  /// The lines as JSON.
  var json: String {
    var writer = JSONWriter()
    writer.beginArray()
    for line in all {
      writer.beginArray()
      writer.string(line.product.sku)
      writer.string(line.product.description)
      writer.integer(line.units)
      writer.integer(line.revenue.tenThousandths)
      writer.endArray()
    }
    writer.endArray()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// Lines from JSON.
  init(json: String) throws {
    let bytes = Array(json.utf8)
    var reader = JSONReader(bytes.span)
    try reader.beginArray()
    while try reader.nextElement() {
      try reader.beginArray()
      _ = try reader.nextElement()
      let sku = try reader.string()
      _ = try reader.nextElement()
      let description = try reader.string()
      _ = try reader.nextElement()
      let units = try reader.integer()
      _ = try reader.nextElement()
      let revenue = try reader.integer()
      guard try !reader.nextElement() else {
        throw RowError(table: SalesOrderRow.schema.name, reason: "a line has too many parts")
      }
      all.append(
        Line(
          product: Product(sku: sku, description: description), units: units,
          revenue: Money(tenThousandths: revenue)))
    }
    try reader.finish()
  }
}
