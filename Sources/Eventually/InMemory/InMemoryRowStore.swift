/// A read model's rows in memory: for tests, and for read models that fit there.
public final class InMemoryRowStore: RowStore {
  private var tables: [ObjectIdentifier: Any] = [:]

  /// No rows.
  public init() {}

  /// The row with a key, or `nil`.
  public func row<Row: ReadModelRow>(_ type: Row.Type, _ key: Row.Key) -> Row? {
    rows(type)[key]
  }

  /// Lets `body` change the row with a key in place.
  public func update<Row: ReadModelRow>(
    _ type: Row.Type, _ key: Row.Key, _ body: (inout Row?) throws -> Void
  ) rethrows {
    try body(&table(type).rows[key])
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
