/// A read model's rows in memory: for tests, and for read models that fit there.
public final class InMemoryRowStore: RowStore {
  private var tables: [ObjectIdentifier: Any] = [:]

  /// No rows.
  public init() {}

  /// The row with a key, or `nil`.
  public func row<Row: ReadModelRow>(_ type: Row.Type, _ key: Row.Key) -> Row? {
    rows(type)[key]
  }

  /// Adds a row, or replaces the one with the same key.
  public func put<Row: ReadModelRow>(_ row: Row) {
    table(Row.self).rows[row.key] = row
  }

  /// Deletes the row with a key, where there is one.
  public func delete<Row: ReadModelRow>(_ type: Row.Type, _ key: Row.Key) {
    table(type).rows[key] = nil
  }

  /// All rows of a table.
  public func rows<Row: ReadModelRow>(_ type: Row.Type) -> [Row.Key: Row] {
    table(type).rows
  }

  private final class Table<Row: ReadModelRow> {
    var rows: [Row.Key: Row] = [:]
  }

  private func table<Row: ReadModelRow>(_ type: Row.Type) -> Table<Row> {
    if let table = tables[ObjectIdentifier(type)] as? Table<Row> { return table }
    let table = Table<Row>()
    tables[ObjectIdentifier(type)] = table
    return table
  }
}
