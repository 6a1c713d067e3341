import Eventually

/// Reads a read model's rows on PostgreSQL, in a query's transaction.
struct PostgresRowReader: SQLRows {
  let query: PostgresQuery

  /// PostgreSQL.
  var dialect: SQLDialect? { .postgres }

  /// All rows that a `SELECT` gives.
  func rows<Element>(
    _ sql: String, _ values: [ColumnValue], _ row: (any SQLRow) throws -> Element
  ) throws -> [Element] {
    let parameters = SQLParameters(sql)
    guard parameters.count == values.count else {
      throw PostgresError(
        .malformed,
        "'\(sql.prefix(80))' takes \(parameters.count) values, and there are \(values.count)",
        operation: "read")
    }
    let found = try query.run(
      QueryConnection.Statement(
        sql: parameters.sql, parameters: values.map(\.parameter), isText: true))
    return try (0..<found.count).map { try row(PostgresRow(rows: found, row: $0)) }
  }

  /// The row with a key, or `nil`.
  func row<R: ReadModelRow>(_ type: R.Type, _ key: R.Key) throws -> R? {
    let columns = try R.columns(of: key)
    if columns.contains(where: \.canNotBe) { return nil }
    var sql = RowSelect(R.schema)
    for (column, value) in zip(R.schema.key, columns) { sql.require(column, value) }
    return try read(R.self, sql, limit: 1).first
  }

  /// The rows for which all conditions hold, in order.
  func rows<R: ReadModelRow>(
    _ type: R.Type, where conditions: [RowCondition], orderedBy order: [RowOrder],
    after place: [ColumnValue]?, limit: Int
  ) throws -> [R] {
    let schema = R.schema
    try schema.check(place, in: order)
    var sql = RowSelect(schema)
    for condition in try conditions.map({ try $0.resolved(in: schema) }) {
      if condition.value.canNotBe { return [] }
      sql.require(schema.columns[condition.index], condition.value)
    }
    sql.order(
      by: Array(
        zip(
          try schema.columns(of: order), order.map(\.isDescending) + schema.key.map { _ in false })),
      after: place)
    return try read(R.self, sql, limit: limit)
  }

  private func read<R: ReadModelRow>(
    _ type: R.Type, _ select: RowSelect, limit: Int
  ) throws -> [R] {
    let statement = select.statement(limit: limit)
    let found = try query.run(
      QueryConnection.Statement(sql: statement.sql, parameters: statement.parameters))
    let schema = R.schema
    return try (0..<found.count).map { row in
      let columns = try found.columns(row, of: schema.columns)
      return try R(
        key: try R.key(from: Array(columns.prefix(schema.key.count))),
        values: Array(columns.dropFirst(schema.key.count)))
    }
  }
}

/// A row of a statement that was written by hand. It came as text.
private struct PostgresRow: SQLRow {
  let rows: PostgresRows
  let row: Int

  var columnCount: Int { rows.columnCount }

  func name(_ column: Int) -> String { rows.name(column) }

  func value(_ column: Int) -> ColumnValue {
    guard (0..<columnCount).contains(column), !rows.isNull(row, column),
      let text = try? rows.text(row, column)
    else { return .null }
    switch rows.type(column) {
    // Integers of eight, two and four bytes, and of objects.
    case 20, 21, 23, 26: return Int64(text).map { .integer($0) } ?? .text(text)
    // A truth value is a number in SQLite.
    case 16: return .integer(text == "t" ? 1 : 0)
    default: return .text(text)
    }
  }
}

extension ColumnValue {
  /// A parameter, with its type.
  var parameter: PostgresValue {
    switch self {
    case .integer(let value): .int8(value)
    case .text(let value): .text(value)
    case .null: .null
    }
  }

  /// Whether no column of PostgreSQL can hold it.
  var canNotBe: Bool {
    if case .text(let text) = self { return text.utf8.contains(0) }
    return false
  }
}
