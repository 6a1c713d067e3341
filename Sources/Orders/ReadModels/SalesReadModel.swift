public import Eventually

/// The read model **sales**: revenue, units and orders by day, by country and by product.
///
/// An order counts from the moment it is completed. Until then, and so that it can be taken back when its stream
/// is removed, its lines are kept: the newest with the order, older ones in rows of a fixed number of lines, so that
/// what an event writes does not grow with the order.
public struct SalesReadModel: ReadModel {
  /// The events that are applied.
  public typealias Event = OrderEvent
  /// `sales`.
  public let name = "sales"
  /// The version of its tables.
  public let schemaVersion = 2
  /// Its tables.
  public let tables: [any ReadModelRow.Type] = [
    SalesOrderRow.self, SalesLinesRow.self, DayRow.self, CountryRow.self, ProductRow.self,
  ]

  /// The read model.
  public init() {}

  /// Applies an event.
  public func project(
    _ event: Persisted<String, OrderEvent>, into rows: Rows
  ) throws {
    switch event.event {
    case .created(let header):
      try rows.put(
        SalesOrderRow(
          key: event.streamID, day: header.time.utcDay, country: header.country))
    case .itemAdded(let line):
      var full: SalesLinesRow?
      try rows.update(SalesOrderRow.self, event.streamID) { row in
        if row == nil { throw OrphanEvent(streamID: event.streamID) }
        full = try row?.add(line)
      }
      if let full { try rows.put(full) }
    case .completed:
      guard var order = try rows.row(SalesOrderRow.self, event.streamID) else {
        throw OrphanEvent(streamID: event.streamID)
      }
      order.isCounted = true
      try rows.put(order)
      try count(order, isTakenBack: false, in: rows)
    case .cancelled:
      guard let order = try rows.row(SalesOrderRow.self, event.streamID) else { return }
      try delete(order, in: rows)
    }
  }

  /// Takes an order back.
  public func forget(_ streamID: String, in rows: Rows) throws {
    guard let order = try rows.row(SalesOrderRow.self, streamID) else { return }
    if order.isCounted { try count(order, isTakenBack: true, in: rows) }
    try delete(order, in: rows)
  }

  private func delete(_ order: SalesOrderRow, in rows: Rows) throws {
    for key in order.fullRows { try rows.delete(SalesLinesRow.self, key) }
    try rows.delete(SalesOrderRow.self, order.key)
  }

  private func count(_ order: SalesOrderRow, isTakenBack: Bool, in rows: Rows) throws {
    var whole = SalesFigures(orders: 1)
    for (product, figures) in try figuresByProduct(order, in: rows) {
      try whole.add(SalesFigures(revenue: figures.revenue, units: figures.units))
      try add(isTakenBack ? -figures : figures, to: ProductRow.self, product, in: rows)
    }
    if isTakenBack { whole = -whole }
    try add(whole, to: DayRow.self, order.day, in: rows)
    try add(whole, to: CountryRow.self, order.country, in: rows)
  }

  /// What an order's lines come to for each product.
  private func figuresByProduct(
    _ order: SalesOrderRow, in rows: Rows
  ) throws -> [Product: SalesFigures] {
    var sums: [Product: SalesFigures] = [:]
    try order.lines.add(to: &sums)
    for key in order.fullRows {
      guard let row = try rows.row(SalesLinesRow.self, key) else {
        throw RowError(
          table: SalesLinesRow.schema.name,
          reason: "the row \(key.number) of the order '\(key.order)' is missing")
      }
      try row.lines.add(to: &sums)
    }
    return sums
  }

  private func add<Row: SalesRow>(
    _ figures: SalesFigures, to type: Row.Type, _ key: Row.Key, in rows: Rows
  ) throws {
    try rows.update(type, key) { row in
      var sum = row?.figures ?? SalesFigures()
      try sum.add(figures)
      if sum.orders == 0 {
        // A day (or country, or product) from which all orders have been taken back is as if it had never been.
        row = nil
      } else if row == nil {
        row = Row(key: key, figures: sum)
      } else {
        row?.figures = sum
      }
    }
  }
}

