import Eventually

/// A copy of a generation as it was live at some moment. Its file is removed with it.
final class LiveCopy: ReadModelState {
  private let path: String
  private let directory: ReadModelDirectory
  private let snapshot: ReadModelSnapshot

  /// - Parameter path: the copy.
  init(path: String, directory: ReadModelDirectory) throws(ReadModelError) {
    self.path = path
    self.directory = directory
    snapshot = try ReadModelSnapshot(path: path)
  }

  deinit {
    // What can't be removed now is removed when the next replay begins.
    try? directory.removeDatabase(path)
  }

  func checkpoints() async throws(ReadModelError) -> [CheckpointStatus] {
    try await snapshot.checkpoints()
  }

  func unappliedCounts() async throws(ReadModelError) -> UnappliedCounts {
    try await snapshot.unappliedCounts()
  }

  func unapplied() async throws(ReadModelError) -> [Partition: Set<UInt64>] {
    try await snapshot.unapplied()
  }

  func rows(
    of table: TableSchema, after key: [ColumnValue]?, limit: Int
  ) async throws(ReadModelError) -> [TableRow] {
    try await snapshot.rows(of: table, after: key, limit: limit)
  }
}
