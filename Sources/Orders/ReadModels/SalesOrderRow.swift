public import Eventually

/// What the read model **sales** keeps of an order: where it counts, and its newest lines.
public struct SalesOrderRow: ReadModelRow {
  /// The order's id.
  public var key: String
  /// The day that it counts for.
  public var day: String
  /// The country that it counts for.
  public var country: String
  /// Whether it is completed, and counted.
  public var isCounted = false
  /// How many full rows there are of its older lines, numbered from 0: ``SalesLinesRow``.
  public private(set) var fullRowCount: Count = 0
  /// Its newest lines, at most ``SalesLinesRow/capacity``.
  public private(set) var lines = SalesLines()

  /// An order without lines.
  public init(key: String, day: String, country: String) {
    self.key = key
    self.day = day
    self.country = country
  }

  /// The keys of the full rows.
  var fullRows: some Sequence<SalesLinesRow.Key> {
    (0..<fullRowCount.value).lazy.map { [key] in SalesLinesRow.Key(order: key, number: $0) }
  }

  /// Adds a line.
  /// - Returns: the lines before it as a row of their own, where they fill one.
  mutating func add(_ line: OrderLine) throws -> SalesLinesRow? {
    guard lines.all.count >= SalesLinesRow.capacity else {
      try lines.add(line)
      return nil
    }
    var newest = SalesLines()
    try newest.add(line)
    let full = SalesLinesRow(
      key: SalesLinesRow.Key(order: key, number: fullRowCount.value), lines: lines)
    fullRowCount = try fullRowCount.adding(1)
    lines = newest
    return full
  }

  /// The table.
  public static let schema = TableSchema(
    "sales_orders", key: [.text("id")],
    values: [
      .text("day"), .text("country"), .integer("counted"), .integer("full_rows"), .text("lines"),
    ], isShared: false)

  /// The columns after the id.
  public var values: [ColumnValue] {
    [
      .text(day), .text(country), .integer(isCounted ? 1 : 0), .count(fullRowCount),
      .text(lines.json),
    ]
  }

  /// A row from its columns.
  public init(key: String, values: [ColumnValue]) throws {
    self.key = key
    day = try values.text(0, of: Self.schema)
    country = try values.text(1, of: Self.schema)
    isCounted = try values.integer(2, of: Self.schema) == 1
    fullRowCount = try values.count(3, of: Self.schema)
    // Far more than an order can have: whoever walks over them comes to an end.
    guard 0...1_000_000 ~= fullRowCount else {
      throw RowError(table: Self.schema.name, reason: "\(fullRowCount.value) full rows")
    }
    lines = try SalesLines(
      json: try values.text(4, of: Self.schema), table: Self.schema, limit: SalesLinesRow.capacity)
  }
}

/// Older lines of an order in the read model **sales**.
public struct SalesLinesRow: ReadModelRow {
  /// How many lines a row has. Most orders have no more, and none of these rows.
  public static let capacity = 32

  /// An order, and which of its rows.
  public struct Key: Sendable, Hashable {
    /// The order's id.
    public var order: String
    /// From 0 on.
    public var number: Int64

    /// By their bytes, as in a database.
    public static func == (a: Key, b: Key) -> Bool {
      a.number == b.number && a.order.hasSameBytes(as: b.order)
    }
  }

  /// The order, and which of its rows.
  public var key: Key
  /// ``capacity`` lines.
  public var lines: SalesLines

  init(key: Key, lines: SalesLines) {
    self.key = key
    self.lines = lines
  }

  /// The table.
  public static let schema = TableSchema(
    "sales_order_lines", key: [.text("id"), .integer("number")], values: [.text("lines")],
    isShared: false)

  /// The columns of a key.
  public static func columns(of key: Key) -> [ColumnValue] {
    [.text(key.order), .integer(key.number)]
  }

  /// The key that columns are of.
  public static func key(from columns: [ColumnValue]) throws -> Key {
    Key(order: try columns.text(0, of: schema), number: try columns.integer(1, of: schema))
  }

  /// Keys are compared by their bytes already.
  public static func isSame(_ a: Key, _ b: Key) -> Bool { a == b }

  /// The columns after the key.
  public var values: [ColumnValue] { [.text(lines.json)] }

  /// A row from its columns.
  public init(key: Key, values: [ColumnValue]) throws {
    self.key = key
    lines = try SalesLines(
      json: try values.text(0, of: Self.schema), table: Self.schema, limit: Self.capacity)
  }
}

/// Lines of an order, kept as JSON in a row: `[["85123A","WHITE HANGING HEART",6,153000], …]`, amounts
/// in ten-thousandths.
public struct SalesLines: Sendable, Hashable {
  /// What an order counts for one product.
  public struct Line: Sendable, Hashable {
    /// The product.
    public var product: Product
    /// How many.
    public var units: Count
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
        product: Product(sku: line.sku, description: line.description), units: Count(line.quantity),
        revenue: try line.total))
  }

  /// Adds what the lines come to for each product. To each product, the order counts once.
  func add(to sums: inout [Product: SalesFigures]) throws {
    sums.reserveCapacity(all.count)
    for line in all {
      try sums[line.product, default: SalesFigures(orders: 1)].add(
        SalesFigures(revenue: line.revenue, units: line.units))
    }
  }

  /// The lines as JSON.
  var json: String {
    var writer = JSONWriter()
    writer.beginArray()
    for line in all {
      writer.beginArray()
      writer.string(line.product.sku)
      writer.string(line.product.description)
      writer.integer(line.units.value)
      writer.integer(line.revenue.tenThousandths)
      writer.endArray()
    }
    writer.endArray()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// Lines from JSON.
  init(json: String, table: TableSchema, limit: Int) throws {
    func fail(_ reason: String) -> RowError { RowError(table: table.name, reason: reason) }
    let bytes = Array(json.utf8)
    var reader = JSONReader(bytes.span)
    try reader.beginArray()
    while try reader.nextElement() {
      guard all.count < limit else { throw fail("there are more than \(limit) lines") }
      try reader.beginArray()
      guard try reader.nextElement() else { throw fail("a line has no stock-keeping unit") }
      let sku = try reader.string()
      guard try reader.nextElement() else { throw fail("a line has no description") }
      let description = try reader.string()
      guard try reader.nextElement(), let units = Count(exactly: try reader.integer()) else {
        throw fail("a line has no units, or too many")
      }
      guard try reader.nextElement(), let revenue = Money(exactly: try reader.integer()) else {
        throw fail("a line has no revenue, or too much")
      }
      guard try !reader.nextElement() else { throw fail("a line has too many parts") }
      all.append(
        Line(
          product: Product(sku: sku, description: description), units: units, revenue: revenue))
    }
    try reader.finish()
  }
}
