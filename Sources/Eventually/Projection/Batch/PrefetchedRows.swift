/// The rows that a batch touches, of a database that is asked for many rows at once.
///
/// A projection asks for rows one at a time, and in the middle of it nothing can be waited for. So what is not here is noted,
/// and answered as if there were no such row. The shell then loads what is ``missing`` and has the batch projected once more,
/// until nothing is missing: only that pass counts.
///
/// Rows of tables that are not shared stay known from batch to batch; those that are shared are a guess until they have been
/// loaded under the lock, see ``refresh(_:)``.
package final class PrefetchedRows: RowStorage {
  /// A row by its key; without values, there is none.
  package struct Row: Hashable, Sendable {
    package var key: [ColumnValue]
    package var values: [ColumnValue]?

    package init(key: [ColumnValue], values: [ColumnValue]?) {
      self.key = key
      self.values = values
    }
  }

  /// Rows of one table.
  package struct TableRows: Sendable {
    package var schema: TableSchema
    package var rows: [Row]

    package init(schema: TableSchema, rows: [Row]) {
      self.schema = schema
      self.rows = rows
    }
  }

  /// Keys of one table.
  package struct TableKeys: Sendable {
    package var schema: TableSchema
    package var keys: [[ColumnValue]]
  }

  private var tables: [Table] = []
  private let limit: KeyLimit

  /// What the text of a row may be.
  package struct KeyLimit: Sendable {
    /// How many bytes a key or an index may have of it.
    package var bytes: Int

    package init(bytes: Int) { self.bytes = bytes }
  }

  package init(limit: KeyLimit) {
    self.limit = limit
  }

  /// The partition whose entries are projected.
  package var partition: Partition = 0 {
    didSet { for table in tables { table.partition = partition } }
  }

  package func table(_ schema: TableSchema) -> any TableStorage {
    if let table = tables.first(where: { $0.schema == schema }) { return table }
    let table = Table(schema, limit)
    table.partition = partition
    tables.append(table)
    return table
  }

  /// A pass over the batch begins: what an earlier one has left is taken back.
  package func beginPass() {
    for table in tables { table.beginPass() }
  }

  /// What the pass has asked for and is not here.
  package var missing: [TableKeys] {
    tables.compactMap { $0.keys { !$0.isLoaded } }
  }

  /// The rows of shared tables that the pass has asked for.
  package var touchedShared: [TableKeys] {
    tables.compactMap { $0.schema.isShared ? $0.keys { _ in true } : nil }
  }

  /// Rows as the database has them. Those that the database has not are among them, without values.
  package func insert(_ loaded: TableRows) {
    (table(loaded.schema) as? Table)?.insert(loaded.rows)
  }

  /// Rows of shared tables as the database has them, loaded under the lock: all that ``touchedShared`` says.
  /// - Returns: whether the pass has seen the same. Otherwise nothing else is known of shared tables, and the batch is to be
  ///   projected again.
  package func refresh(_ loaded: [TableRows]) -> Bool {
    let isSame = loaded.allSatisfy { (table($0.schema) as? Table)?.hasSeen($0.rows) ?? false }
    if isSame { return true }
    forgetShared()
    for rows in loaded { insert(rows) }
    return false
  }

  /// What the passes have changed, since it was asked for last in this transaction. The caller saves it.
  package func takeChanges(shared: Bool) -> [TableRows] {
    tables.compactMap { table in
      guard table.schema.isShared == shared else { return nil }
      let rows = table.takeChanges()
      return rows.isEmpty ? nil : TableRows(schema: table.schema, rows: rows)
    }
  }

  /// Nothing is known of shared tables any more.
  package func forgetShared() {
    for table in tables where table.schema.isShared { table.clear() }
  }

  /// Nothing is known any more.
  package func clear() {
    for table in tables { table.clear() }
  }

  /// How many rows are known.
  package var count: Int { tables.reduce(0) { $0 + $1.count } }
}

extension PrefetchedRows {
  private final class Table: TableStorage {
    struct Known {
      /// As the database has it, in the transaction that goes on.
      var stored: [ColumnValue]?
      /// As the pass has left it.
      var current: [ColumnValue]?
      var isLoaded: Bool
      /// Whether the transaction has saved it, so that it is not as the pass found it.
      var isSaved = false
      /// Whose entries have touched it in this pass.
      var partition: Partition?
    }

    let schema: TableSchema
    var partition: Partition = 0
    private let limit: KeyLimit
    /// The columns of the values that are in some index, each index by itself.
    private let indexes: [[Int]]
    private var known: [[ColumnValue]: Known] = [:]
    /// The keys that the pass has asked for, or that the transaction has saved.
    private var touched: [[ColumnValue]] = []

