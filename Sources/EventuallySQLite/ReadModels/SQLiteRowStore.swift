import Eventually

/// A read model's rows within one transaction: each row is read at most once, and written once however
/// often it changes.
///
/// Rows are only kept for the length of a transaction, since other workers change the same database between
/// this one's transactions.
final class SQLiteRowStore: RowStore {
  private let connection: SQLiteConnection
  private var tables: [ObjectIdentifier: any CachedTable] = [:]
  /// Whether changes are noted, so that those of one entry can be taken back.
  var isIsolating = false {
    didSet { for table in tables.values { table.isIsolating = isIsolating } }
  }

  init(connection: SQLiteConnection) {
    self.connection = connection
  }

  func row<Row: ReadModelRow>(_ type: Row.Type, _ key: Row.Key) throws -> Row? {
    try table(type).row(key, connection)
  }

  func update<Row: ReadModelRow>(
    _ type: Row.Type, _ key: Row.Key, _ body: (inout Row?) throws -> Void
  ) throws {
    try table(type).update(key, connection, body)
  }

  /// From here on, changes can be taken back.
  func beginEntry() {
    for table in tables.values { table.forgetChanges() }
  }

  /// Takes back all changes since the entry began.
  func revertEntry() {
    for table in tables.values { table.revertChanges() }
  }

  /// Writes what has changed.
  func flush() throws {
    for table in tables.values { try table.flush(connection) }
  }

  /// Forgets everything, written or not.
  func clear() {
    for table in tables.values { table.clear() }
  }

  private func table<Row: ReadModelRow>(_ type: Row.Type) -> RowCache<Row> {
    if let table = tables[ObjectIdentifier(type)] as? RowCache<Row> { return table }
    let table = RowCache<Row>()
    table.isIsolating = isIsolating
    tables[ObjectIdentifier(type)] = table
    return table
  }
}

private protocol CachedTable: AnyObject {
  var isIsolating: Bool { get set }
  func forgetChanges()
  func revertChanges()
  func flush(_ connection: SQLiteConnection) throws
  func clear()
}

private final class RowCache<Row: ReadModelRow>: CachedTable {
  struct Slot {
    /// `nil` for a row that does not exist, or no longer.
    var row: Row?
    var isChanged: Bool
  }

  var rows: [Row.Key: Slot] = [:]
  var isIsolating = false
  /// Rows as they were before each change, while changes are noted.
  private var changes: [(key: Row.Key, before: Slot)] = []
  private let select: String
  private let upsert: String
  private let delete: String

  init() {
    let schema = Row.schema
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
    select = "SELECT \(selected) FROM \(schema.name) WHERE \(condition)"
    upsert =
      "INSERT INTO \(schema.name) (\((keys + values).joined(separator: ", "))) VALUES (\(marks)) "
      + "ON CONFLICT DO \(action)"
    delete = "DELETE FROM \(schema.name) WHERE \(condition)"
  }

  func row(_ key: Row.Key, _ connection: SQLiteConnection) throws -> Row? {
    if let slot = rows[key] { return slot.row }
    let statement = try connection.statement(select)
    statement.bind(Row.columns(of: key))
    defer { statement.reset() }
    var row: Row?
    if try statement.step() {
      let values = (0..<Int32(Row.schema.values.count)).map { statement.value($0) }
      row = try Row(key: key, values: values)
    }
    rows[key] = Slot(row: row, isChanged: false)
    return row
  }

  func update(
    _ key: Row.Key, _ connection: SQLiteConnection, _ body: (inout Row?) throws -> Void
  ) throws {
    _ = try row(key, connection)
    if isIsolating, let before = rows[key] { changes.append((key, before)) }
    // In place, for rows that own arrays: a copy would copy those.
    try body(&rows[key, default: Slot(row: nil, isChanged: false)].row)
    rows[key]?.isChanged = true
  }

  func forgetChanges() {
    changes.removeAll(keepingCapacity: true)
  }

  func revertChanges() {
    for (key, before) in changes.reversed() { rows[key] = before }
    changes.removeAll(keepingCapacity: true)
  }

  func flush(_ connection: SQLiteConnection) throws {
    for (key, slot) in rows where slot.isChanged {
      let keyColumns = Row.columns(of: key)
      if let row = slot.row {
        let statement = try connection.statement(upsert)
        statement.bind(keyColumns)
        statement.bind(row.values, from: Int32(keyColumns.count) + 1)
        try statement.run()
      } else {
        let statement = try connection.statement(delete)
        statement.bind(keyColumns)
        try statement.run()
      }
    }
  }

  func clear() {
    changes.removeAll()
    rows.removeAll(keepingCapacity: true)
  }
}
