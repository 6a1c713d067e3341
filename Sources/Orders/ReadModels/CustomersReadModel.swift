public import Eventually

/// The read model **customers**: orders and revenue of each customer, and the first and the last order.
///
/// Orders count from the moment they are completed; orders without a customer do not count here. The first and
/// the last order are looked up among the customer's orders, so that an order can be taken back.
public struct CustomersReadModel: ReadModel {
  /// The events that are applied.
  public typealias Event = OrderEvent
  /// `customers`.
  public let name = "customers"
  /// The version of its tables.
  public let schemaVersion = 1
  /// Its tables.
  public let tables: [any ReadModelRow.Type] = [CustomerRow.self, CustomerOrderRow.self]

  /// The read model.
  public init() {}

  /// Applies an event.
  public func project(
    _ event: Persisted<String, OrderEvent>, into rows: Rows
  ) throws {
    switch event.event {
    case .created(let header):
      guard let customer = header.customer else { return }
      try rows.put(
        CustomerOrderRow(key: event.streamID, customer: customer, time: header.time))
    case .itemAdded(let line):
      let total = try line.total
      try rows.update(CustomerOrderRow.self, event.streamID) { row in
        guard let order = row else { return }
        row?.revenue = try order.revenue.adding(total)
      }
    case .completed:
      guard var order = try rows.row(CustomerOrderRow.self, event.streamID) else { return }
      order.isCounted = true
      try rows.put(order)
      try count(1, order.revenue, of: order.customer, in: rows)
    case .cancelled:
      try rows.delete(CustomerOrderRow.self, event.streamID)
    }
  }

  /// Takes an order back.
  public func forget(_ streamID: String, in rows: Rows) throws {
    guard let order = try rows.row(CustomerOrderRow.self, streamID) else { return }
    if order.isCounted { try count(-1, -order.revenue, of: order.customer, in: rows) }
    try rows.delete(CustomerOrderRow.self, streamID)
  }

  private func count(
    _ orders: Count, _ revenue: Money, of customer: String, in rows: Rows
  ) throws {
    try rows.update(CustomerRow.self, customer) { row in
      var sums = row ?? CustomerRow(key: customer)
      sums.orders = try sums.orders.adding(orders)
      sums.revenue = try sums.revenue.adding(revenue)
      row = sums.orders == 0 ? nil : sums
    }
  }
}

/// A customer in the read model **customers**.
public struct CustomerRow: ReadModelRow {
  /// The customer.
  public var key: String
  /// How many orders.
  public var orders: Count = 0
  /// What they came to.
  public var revenue: Money = .zero

  /// A customer without orders.
  public init(key: String) {
    self.key = key
  }

  /// The table.
  public static let schema = TableSchema(
    "customers", key: [.text("id")], values: [.integer("orders"), .integer("revenue")],
    indexes: [["revenue"]])

  /// The columns after the id.
  public var values: [ColumnValue] { [.count(orders), .money(revenue)] }

  /// A row from its columns.
  public init(key: String, values: [ColumnValue]) throws {
    self.key = key
    orders = try values.count(0, of: Self.schema)
    revenue = try values.money(1, of: Self.schema)
  }
}

/// An order of a customer in the read model **customers**.
public struct CustomerOrderRow: ReadModelRow {
  /// The order's id.
  public var key: String
  /// Who ordered.
  public var customer: String
  /// When.
  public var time: Timestamp
  /// Whether it is completed, and counted.
  public var isCounted = false
  /// What it came to.
  public var revenue: Money = .zero

  /// An order without lines.
  public init(key: String, customer: String, time: Timestamp) {
    self.key = key
    self.customer = customer
    self.time = time
  }

  /// The table.
  public static let schema = TableSchema(
    "customer_orders", key: [.text("id")],
    values: [.text("customer"), .integer("time"), .integer("counted"), .integer("revenue")],
    indexes: [["customer", "counted", "time", "id"]], isShared: false)

  /// The columns after the id.
  public var values: [ColumnValue] {
    [
      .text(customer), .time(time), .integer(isCounted ? 1 : 0), .money(revenue),
    ]
  }

  /// A row from its columns.
  public init(key: String, values: [ColumnValue]) throws {
    self.key = key
    customer = try values.text(0, of: Self.schema)
    time = try values.time(1, of: Self.schema)
    isCounted = try values.integer(2, of: Self.schema) == 1
    revenue = try values.money(3, of: Self.schema)
  }
}
