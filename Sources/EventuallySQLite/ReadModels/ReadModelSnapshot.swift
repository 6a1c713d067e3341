public import Eventually

/// One state of a read model's database, read in place for as long as this exists.
///
/// What workers commit meanwhile is not in it, and they do not wait for it; but their log (`-wal`) can't be begun anew, and
/// grows by what they write.
public actor ReadModelSnapshot {
  private let executor = BlockingExecutor(label: "readmodel.snapshot")
  private let connection: SQLiteConnection

  /// The thread that reading blocks.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// The state that a database is in now.
  /// - Throws: ``ReadModelError``.
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
  public func unappliedCounts() throws(ReadModelError) -> ReadModelReader.UnappliedCounts {
    try read { try ReadModelReader.unappliedCounts($0) }
  }

  /// The places of all events that are parked or were dropped, by partition.
  public func unapplied() throws(ReadModelError) -> [Partition: Set<UInt64>] {
    try read { try ReadModelReader.unapplied($0) }
  }

  /// What a comparison has come to.
  public struct Comparison: Sendable, Hashable {
    /// How many rows the read model has.
    public var rows = 0
    /// The digest of its rows.
    public var digest = ""
    /// In how many rows it differs from what it should be.
    public var differenceCount = 0
    /// The first of the differences.
    public var differences: [RowDifference] = []
  }

  /// Compares the rows with those of another database of the read model, one by one, in constant memory.
  /// - Parameters:
  ///   - path: the database as it should be.
  ///   - tables: the tables that are compared.
  ///   - limit: at most so many differences are told.
  public func compare(
    withExpected path: String, tables: [TableSchema], limit: Int = 10
  ) throws(ReadModelError) -> Comparison {
    var comparison = Comparison()
    var digest = ReadModelDigest()
    try read { connection in
      try compareReadModels(
        expected: try SQLiteConnection(path: path, mode: .readOnly), found: connection,
        tables: tables, visit: { digest.add($0, $1 + $2) },
        differ: { difference in
          comparison.differenceCount += 1
          if comparison.differences.count < limit { comparison.differences.append(difference) }
        })
    }
    comparison.rows = digest.rows
    comparison.digest = digest.text
    return comparison
  }
}
