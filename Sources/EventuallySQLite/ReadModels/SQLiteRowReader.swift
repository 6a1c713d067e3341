public import Eventually

/// Reads a read model's database on a connection to it. Queries are given one by ``ReadModelReader/read(_:)``.
public struct SQLiteRowReader: SQLRows {
  /// The connection, for what only SQLite has.
  public let connection: SQLiteConnection

  /// A reader of the rows that a connection sees.
  public init(_ connection: SQLiteConnection) {
    self.connection = connection
  }

  /// SQLite.
  public var dialect: SQLDialect? { .sqlite }

  /// All rows that a `SELECT` gives.
  public func rows<Element>(
    _ sql: String, _ values: [ColumnValue], _ row: (any SQLRow) throws -> Element
  ) throws -> [Element] {
    try connection.rows(sql, values) { try row(SQLiteRow(statement: $0)) }
  }

  /// The row with a key, or `nil`.
  public func row<R: ReadModelRow>(_ type: R.Type, _ key: R.Key) throws -> R? {
    let schema = R.schema
    // A table may consist of its key alone.
    let columns = schema.values.isEmpty ? "1" : Self.list(schema.values)
    let condition = schema.key.map { "\(Self.quoted($0.name)) = ?" }.joined(separator: " AND ")
    let found = try connection.rows(
      "SELECT \(columns) FROM \(Self.quoted(schema.name)) WHERE \(condition)",
      try R.columns(of: key)
    ) { row in try R(key: key, values: Self.values(row, from: 0, count: schema.values.count)) }
    return found.first
  }

  /// The rows for which all conditions hold, in order.
  public func rows<R: ReadModelRow>(
    _ type: R.Type, where conditions: [RowCondition], orderedBy order: [RowOrder],
    after place: [ColumnValue]?, limit: Int
  ) throws -> [R] {
    let schema = R.schema
    try schema.check(place, in: order)
    var sql = "SELECT \(Self.list(schema.columns)) FROM \(Self.quoted(schema.name))"
    let wanted = try conditions.map { try $0.resolved(in: schema) }
    let columns = try schema.columns(of: order).map { Self.quoted($0.name) }
    let isDescending = order.map(\.isDescending) + schema.key.map { _ in false }
    // `IS` is `=` for all that a column may hold, nothing included.
    var terms = wanted.map { "\(Self.quoted(schema.columns[$0.index].name)) IS ?" }
    var bound = wanted.map(\.value)
    if let place { Self.after(place, columns, isDescending, &terms, &bound) }
    if !terms.isEmpty { sql += " WHERE " + terms.joined(separator: " AND ") }
    let order = zip(columns, isDescending).map { $0 + ($1 ? " DESC" : "") }
    sql += " ORDER BY " + order.joined(separator: ", ") + " LIMIT ?"
    bound.append(.integer(Int64(max(0, limit))))
    return try connection.rows(sql, bound) { row in
      try R(
        key: R.key(from: Self.values(row, from: 0, count: schema.key.count)),
        values: Self.values(row, from: schema.key.count, count: schema.values.count))
    }
  }

  /// The condition of rows after a place: the first column in which they differ is beyond it.
  private static func after(
    _ place: [ColumnValue], _ columns: [String], _ isDescending: [Bool], _ terms: inout [String],
    _ bound: inout [ColumnValue]
  ) {
    var alternatives: [String] = []
    for (index, column) in columns.enumerated() {
      let beyond =
        switch (place[index], isDescending[index]) {
        case (.null, true): "0"
        case (.null, false): "\(column) IS NOT NULL"
        case (_, true): "(\(column) < ? OR \(column) IS NULL)"
        case (_, false): "\(column) > ?"
        }
      let same = columns[..<index].map { "\($0) IS ?" }
      alternatives.append("(\((same + [beyond]).joined(separator: " AND ")))")
      bound += place[..<index]
      if place[index] != .null { bound.append(place[index]) }
    }
    terms.append("(\(alternatives.joined(separator: " OR ")))")
    // With this an index on the first column leads to the place.
    if place[0] != .null, !isDescending[0] {
      terms.append("\(columns[0]) >= ?")
      bound.append(place[0])
    }
  }

  private static func values(
    _ row: SQLiteStatement, from first: Int, count: Int
  ) -> [ColumnValue] {
    (first..<first + count).map { row.value(Int32($0)) }
  }

  private static func list(_ columns: [TableColumn]) -> String {
    columns.map { quoted($0.name) }.joined(separator: ", ")
  }

  private static func quoted(_ name: String) -> String {
    "\"\(name.replacing("\"", with: "\"\""))\""
  }
}

/// The row that a statement is at.
private struct SQLiteRow: SQLRow {
  let statement: SQLiteStatement

  var columnCount: Int { Int(statement.columnCount) }
  func name(_ column: Int) -> String { statement.name(Int32(clamping: column)) }
  func value(_ column: Int) -> ColumnValue { statement.value(Int32(clamping: column)) }
  func integer(_ column: Int) -> Int64 { statement.integer(Int32(clamping: column)) }
  func text(_ column: Int) -> String { statement.text(Int32(clamping: column)) }
  func isNull(_ column: Int) -> Bool { statement.isNull(Int32(clamping: column)) }
}
