import Eventually

/// One query: a transaction that sees one state of a read model, and only reads.
///
/// What finds the generation is sent with the query's first statement, in one round trip.
final class PostgresQuery {
  private let connection: QueryConnection
  private let deadline: ContinuousClock.Instant
  /// What is to be sent before the next statement.
  private var pending: [QueryConnection.Statement]
  private var hasBegun = false
  /// Where it reads; `nil` before its first statement, and where there is no generation.
  private(set) var schema: String?

  /// A server stops by itself, and says so; this only catches one that can't.
  static let grace = Duration.seconds(2)

  /// - Parameters:
  ///   - place: sets the search path, and gives a row where there is a generation.
  ///   - timeLimit: how long the query may take; `nil` for as long as it does.
  init(_ connection: QueryConnection, at place: PostgresPlace, timeLimit: Duration?) {
    self.connection = connection
    deadline = .now + (timeLimit.map { $0 + Self.grace } ?? .seconds(86_400))
    let limit = timeLimit.map { max(1, $0.milliseconds) } ?? 0
    pending = [
      QueryConnection.Statement(sql: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
      QueryConnection.Statement(
        sql: "SELECT set_config('statement_timeout', $1, true)",
        parameters: [.text("\(limit)ms")]),
      QueryConnection.Statement(sql: place.statement.sql, parameters: place.statement.parameters),
    ]
  }

  /// Begins, before any statement of the query.
  /// - Returns: whether there is a generation.
  func begin() throws(PostgresError) -> Bool {
    let statements = pending
    pending = []
    hasBegun = true
    let results = try connection.run(statements, until: deadline, "begin a query")
    try note(results)
    return schema != nil
  }

  func run(_ statement: QueryConnection.Statement) throws(PostgresError) -> PostgresRows {
    let statements = pending + [statement]
    pending = []
    hasBegun = true
    let results = try connection.run(statements, until: deadline, "read")
    if statements.count > 1 { try note(results) }
    guard results.count == statements.count, let rows = results.last else {
      throw PostgresError(.malformed, "the server did not answer", operation: "read")
    }
    return rows
  }

  private func note(_ results: [PostgresRows]) throws(PostgresError) {
    guard results.count > 2, results[2].count > 0 else { return }
    schema = try results[2].text(0, 1)
  }

  /// Ends the transaction: where it fails, the connection has ended, which ends it too.
  func end() {
    guard hasBegun, connection.isIdle else { return }
    _ = try? connection.run(
      [QueryConnection.Statement(sql: "ROLLBACK")], until: .now + Self.grace, "end a query")
  }
}

/// Where the tables of a query are.
enum PostgresPlace: Sendable {
  /// In whatever generation is live when the query begins.
  case live(catalog: String, model: String, schemaVersion: Int)
  /// In a schema.
  case schema(String)

  /// Sets the search path for a transaction, and gives a row with that and the schema; none where there is no generation.
  var statement: PostgresStatement {
    switch self {
    case .live(let catalog, let model, let version):
      let catalog = SQLText.name(catalog)
      return PostgresStatement(
        """
        SELECT set_config('search_path', quote_ident(g.schema) || ', pg_temp', true), g.schema
        FROM \(catalog).read_models r JOIN \(catalog).generations g ON g.name = r.name AND g.number = r.live
        WHERE r.name = $1 AND r.schema_version = $2
        """, .text(model), .int4(Int32(clamping: version)))
    case .schema(let schema):
      return PostgresStatement(
        "SELECT set_config('search_path', quote_ident($1) || ', pg_temp', true), $1 FROM pg_namespace WHERE nspname = $1",
        .text(schema))
    }
  }
}
