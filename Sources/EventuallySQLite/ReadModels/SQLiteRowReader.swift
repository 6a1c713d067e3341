public import Eventually

/// Reads a read model's rows in its database, on a connection as ``ReadModelReader/read(_:)`` gives it.
///
/// ```swift
/// let open = try await reader.read { connection in
///   try SQLiteRowReader(connection).rows(
///     AccountRow.self, where: [.equals("owner", owner)], orderedBy: [.descending("balance")], limit: 20)
/// }
/// ```
public struct SQLiteRowReader: RowReader {
  private let connection: SQLiteConnection

  /// A reader of the rows that a connection sees.
  public init(_ connection: SQLiteConnection) {
    self.connection = connection
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
    _ type: R.Type, where conditions: [RowCondition], orderedBy order: [RowOrder], limit: Int
  ) throws -> [R] {
    let schema = R.schema
    var sql = "SELECT \(Self.list(schema.columns)) FROM \(Self.quoted(schema.name))"
    let wanted = try conditions.map { try $0.resolved(in: schema) }
    if !wanted.isEmpty {
      // `IS` is `=` for all that a column may hold, nothing included.
      let terms = wanted.map { "\(Self.quoted(schema.columns[$0.index].name)) IS ?" }
      sql += " WHERE " + terms.joined(separator: " AND ")
    }
    let terms =
      try order.map {
        Self.quoted(schema.columns[try schema.index(of: $0.column)].name)
          + ($0.isDescending ? " DESC" : "")
      } + schema.key.map { Self.quoted($0.name) }
    sql += " ORDER BY " + terms.joined(separator: ", ") + " LIMIT ?"
    let bound = wanted.map(\.value) + [.integer(Int64(max(0, limit)))]
    return try connection.rows(sql, bound) { row in
      try R(
        key: R.key(from: Self.values(row, from: 0, count: schema.key.count)),
        values: Self.values(row, from: schema.key.count, count: schema.values.count))
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
