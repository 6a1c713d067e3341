import Eventually

/// A read model's tables in SQLite, on the connection of whoever applies events.
final class SQLiteRowStorage: RowStorage {
  private let connection: SQLiteConnection

  init(connection: SQLiteConnection) {
    self.connection = connection
  }

  func table(_ schema: TableSchema) throws -> any TableStorage {
    try Table(schema, connection)
  }

  private final class Table: TableStorage {
    private let connection: SQLiteConnection
    private let select: SQLiteStatement
    private let upsert: SQLiteStatement
    private let delete: SQLiteStatement
    private let valueCount: Int32

    init(_ schema: TableSchema, _ connection: SQLiteConnection) throws(SQLiteError) {
      let keys = schema.key.map(\.name)
      let values = schema.values.map(\.name)
      let condition = keys.map { "\($0) = ?" }.joined(separator: " AND ")
      let marks = Array(repeating: "?", count: keys.count + values.count).joined(separator: ", ")
      // A table may consist of its key alone.
      let selected = values.isEmpty ? "1" : values.joined(separator: ", ")
      let action =
        values.isEmpty
        ? "NOTHING"
        : "UPDATE SET " + values.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
      select = try connection.statement(
        "SELECT \(selected) FROM \(schema.name) WHERE \(condition)")
      upsert = try connection.statement(
        "INSERT INTO \(schema.name) (\((keys + values).joined(separator: ", "))) "
          + "VALUES (\(marks)) ON CONFLICT DO \(action)")
      delete = try connection.statement("DELETE FROM \(schema.name) WHERE \(condition)")
      valueCount = Int32(values.count)
      // Statements are of use only as long as their connection.
      self.connection = connection
    }

    func load(_ key: [ColumnValue]) throws -> [ColumnValue]? {
      select.bind(key)
      defer { select.reset() }
      guard try select.step() else { return nil }
      return (0..<valueCount).map { select.value($0) }
    }

    func save(_ key: [ColumnValue], _ values: [ColumnValue]?) throws {
      guard let values else {
        delete.bind(key)
        return try delete.run()
      }
      upsert.bind(key)
      upsert.bind(values, from: Int32(key.count) + 1)
      try upsert.run()
    }
  }
}