    init(_ schema: TableSchema, _ limit: KeyLimit) {
      self.schema = schema
      self.limit = limit
      let names = (schema.key + schema.values).map(\.name)
      indexes = schema.indexes.map { $0.compactMap { name in names.firstIndex(of: name) } }
    }

    var count: Int { known.count }

    func load(_ key: [ColumnValue]) throws -> [ColumnValue]? {
      if let found = known[key] {
        try touch(key, found)
        return found.current
      }
      // What the database can't hold it can't be asked for, and has not.
      if key.contains(where: \.hasZero) { return nil }
      known[key] = Known(isLoaded: false, partition: partition)
      touched.append(key)
      return nil
    }

    private func touch(_ key: [ColumnValue], _ found: Known) throws {
      if let other = found.partition, other != partition, !schema.isShared {
        throw RowError(
          table: schema.name,
          reason:
            "it is not shared, and events of the partitions \(other) and \(partition) touch the row \(key)"
        )
      }
      guard found.partition == nil else { return }
      known[key]?.partition = partition
      if !found.isSaved { touched.append(key) }
    }

    func save(_ key: [ColumnValue], _ values: [ColumnValue]?) throws {
      if let values { try check(key, values) }
      known[key]?.current = values
    }

    /// What PostgreSQL does not take in a row is an error of the event that makes such a row.
    private func check(_ key: [ColumnValue], _ values: [ColumnValue]) throws(RowError) {
      let row = key + values
      for value in key where value == .null {
        throw RowError(table: schema.name, reason: "a column of a key has no value")
      }
      for value in row where value.hasZero {
        throw RowError(table: schema.name, reason: "a column's text has U+0000")
      }
      for columns in [Array(key.indices)] + indexes {
        let bytes = columns.reduce(0) { $0 + row[$1].size }
        guard bytes <= limit.bytes else {
          throw RowError(
            table: schema.name,
            reason: "a key or an index has \(bytes) bytes, and may have \(limit.bytes)")
        }
      }
    }

    func beginPass() {
      var saved: [[ColumnValue]] = []
      for key in touched {
        guard var row = known[key] else { continue }
        guard row.isLoaded else {
          known[key] = nil
          continue
        }
        // What was saved goes back to what it was before the batch, and is saved again where that is not what comes of it.
        row.current = row.isSaved ? original[key] ?? nil : row.stored
        row.partition = nil
        known[key] = row
        if row.isSaved { saved.append(key) }
      }
      touched = saved
    }

    /// What rows were before the transaction saved them.
    private var original: [[ColumnValue]: [ColumnValue]?] = [:]

    func keys(_ isWanted: (Known) -> Bool) -> TableKeys? {
      let keys = touched.filter { known[$0].map(isWanted) ?? false }
      return keys.isEmpty ? nil : TableKeys(schema: schema, keys: keys)
    }

    func insert(_ rows: [Row]) {
      for row in rows {
        if known[row.key] == nil { touched.append(row.key) }
        known[row.key] = Known(stored: row.values, current: row.values, isLoaded: true)
      }
    }

    func hasSeen(_ rows: [Row]) -> Bool {
      rows.allSatisfy { row in
        guard let found = known[row.key], found.isLoaded else { return false }
        return found.stored == row.values
      }
    }

    func takeChanges() -> [Row] {
      var changes: [Row] = []
      for key in touched {
        guard let row = known[key], row.isLoaded, row.current != row.stored else { continue }
        if !row.isSaved { original[key] = .some(row.stored) }
        known[key]?.stored = row.current
        known[key]?.isSaved = true
        changes.append(Row(key: key, values: row.current))
      }
      return changes
    }

    /// The transaction is committed: what it has saved is what the database has.
    func committed() {
      for key in touched {
        known[key]?.isSaved = false
        known[key]?.partition = nil
      }
      original.removeAll(keepingCapacity: true)
      touched.removeAll(keepingCapacity: true)
    }

    func clear() {
      known.removeAll()
      touched.removeAll()
      original.removeAll()
    }
  }

  /// The transaction is committed: what it has saved is what the database has.
  package func committed() {
    for table in tables { table.committed() }
  }
}

extension ColumnValue {
  /// Whether it is text with a character that ends text in C.
  fileprivate var hasZero: Bool {
    guard case .text(var text) = self else { return false }
    return text.withUTF8 { $0.contains(0) }
  }

  /// About how many bytes it has in an index.
  fileprivate var size: Int {
    switch self {
    case .integer: 8
    case .text(let text): text.utf8.count
    case .null: 0
    }
  }
}
