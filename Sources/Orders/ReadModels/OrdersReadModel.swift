public import Eventually

/// The read model **orders**: each order's state, items and total.
public struct OrdersReadModel: ReadModel {
  /// The events that are applied.
  public typealias Event = OrderEvent
  /// `orders`.
  public let name = "orders"
  /// The version of its table.
  public let schemaVersion = 1
  /// Its table.
  public let tables: [any ReadModelRow.Type] = [OrderRow.self]

  /// The read model.
  public init() {}

  /// Applies an event.
  public func project(
    _ event: Persisted<String, OrderEvent>, into rows: Rows
  ) throws {
    try rows.update(OrderRow.self, event.streamID) { row in
      if case .created(let header) = event.event {
        row = OrderRow(key: event.streamID, header: header)
        return
      }
      guard var order = row else { throw OrphanEvent(streamID: event.streamID) }
      switch event.event {
      case .created: break
      case .itemAdded(let line):
        order.items = try order.items.adding(1)
        order.units = try order.units.adding(Count(line.quantity))
        order.total = try order.total.adding(try line.total)
      case .completed: order.status = .completed
      case .cancelled: order.status = .cancelled
      }
      row = order
    }
  }

  /// Forgets an order.
  public func forget(_ streamID: String, in rows: Rows) throws {
    try rows.delete(OrderRow.self, streamID)
  }
}

/// An event of an order whose beginning was never seen: something is missing before it.
public struct OrphanEvent: Error, Sendable, CustomStringConvertible {
  /// The order.
  public var streamID: String
  /// The message.
  public var description: String { "the order '\(streamID)' is not known to the read model" }
}

/// An order in the read model **orders**.
public struct OrderRow: ReadModelRow {
  /// The order's id.
  public var key: String
  /// How far it is.
  public var status: Order.Status = .open
  /// What it began with.
  public var header: OrderHeader
  /// How many lines it has.
  public var items: Count = 0
  /// The sum of its quantities.
  public var units: Count = 0
  /// The sum of its lines.
  public var total: Money = .zero

  /// An order without lines.
  public init(key: String, header: OrderHeader) {
    self.key = key
    self.header = header
  }

  /// The table.
  public static let schema = TableSchema(
    "orders", key: [.text("id")],
    values: [
      .text("status"), .text("kind"), .text("customer"), .text("country"), .integer("time"),
      .integer("items"), .integer("units"), .integer("total"),
    ], indexes: [["time", "id"], ["customer", "time", "id"]], isShared: false)

  /// The columns after the id.
  public var values: [ColumnValue] {
    [
      .text(status.rawValue), .text(header.kind.rawValue),
      header.customer.map { .text($0) } ?? .null, .text(header.country),
      .time(header.time), .count(items), .count(units), .money(total),
    ]
  }

  /// A row from its columns.
  public init(key: String, values: [ColumnValue]) throws {
    self.key = key
    let table = Self.schema
    guard let status = Order.Status(rawValue: try values.text(0, of: table)),
      let kind = OrderKind(rawValue: try values.text(1, of: table))
    else { throw RowError(table: table.name, reason: "an unknown status or kind") }
    self.status = status
    header = OrderHeader(
      customer: try values.optionalText(2, of: table), country: try values.text(3, of: table),
      kind: kind, time: try values.time(4, of: table))
    items = try values.count(5, of: table)
    units = try values.count(6, of: table)
    total = try values.money(7, of: table)
  }
}
