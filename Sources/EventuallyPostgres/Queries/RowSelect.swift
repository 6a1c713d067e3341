import Eventually

/// The statement that reads rows of a read model's table.
///
/// In the order of rows what holds nothing comes first. Keys always hold something, and nothing is said of it there: so an order by them
/// is that of the key's index.
struct RowSelect {
  private let table: TableSchema
  private var terms: [String] = []
  private var parameters: [PostgresValue] = []
  private var order = ""

  init(_ table: TableSchema) { self.table = table }

  private mutating func bind(_ value: ColumnValue) -> String {
    parameters.append(value.parameter)
    return "$\(parameters.count)"
  }

  private func isKey(_ column: TableColumn) -> Bool { table.key.contains(column) }

  /// Only rows whose column holds a value, which may be nothing.
  mutating func require(_ column: TableColumn, _ value: ColumnValue) {
    terms.append(same(column, value))
  }

  private mutating func same(_ column: TableColumn, _ value: ColumnValue) -> String {
    let name = SQLText.name(column.name)
    return value == .null ? "\(name) IS NULL" : "\(name) = \(bind(value))"
  }

  /// Rows in an order, and only those after a place in it.
  mutating func order(
    by columns: [(column: TableColumn, isDescending: Bool)], after place: [ColumnValue]?
  ) {
    order = columns.map { column, isDescending in
      let nulls = isKey(column) ? "" : isDescending ? " NULLS LAST" : " NULLS FIRST"
      return SQLText.name(column.name) + (isDescending ? " DESC" : "") + nulls
    }.joined(separator: ", ")
    guard let place else { return }
    // The first column in which they differ is beyond it.
    var alternatives: [String] = []
    for (index, (column, isDescending)) in columns.enumerated() {
      var parts: [String] = []
      for (earlier, value) in zip(columns[..<index], place) {
        parts.append(same(earlier.column, value))
      }
      parts.append(beyond(column, place[index], isDescending))
      alternatives.append("(\(parts.joined(separator: " AND ")))")
    }
    terms.append("(\(alternatives.joined(separator: " OR ")))")
    // With this an index on the first column leads to the place.
    if let first = columns.first, !first.isDescending, place[0] != .null {
      terms.append("\(SQLText.name(first.column.name)) >= \(bind(place[0]))")
    }
  }

  private mutating func beyond(
    _ column: TableColumn, _ value: ColumnValue, _ isDescending: Bool
  ) -> String {
    let name = SQLText.name(column.name)
    switch (value, isDescending) {
    case (.null, true): return "false"
    case (.null, false): return "\(name) IS NOT NULL"
    case (_, true): return "(\(name) < \(bind(value)) OR \(name) IS NULL)"
    case (_, false): return "\(name) > \(bind(value))"
    }
  }

  func statement(limit: Int) -> PostgresStatement {
    let columns = table.columns.map { SQLText.name($0.name) }.joined(separator: ", ")
    var sql = "SELECT \(columns) FROM \(SQLText.name(table.name))"
    if !terms.isEmpty { sql += " WHERE " + terms.joined(separator: " AND ") }
    if !order.isEmpty { sql += " ORDER BY " + order }
    sql += " LIMIT $\(parameters.count + 1)"
    return PostgresStatement(sql, parameters + [.int8(Int64(max(0, limit)))])
  }
}