/// Sums over orders.
public struct SalesFigures: Sendable, Hashable {
  /// The sum of quantity times price.
  public var revenue: Money = .zero
  /// The sum of quantities.
  public var units: Count = 0
  /// How many orders.
  public var orders: Count = 0

  /// Sums, zero where they are left out.
  public init(revenue: Money = .zero, units: Count = 0, orders: Count = 0) {
    self.revenue = revenue
    self.units = units
    self.orders = orders
  }

  mutating func add(_ other: SalesFigures) throws(AmountOverflow) {
    self = SalesFigures(
      revenue: try revenue.adding(other.revenue), units: try units.adding(other.units),
      orders: try orders.adding(other.orders))
  }

  static prefix func - (figures: SalesFigures) -> SalesFigures {
    SalesFigures(revenue: -figures.revenue, units: -figures.units, orders: -figures.orders)
  }
}

/// A row of sums.
public protocol SalesRow: ReadModelRow {
  /// The sums.
  var figures: SalesFigures { get set }
  /// A row from its key and its sums.
  init(key: Key, figures: SalesFigures)
}

extension SalesRow {
  fileprivate static var figureColumns: [TableColumn] {
    [.integer("revenue"), .integer("units"), .integer("orders")]
  }

  /// The columns after the key.
  public var values: [ColumnValue] {
    [.money(figures.revenue), .count(figures.units), .count(figures.orders)]
  }

  /// A row from its columns.
  public init(key: Key, values: [ColumnValue]) throws {
    let table = Self.schema
    self.init(
      key: key,
      figures: SalesFigures(
        revenue: try values.money(0, of: table), units: try values.count(1, of: table),
        orders: try values.count(2, of: table)))
  }
}

/// The sales of a day, in UTC.
public struct DayRow: SalesRow {
  /// The day, as `2026-11-23`.
  public var key: String
  /// Its sums.
  public var figures: SalesFigures

  /// A day with its sums.
  public init(key: String, figures: SalesFigures) {
    self.key = key
    self.figures = figures
  }

  /// The table.
  public static let schema = TableSchema(
    "sales_by_day", key: [.text("day")], values: figureColumns)
}

/// The sales to a country.
public struct CountryRow: SalesRow {
  /// The country.
  public var key: String
  /// Its sums.
  public var figures: SalesFigures

  /// A country with its sums.
  public init(key: String, figures: SalesFigures) {
    self.key = key
    self.figures = figures
  }

  /// The table.
  public static let schema = TableSchema(
    "sales_by_country", key: [.text("country")], values: figureColumns)
}

/// A product under one of its descriptions. A product's figures are the sums over its descriptions.
public struct Product: Sendable, Hashable {
  /// The stock-keeping unit's code.
  public var sku: String
  /// What it is called.
  public var description: String

  /// A product under a description.
  public init(sku: String, description: String) {
    self.sku = sku
    self.description = description
  }

  /// By their bytes, as in a database.
  public static func == (a: Product, b: Product) -> Bool {
    a.sku.hasSameBytes(as: b.sku) && a.description.hasSameBytes(as: b.description)
  }
}

/// The sales of a product under one description.
public struct ProductRow: SalesRow {
  /// The product and its description.
  public var key: Product
  /// Its sums.
  public var figures: SalesFigures

  /// A product with its sums.
  public init(key: Product, figures: SalesFigures) {
    self.key = key
    self.figures = figures
  }

  /// The table.
  public static let schema = TableSchema(
    "sales_by_product", key: [.text("sku"), .text("description")], values: figureColumns)

  /// The columns of a key.
  public static func columns(of key: Product) -> [ColumnValue] {
    [.text(key.sku), .text(key.description)]
  }

  /// The key that columns are of.
  public static func key(from columns: [ColumnValue]) throws -> Product {
    Product(
      sku: try columns.text(0, of: schema), description: try columns.text(1, of: schema))
  }

  /// Products are compared by their bytes already.
  public static func isSame(_ a: Product, _ b: Product) -> Bool { a == b }
}
