/// The rows that a batch touches, of a database that is asked for many rows at once.
///
/// A projection asks for rows one at a time, and in the middle of it nothing can be waited for. So what is not here is noted,
/// and answered as if there were no such row. What is put without being asked for need not be here. The shell then loads what is ``missing``
/// and has the batch projected once more, until nothing is missing, or there is nothing of what is: only that pass counts.
///
/// Rows of tables that are not shared stay known from batch to batch; those that are shared are a guess until the lock is held and
/// either nobody else has changed any, see ``lockedShared(at:)``, or they have been loaded again, see ``refresh(_:)``.
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

  /// How far a partition was applied.
  package struct Mark: Hashable, Sendable {
    package var epoch: UInt64
    package var position: UInt64?

    package init(epoch: UInt64, position: UInt64?) {
      self.epoch = epoch
      self.position = position
    }
  }

  private var tables: [Table] = []
  private let limit: KeyLimit
  /// The marks of all partitions that shared rows are known as of; `nil` where they are a guess. Whoever changes a shared row moves a
  /// mark in the same transaction, under the lock: while marks are the same, so are the rows.
  private var sharedAsOf: [Partition: Mark]?

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
    tables.compactMap(\.missing)
  }

  /// The rows of shared tables that the pass has asked for.
  package var touchedShared: [TableKeys] {
    tables.compactMap { $0.schema.isShared ? $0.touchedKeys : nil }
  }

  /// Rows as the database has them. Those that the database has not are among them, without values.
  package func insert(_ loaded: TableRows) {
    (table(loaded.schema) as? Table)?.insert(loaded.rows)
  }

  /// Rows that the pass has asked for in vain, as the database has them: all that ``missing`` says.
  /// - Returns: whether there are none, as the pass was answered: it is as good as one that knew. Otherwise the batch is to be projected
  ///   again.
  package func confirm(_ loaded: [TableRows]) -> Bool {
    var isConfirmed = true
    for rows in loaded where (table(rows.schema) as? Table)?.confirm(rows.rows) != true {
      isConfirmed = false
    }
    return isConfirmed
  }

  /// Rows of shared tables as the database has them, loaded under the lock: all that ``touchedShared`` says. Nothing else is
  /// known of shared tables after it.
  /// - Returns: whether the pass has seen the same. Otherwise the batch is to be projected again.
  package func refresh(_ loaded: [TableRows]) -> Bool {
    let isSame = loaded.allSatisfy { (table($0.schema) as? Table)?.hasSeen($0.rows) ?? false }
    if isSame {
      for table in tables where table.schema.isShared { table.keepTouched() }
      return true
    }
    forgetShared()
    for rows in loaded { insert(rows) }
    return false
  }

  /// The lock of shared rows is held.
  /// - Parameter marks: those of all partitions, as they are under the lock.
  /// - Returns: whether what is known of shared rows is what the database has. Otherwise it is still a guess: it is to be forgotten, or
  ///   loaded again.
  package func lockedShared(at marks: [Partition: Mark]) -> Bool {
    let isSame = sharedAsOf == marks
    sharedAsOf = marks
    return isSame
  }

  /// The transaction moves a mark.
  package func move(_ partition: Partition, to mark: Mark) { sharedAsOf?[partition] = mark }

  /// Tables seem to have rows by stream where most of what is missing are rows of a batch's streams.
  package func learn(from streams: some Sequence<String>) {
    let tables = tables.filter(\.mayBeByStream)
    if tables.isEmpty { return }
    let keys = Set(streams.lazy.map { [ColumnValue.text($0)] })
    for table in tables { table.learn(from: keys) }
  }

  /// The rows of a batch's streams that are not known, in tables that seem to have rows by stream: the batch is likely to ask for them.
  package func expected(of streams: some Sequence<String>) -> [TableKeys] {
    let tables = tables.filter(\.isByStream)
    if tables.isEmpty { return [] }
    let keys = Set(streams.lazy.map { [ColumnValue.text($0)] })
    return tables.compactMap { $0.unknown(of: keys) }
  }

  /// What the passes have changed, since it was asked for last in this transaction. The caller saves it.
  /// - Parameter isLast: whether no pass follows. Otherwise rows that were put without being asked for are left out: how they were is not
  ///   known where another pass does not put them.
  package func takeChanges(shared: Bool, isLast: Bool) -> [TableRows] {
    tables.compactMap { table in
      guard table.schema.isShared == shared else { return nil }
      let rows = table.takeChanges(isLast: isLast)
      return rows.isEmpty ? nil : TableRows(schema: table.schema, rows: rows)
    }
  }

  /// Nothing is known of shared tables any more.
  package func forgetShared() {
    for table in tables where table.schema.isShared { table.clear() }
  }

  /// Forgets rows where more than so many are known: those of single streams first, which have often come to their end.
  package func trim(to limit: Int) {
    if count <= limit { return }
    for table in tables where !table.schema.isShared { table.clear() }
    if count > limit { clear() }
  }

  /// Nothing is known any more.
  package func clear() {
    sharedAsOf = nil
    for table in tables { table.clear() }
  }

  /// How many rows are known.
  package var count: Int { tables.reduce(0) { $0 + $1.count } }

  /// The transaction is committed: what it has saved is what the database has.
  package func committed() {
    for table in tables { table.committed() }
  }
}
