package import Eventually

/// Answers queries on a read model in a database: any number of processes may, beside the workers.
///
/// It follows: each call is answered from the generation that is live when it begins. One that is ``pinned()`` stays with the generation
/// that its first call finds live.
package final class PostgresReadModelReader: ReadModelSource {
  let catalog: PostgresReadModelCatalog
  private let timeLimit: Duration?
  /// The schema of the generation that it stays with.
  private let schema: Locked<String?>
  private let isPinned: Bool
  /// The store that the read model is built from.
  package let storeID: String
  /// How many partitions that store has.
  package let partitionCount: Partition

  package var location: String { catalog.location }

  /// - Parameters:
  ///   - generation: the one that is read; `nil` for the live one, which is followed.
  ///   - timeLimit: how long a query may read; `nil` for as long as it takes.
  /// - Throws: `ReadModelError.notBuilt(location:)` where there is none.
  package init(
    _ catalog: PostgresReadModelCatalog, generation: Int? = nil, timeLimit: Duration? = nil
  ) async throws(ReadModelError) {
    self.catalog = catalog
    self.timeLimit = timeLimit
    let found =
      if let generation { try await catalog.found(generation) } else {
        try await catalog.foundLive()
      }
    guard let found else { throw .notBuilt(location: catalog.location) }
    guard found.schemaVersion == catalog.schemaVersion else {
      throw .schemaVersion(
        location: catalog.location, found: found.schemaVersion, expected: catalog.schemaVersion)
    }
    storeID = found.storeID
    partitionCount = found.partitionCount
    isPinned = generation != nil
    schema = Locked(generation == nil ? nil : found.schema)
  }

  private init(pinning reader: PostgresReadModelReader) {
    catalog = reader.catalog
    timeLimit = reader.timeLimit
    storeID = reader.storeID
    partitionCount = reader.partitionCount
    isPinned = true
    schema = Locked(reader.schema.withLock { $0 })
  }

  /// A reader that stays with the generation that is live now, or when it is asked first.
  package func pinned() async throws(ReadModelError) -> any ReadModelSource {
    PostgresReadModelReader(pinning: self)
  }

  private var place: PostgresPlace {
    if let schema = schema.withLock({ $0 }) { return .schema(schema) }
    return .live(
      catalog: catalog.database.names.catalog, model: catalog.name,
      schemaVersion: catalog.schemaVersion)
  }

  /// A generation has been found.
  private func note(_ found: String?) {
    guard isPinned, let found else { return }
    schema.withLock { $0 = $0 ?? found }
  }

  // MARK: - Queries

  /// Runs a query that reads a few rows by their keys; all of its reads see one state of the read model. It does not wait behind queries
  /// that read more, of which ``read(_:)`` runs a few at a time.
  /// - Throws: `ReadModelError.timeLimit(_:location:)` where it takes longer than it may, and what `body` throws.
  package func lookUp<Answer: Sendable>(
    _ body: @Sendable (any SQLRows) throws -> Answer
  ) async throws -> Answer {
    try await run(catalog.database.lookUps, body)
  }

  /// Runs a query; all of its reads see one state of the read model.
  /// - Throws: `ReadModelError.timeLimit(_:location:)` where it takes longer than it may, and what `body` throws.
  package func read<Answer: Sendable>(
    _ body: @Sendable (any SQLRows) throws -> Answer
  ) async throws -> Answer {
    try await run(catalog.database.scans, body)
  }

  private func run<Answer: Sendable>(
    _ pool: QueryPool, _ body: @Sendable (any SQLRows) throws -> Answer
  ) async throws -> Answer {
    try await again { isFirst in
      try await pool.run { connection in
        let query = PostgresQuery(connection, at: self.place, timeLimit: self.timeLimit)
        defer { query.end() }
        // Where the generation was dropped meanwhile, it is to be found out before anything else fails.
        if !isFirst, try !query.begin() {
          throw ReadModelError.notBuilt(location: self.location)
        }
        let answer = try body(PostgresRowReader(query: query))
        self.note(query.schema)
        return answer
      }
    }
  }

  /// Runs `body`, and once more where that may find what the first did not.
  private func again<Value: Sendable>(
    _ body: @Sendable (_ isFirst: Bool) async throws -> Value
  ) async throws -> Value {
    do {
      do {
        return try await body(true)
      } catch let error as PostgresError where error.isWorthAnotherQuery {
        return try await body(false)
      }
    } catch let error as PostgresError {
      switch error.kind {
      case .timedOut, .refused(.queryCancelled):
        throw ReadModelError.timeLimit(timeLimit ?? .zero, location: location)
      case .unreachable, .lost:
        throw ReadModelError.unavailable(location: location, cause: error)
      // A query that writes is wrong on any server.
      case .refused(.readOnly): throw error
      case .refused(let state) where state.reaction != .fail || state.rawValue.hasPrefix("XX"):
        throw ReadModelError.failed(location, error)
      case .refused, .cancelled, .malformed: throw error
      }
    }
  }

  // MARK: - What this library asks

  /// What statements return, all of one state of the generation.
  func ask(
    _ statements: [PostgresStatement], doing operation: String
  ) async throws(ReadModelError) -> [PostgresRows] {
    do {
      return try await again { isFirst in
        let place = self.place.statement
        let pool = self.catalog.database.reading
        if !isFirst, try await pool.run([place], operation).first?.count == 0 {
          throw ReadModelError.notBuilt(location: self.location)
        }
        let rows = try await pool.run([place] + statements, operation)
        guard rows.count == statements.count + 1 else {
          throw PostgresError(.malformed, "the server did not answer", operation: operation)
        }
        guard rows[0].count > 0 else { throw ReadModelError.notBuilt(location: self.location) }
        self.note(try rows[0].text(0, 1))
        return Array(rows.dropFirst())
      }
    } catch {
      throw .failed(location, error)
    }
  }

  func ask(
    _ sql: String, _ parameters: PostgresValue..., doing operation: String
  ) async throws(ReadModelError) -> PostgresRows {
    let rows = try await ask([PostgresStatement(sql, parameters)], doing: operation)
    guard let rows = rows.first else { throw .notBuilt(location: location) }
    return rows
  }

  /// Waits until the read model has applied a partition up to a position.
  /// - Returns: how far the partition has been applied, which is less where the time is up; `nil` for never.
  package func wait(
    for position: UInt64, in partition: Partition, atMost limit: Duration
  ) async throws -> UInt64? {
    let deadline = ContinuousClock.now + limit
    while true {
      let schema = try await found()
      let left = deadline - ContinuousClock.now
      // In steps, since a generation that is not live any more comes no further.
      let step = isPinned ? left : min(left, .milliseconds(250))
      do {
        let reached = try await catalog.database.checkpoints.wait(
          for: position, in: partition, of: schema, atMost: step)
        if reached ?? 0 >= position || step == left { return reached }
      } catch let error as PostgresError {
        // It may have been dropped: then the next turn finds another one, or none.
        guard error.isWorthAnotherQuery, !isPinned, step < left else {
          throw ReadModelError.failed(location, error)
        }
      }
    }
  }

  /// The schema of the generation.
  private func found() async throws(ReadModelError) -> String {
    if let schema = schema.withLock({ $0 }) { return schema }
    let rows = try await ask("SELECT current_schema()::text", doing: "ask what is live")
    return try catalog.failing { () throws(PostgresError) in try rows.text(0, 0) }
  }
}

extension PostgresError {
  /// Whether a query that has changed nothing may succeed if it is run again: the generation was dropped, the connection had ended
  /// before, the server takes back what a replica needs.
  var isWorthAnotherQuery: Bool {
    if kind == .lost { return true }
    guard let state else { return false }
    switch state {
    // A table or schema that is not there; a prepared statement of a table with other columns.
    case .undefinedTable, .undefinedSchema, .featureNotSupported: return true
    default:
      return state == .serializationFailure || state == .deadlock
        || state.rawValue.hasPrefix("57P") || state.rawValue.hasPrefix("08")
    }
  }
}
