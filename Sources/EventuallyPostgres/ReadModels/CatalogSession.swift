import Eventually

/// A connection of its own for a piece of work on a catalog that may take longer than a query, and must not wait in line behind them.
struct CatalogSession: Sendable {
  let connection: PostgresConnection

  enum Isolation: String {
    /// Each statement sees what is committed when it begins: for what waits for locks.
    case readCommitted = "READ COMMITTED"
    /// All statements see one state: for copies.
    case repeatableRead = "REPEATABLE READ"
  }

  /// For how long a statement waits for somebody else's lock.
  static let lockTimeout = Duration.seconds(10)

  /// - Parameter url: the database.
  init(_ url: String) async throws(PostgresError) {
    // What a copy takes depends on its size: who waits for it cancels the task.
    connection = try await PostgresConnection(
      PostgresAddress(url).writing, limits: .init(exchange: .seconds(86_400)))
    do {
      _ = try await connection.run(
        [
          PostgresStatement(
            """
            SELECT set_config('lock_timeout', $1, false), set_config('statement_timeout', '0', false),
              set_config('idle_in_transaction_session_timeout', '60s', false),
              set_config('idle_session_timeout', '0', false),
              set_config('default_transaction_isolation', 'read committed', false),
              set_config('synchronous_commit', 'on', false),
              set_config('client_min_messages', 'warning', false),
              set_config('TimeZone', 'UTC', false),
              \(ClientLoss.settings)
            """, .text("\(Self.lockTimeout.milliseconds)ms"))
        ], "prepare a session")
    } catch {
      await connection.close()
      throw error
    }
  }

  /// Runs one statement.
  @discardableResult
  func run(
    _ sql: String, _ parameters: PostgresValue..., doing operation: String
  ) async throws(PostgresError) -> PostgresRows {
    var statement = PostgresStatement(sql)
    statement.parameters = parameters
    guard let rows = try await connection.run([statement], operation).first else {
      throw PostgresError(.malformed, "the server did not answer", operation: operation)
    }
    return rows
  }

  /// Runs statements without parameters, in one exchange.
  func run(all statements: [String], doing operation: String) async throws(PostgresError) {
    _ = try await connection.run(statements.map { PostgresStatement($0) }, operation)
  }

  /// Runs a transaction, and once more where it lost against another one.
  /// - Parameter schema: where names without a schema lead.
  func transaction<Value: Sendable>(
    _ operation: String, _ isolation: Isolation = .readCommitted, in schema: String,
    _ body: @Sendable (CatalogSession) async throws -> Value
  ) async throws -> Value {
    var attempt = 1
    while true {
      do {
        try await begin(isolation, in: schema, doing: operation)
        let value = try await body(self)
        try await run("COMMIT", doing: operation)
        return value
      } catch {
        // Where it can't be rolled back, the connection has ended, and the transaction with it.
        _ = try? await run("ROLLBACK", doing: operation)
        guard attempt < 5, let state = (error as? PostgresError)?.state,
          state == .serializationFailure || state == .deadlock
        else { throw error }
        attempt += 1
      }
    }
  }

  /// Begins a transaction.
  func begin(
    _ isolation: Isolation, in schema: String, doing operation: String
  ) async throws(PostgresError) {
    _ = try await connection.run(
      [
        PostgresStatement("BEGIN ISOLATION LEVEL \(isolation.rawValue)"), Self.path(schema),
      ], operation)
  }

  /// Until the end of the transaction, names without a schema lead to this one.
  static func path(_ schema: String) -> PostgresStatement {
    path(quoted: SQLText.name(schema))
  }

  static func path(quoted schema: String) -> PostgresStatement {
    PostgresStatement(
      "SELECT set_config('search_path', $1, true)", .text("\(schema), pg_temp"))
  }

  func close() async { await connection.close() }
}

extension PostgresRows {
  /// - Returns: `nil` where it is null.
  func optionalInteger(_ row: Int, _ column: Int) throws(PostgresError) -> Int64? {
    isNull(row, column) ? nil : try integer(row, column)
  }

  /// - Returns: `nil` where it is null.
  func optionalText(_ row: Int, _ column: Int) throws(PostgresError) -> String? {
    isNull(row, column) ? nil : try text(row, column)
  }

  /// An array of `bigint`; what is null in it counts as 0.
  func integers(_ row: Int, _ column: Int) throws(PostgresError) -> [Int64] {
    try bytes(row, column) { bytes throws(PostgresError) in
      let malformed = PostgresError(
        .malformed, "column \(column) of a row is no list of integers", operation: "read")
      func number<Number: FixedWidthInteger>(_ place: Int, _: Number.Type) -> Number? {
        guard place >= 0, place <= bytes.count - MemoryLayout<Number>.size else { return nil }
        return Number(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: Number.self))
      }
      // Dimensions, whether there are nulls, the elements' type; of the one dimension its length and first index.
      guard let dimensions = number(0, Int32.self) else { throw malformed }
      if dimensions == 0 { return [] }
      guard dimensions == 1, let count = number(12, Int32.self) else { throw malformed }
      var values: [Int64] = []
      var place = 20
      for _ in 0..<max(0, count) {
        switch number(place, Int32.self) {
        case -1: values.append(0)
        case 8:
          guard let value = number(place + 4, Int64.self) else { throw malformed }
          values.append(value)
          place += 8
        default: throw malformed
        }
        place += 4
      }
      return values
    }
  }
}
