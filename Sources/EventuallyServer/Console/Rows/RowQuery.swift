import Eventually

/// The SQL that reads a part of a read model's table, in an order, with what bounds it.
struct RowQuery: Sendable, Hashable {
  /// A column that orders.
  struct Order: Sendable, Hashable {
    var column: TableColumn
    var isDescending = false
  }

  /// A statement.
  struct Statement: Sendable, Hashable {
    var sql: String
    var values: [ColumnValue] = []
  }

  let table: TableSchema
  let dialect: SQLDialect
  /// Before the key.
  var order: Order?
  /// Of a longer text, so many characters are read; `nil` for all. What the order goes by is read whole.
  var textLimit: Int?

  /// By these columns in turn.
  private var orders: [Order] {
    let key = table.key.map { Order(column: $0) }
    guard let order else { return key }
    return [order] + key.filter { $0.column != order.column }
  }

  /// What tells where a row is in the order: its columns that the order goes by.
  func place(of row: [ColumnValue]) -> [ColumnValue] {
    orders.compactMap { order in
      table.columns.firstIndex(of: order.column).map { row[$0] }
    }
  }

  /// Whether a place is one of this order.
  func isPlace(_ values: [ColumnValue]) -> Bool {
    values.count == orders.count
      && zip(values, orders).allSatisfy { value, order in
        switch (value, order.column.kind) {
        case (.null, _), (.integer, .integer): true
        // No text of PostgreSQL has it.
        case (.text(let text), .text): dialect != .postgres || !text.utf8.contains(0)
        default: false
        }
      }
  }

  /// Rows in the order.
  /// - Parameters:
  ///   - place: only those after it, see ``place(of:)``.
  ///   - first: only those whose first column of the order is that or comes later; of use where there is no place.
  ///   - skipped: leaves out so many, where a place may not be told.
  func rows(
    after place: [ColumnValue]? = nil, from first: ColumnValue? = nil, skipping skipped: Int = 0,
    limit: Int
  ) -> Statement {
    let whole = orders.map(\.column)
    let columns = table.columns.map { column in
      let name = Self.quoted(column.name)
      guard let textLimit, column.kind == .text, !whole.contains(column) else { return name }
      return "substr(\(name), 1, \(textLimit))"
    }.joined(separator: ", ")
    var statement = Statement(sql: "SELECT \(columns) FROM \(Self.quoted(table.name))")
    var terms: [String] = []
    if let place { terms.append(contentsOf: after(place, &statement.values)) }
    if let first, let order = orders.first {
      terms.append("\(Self.quoted(order.column.name)) >= ?")
      statement.values.append(first)
    }
    if !terms.isEmpty { statement.sql += " WHERE " + terms.joined(separator: " AND ") }
    statement.sql += " ORDER BY " + orders.map(self.term).joined(separator: ", ") + " LIMIT ?"
    statement.values.append(.integer(Int64(limit)))
    if skipped > 0 {
      statement.sql += " OFFSET ?"
      statement.values.append(.integer(Int64(skipped)))
    }
    return statement
  }

  /// How many rows the table has, `limit` at most.
  func count(limit: Int) -> Statement {
    Statement(
      sql:
        "SELECT count(*) FROM (SELECT 1 FROM \(Self.quoted(table.name)) LIMIT ?) AS counted",
      values: [.integer(Int64(limit))])
  }

  /// Whether an index has the order, so that a page of a large table is found at once.
  var isIndexed: Bool {
    guard let order else { return true }
    return table.key.first == order.column
      || table.indexes.contains { $0.first == order.column.name }
  }

  /// The columns that an index begins with.
  var indexedColumns: [String] {
    var names: [String] = []
    for name in [table.key.first?.name].compactMap({ $0 }) + table.indexes.compactMap(\.first)
    where !names.contains(name) { names.append(name) }
    return names
  }

  /// What holds nothing comes first. A key's columns always hold something, and nothing is said of it there: so the order is that of the
  /// key's index.
  private func term(_ order: Order) -> String {
    let nulls =
      dialect == .sqlite || table.key.contains(order.column)
      ? "" : order.isDescending ? " NULLS LAST" : " NULLS FIRST"
    return Self.quoted(order.column.name) + (order.isDescending ? " DESC" : "") + nulls
  }

  /// The first column in which a row differs from the place is beyond it.
  private func after(_ place: [ColumnValue], _ values: inout [ColumnValue]) -> [String] {
    var alternatives: [String] = []
    for (index, order) in orders.enumerated() where index < place.count {
      var parts: [String] = []
      for (earlier, value) in zip(orders[..<index], place) {
        let name = Self.quoted(earlier.column.name)
        if value == .null {
          parts.append("\(name) IS NULL")
        } else {
          parts.append("\(name) = ?")
          values.append(value)
        }
      }
      let name = Self.quoted(order.column.name)
      switch (place[index], order.isDescending) {
      case (.null, true): parts.append("1 = 0")
      case (.null, false): parts.append("\(name) IS NOT NULL")
      case (let value, true):
        parts.append("(\(name) < ? OR \(name) IS NULL)")
        values.append(value)
      case (let value, false):
        parts.append("\(name) > ?")
        values.append(value)
      }
      alternatives.append("(\(parts.joined(separator: " AND ")))")
    }
    var terms = ["(\(alternatives.joined(separator: " OR ")))"]
    // With this an index leads to the place.
    if let first = orders.first, let value = place.first, value != .null {
      let name = Self.quoted(first.column.name)
      if !first.isDescending {
        terms.append("\(name) >= ?")
        values.append(value)
      } else if table.key.contains(first.column) {
        terms.append("\(name) <= ?")
        values.append(value)
      }
    }
    return terms
  }

  private static func quoted(_ name: String) -> String {
    "\"\(name.replacing("\"", with: "\"\""))\""
  }
}
