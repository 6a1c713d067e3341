public import Eventually

/// One state of a read model's database, read in place for as long as this exists.
///
/// What workers commit meanwhile is not in it, and they do not wait for it; but their log (`-wal`) can't be begun anew, and
/// grows by what they write.
public actor ReadModelSnapshot: ReadModelState {
  private let executor = BlockingExecutor(label: "readmodel.snapshot")
  private let connection: SQLiteConnection

  /// The thread that reading blocks.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// The state that a database is in now.
  /// - Throws: `ReadModelError`.
  public init(path: String) throws(ReadModelError) {
    do {
      connection = try SQLiteConnection(path: path, mode: .readOnly)
      try connection.execute("BEGIN")
      // It is the first reading that finds the state.
      _ = try connection.integer("SELECT count(*) FROM sqlite_schema")
    } catch {
      throw .failed(path, error)
    }
  }

  private func read<Result>(
    _ body: (SQLiteConnection) throws -> Result
  ) throws(ReadModelError) -> Result {
    do { return try body(connection) } catch { throw .failed(connection.path, error) }
  }

  /// How far the read model is, for each partition that a worker has ever taken.
  public func checkpoints() throws(ReadModelError) -> [CheckpointStatus] {
    try read { try ReadModelReader.checkpoints($0) }
  }

  /// How many events and records were not applied.
  public func unappliedCounts() throws(ReadModelError) -> UnappliedCounts {
    try read { try ReadModelReader.unappliedCounts($0) }
  }

  /// The places of all events that are parked or were dropped, by partition.
  public func unapplied() throws(ReadModelError) -> [Partition: Set<UInt64>] {
    try read { try ReadModelReader.unapplied($0) }
  }

  /// The next rows of a table in the order of their keys.
  public func rows(
    of table: TableSchema, after key: [ColumnValue]?, limit: Int
  ) throws(ReadModelError) -> [TableRow] {
    try read { connection in
      let keys = table.key.map(\.name).joined(separator: ", ")
      let columns = table.columns.map(\.name).joined(separator: ", ")
      let marks = table.key.map { _ in "?" }.joined(separator: ", ")
      let condition = key == nil ? "" : " WHERE (\(keys)) > (\(marks))"
      return try connection.rows(
        "SELECT \(columns) FROM \(table.name)\(condition) ORDER BY \(keys) LIMIT ?",
        (key ?? []) + [.integer(Int64(limit))]
      ) { row in
        let values = (0..<row.columnCount).map { row.value($0) }
        return TableRow(
          key: Array(values.prefix(table.key.count)),
          values: Array(values.dropFirst(table.key.count)))
      }
    }
  }
}
