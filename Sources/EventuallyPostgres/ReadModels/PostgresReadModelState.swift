package import Eventually

/// One state of a generation or a savepoint, read in place for as long as this exists.
///
/// Workers do not wait for it, but the server keeps every row version of the whole database that it may need.
package final class PostgresReadModelState: ReadModelState {
  private let session: CatalogSession
  private let location: String
  private let partitionCount: Partition
  /// What ends with this.
  private let ending: (@Sendable () async -> Void)?

  /// - Parameters:
  ///   - schema: where its tables are.
  ///   - copy: is deleted with this.
  init(
    _ catalog: PostgresReadModelCatalog, schema: String, partitionCount: Partition,
    deleting copy: PostgresSavepoint? = nil
  ) async throws(ReadModelError) {
    location = catalog.location
    self.partitionCount = partitionCount
    // Where it fails, the next copy begins with that.
    if let copy { ending = { try? await catalog.delete(copy) } } else { ending = nil }
    do {
      session = try await CatalogSession(catalog.database.url)
    } catch {
      throw .failed(catalog.location, error)
    }
    do {
      try await session.run(
        "SET idle_in_transaction_session_timeout = '1h'", doing: "prepare a session")
      try await session.begin(.repeatableRead, in: schema, doing: "read one state")
      try await session.run("SELECT FROM checkpoints", doing: "read one state")
    } catch {
      await session.close()
      throw .failed(catalog.location, error)
    }
  }

  deinit {
    let (session, ending) = (session, ending)
    Task {
      await session.close()
      await ending?()
    }
  }

  private func read<Value: Sendable>(
    _ sql: String, _ parameters: [PostgresValue] = [], _ body: (PostgresRows) throws -> Value
  ) async throws(ReadModelError) -> Value {
    do {
      let rows = try await session.connection.run(
        [PostgresStatement(sql, parameters)], "read one state")
      guard let rows = rows.first else {
        throw PostgresError(
          .malformed, "the server did not answer", operation: "read one state")
      }
      return try body(rows)
    } catch {
      throw .failed(location, error)
    }
  }

  package func checkpoints() async throws(ReadModelError) -> [CheckpointStatus] {
    try await read(CheckpointStatus.select) {
      try CheckpointStatus.all($0, of: partitionCount, location)
    }
  }

  package func unappliedCounts() async throws(ReadModelError) -> UnappliedCounts {
    try await read(UnappliedCounts.select) { try UnappliedCounts($0) }
  }

  package func unapplied() async throws(ReadModelError) -> [Partition: Set<UInt64>] {
    try await read(UnappliedCounts.selectPlaces, [.position(.max)]) {
      try UnappliedCounts.places($0)
    }
  }

  package func rows(
    of table: TableSchema, after key: [ColumnValue]?, limit: Int
  ) async throws(ReadModelError) -> [TableRow] {
    var select = RowSelect(table)
    select.order(by: table.key.map { ($0, false) }, after: key)
    let statement = select.statement(limit: limit)
    return try await read(statement.sql, statement.parameters) { rows in
      try (0..<rows.count).map { row in
        let columns = try rows.columns(row, of: table.columns)
        return TableRow(
          key: Array(columns.prefix(table.key.count)),
          values: Array(columns.dropFirst(table.key.count)))
      }
    }
  }
}
