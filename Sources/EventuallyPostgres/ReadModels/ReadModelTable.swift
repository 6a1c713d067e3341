import Eventually

/// The statements that read and write many rows of a read model's table at once.
struct ReadModelTable: Sendable {
  let schema: TableSchema
  private let selectSQL: String
  private let upsertSQL: String
  private let deleteSQL: String

  /// A table in a schema of the database, whose name is quoted.
  init(_ table: TableSchema, in namespace: String) {
    schema = table
    let name = "\(namespace).\(SQLText.name(table.name))"
    let columns = table.key + table.values
    let names = columns.map { SQLText.name($0.name) }
    let keys = table.key.map { SQLText.name($0.name) }
    let (keyList, list) = (keys.joined(separator: ", "), names.joined(separator: ", "))

    func arrays(_ columns: [TableColumn]) -> String {
      columns.enumerated().map { "$\($0 + 1)::\($1.arrayType)" }.joined(separator: ", ")
    }
    let matches = keys.map { "t.\($0) = u.\($0)" }.joined(separator: " AND ")
    let values = table.values.map { ", t.\(SQLText.name($0.name))" }.joined()
    // A key's columns are never null: where they are, there is no such row.
    selectSQL = """
      SELECT t.\(keys[0]) IS NOT NULL\(values)
      FROM unnest(\(arrays(table.key))) WITH ORDINALITY AS u(\(keyList), n)
      LEFT JOIN \(name) t ON \(matches) ORDER BY u.n
      """
    let action =
      table.values.isEmpty
      ? "NOTHING"
      : "UPDATE SET "
        + names.dropFirst(keys.count).map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    upsertSQL = """
      INSERT INTO \(name) (\(list)) SELECT \(list) FROM unnest(\(arrays(columns))) AS u(\(list))
      ORDER BY \(keyList) ON CONFLICT (\(keyList)) DO \(action)
      """
    deleteSQL =
      "DELETE FROM \(name) t USING unnest(\(arrays(table.key))) AS u(\(keyList)) WHERE \(matches)"
  }

  /// Reads the rows with some keys.
  func select(_ keys: [[ColumnValue]]) -> PostgresStatement {
    statement(selectSQL, schema.key, keys)
  }

  /// What ``select(_:)`` found.
  func rows(
    _ keys: [[ColumnValue]], _ found: PostgresRows
  ) throws(PostgresError) -> PrefetchedRows.TableRows {
    guard found.count == keys.count else {
      throw PostgresError(
        .malformed, "\(found.count) rows for \(keys.count) keys", operation: "read")
    }
    var rows: [PrefetchedRows.Row] = []
    rows.reserveCapacity(keys.count)
    for (index, key) in keys.enumerated() {
      guard try found.bool(index, 0) else {
        rows.append(.init(key: key, values: nil))
        continue
      }
      var values: [ColumnValue] = []
      values.reserveCapacity(schema.values.count)
      for (column, kind) in schema.values.enumerated() {
        values.append(try found.value(index, column + 1, kind.kind))
      }
      rows.append(.init(key: key, values: values))
    }
    return .init(schema: schema, rows: rows)
  }

  /// Saves rows; those without values are deleted.
  func save(_ rows: [PrefetchedRows.Row]) -> [PostgresStatement] {
    let kept = rows.compactMap { row in row.values.map { row.key + $0 } }
    let deleted = rows.compactMap { $0.values == nil ? $0.key : nil }
    var statements: [PostgresStatement] = []
    if !kept.isEmpty {
      statements.append(statement(upsertSQL, schema.key + schema.values, kept))
    }
    if !deleted.isEmpty { statements.append(statement(deleteSQL, schema.key, deleted)) }
    return statements
  }

  private func statement(
    _ sql: String, _ columns: [TableColumn], _ rows: [[ColumnValue]]
  ) -> PostgresStatement {
    var statement = PostgresStatement(sql)
    statement.parameters = columns.enumerated().map { index, column in
      switch column.kind {
      case .integer:
        .int8s(rows.map { if case .integer(let value) = $0[index] { value } else { nil } })
      case .text:
        .texts(rows.map { if case .text(let text) = $0[index] { text } else { nil } })
      }
    }
    return statement
  }
}

extension TableColumn {
  fileprivate var arrayType: String {
    switch kind {
    case .integer: "bigint[]"
    case .text: "text[]"
    }
  }
}

extension PostgresRows {
  /// A column of a read model's table.
  func value(
    _ row: Int, _ column: Int, _ kind: TableColumn.Kind
  ) throws(PostgresError) -> ColumnValue {
    if isNull(row, column) { return .null }
    switch kind {
    case .integer: return .integer(try integer(row, column))
    case .text: return .text(try text(row, column))
    }
  }
}

extension EventID {
  /// The sixteen bytes.
  var bytes: [UInt8] {
    withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Array($0) }
  }
}
