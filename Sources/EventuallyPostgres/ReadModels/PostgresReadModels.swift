package import Eventually

/// A database that holds read models: a catalog of them, their generations and their savepoints.
package final class PostgresReadModels: Sendable {
  /// Where it is, for messages: an address without its password.
  package let location: String
  let url: String
  private let replica: String?
  let names: ReadModelNames
  /// For short statements.
  let pool: PostgresPool
  /// For statements that only read, on a replica where there is one; so are those that follow.
  let reading: PostgresPool
  let lookUps: QueryPool
  let scans: QueryPool
  let checkpoints: CheckpointPoll

  private let preparation = Locked<Task<Void, any Error>?>(nil)

  /// Opens a database, and makes the catalog where there is none and the role may.
  /// - Parameters:
  ///   - url: `postgres://…`; what it leaves out is taken from libpq's variables and files.
  ///   - replica: where queries are answered and tokens awaited; there as well where it is `nil`.
  ///   - catalog: the schema of the catalog.
  ///   - readers: how many connections there are for look-ups, and as many again for all other queries.
  /// - Throws: `ReadModelError.unavailable(location:cause:)`, with what the owner has to run where that is to be done.
  package convenience init(
    _ url: String, replica: String? = nil, catalog: String = "eventually_readmodels",
    readers: Int = 2
  ) async throws(ReadModelError) {
    self.init(whenAsked: url, replica: replica, catalog: catalog, readers: readers)
    try await prepare()
  }

  /// The same, when it is asked for the first time.
  package init(
    whenAsked url: String, replica: String? = nil, catalog: String = "eventually_readmodels",
    readers: Int = 2
  ) {
    self.url = url
    self.replica = replica
    names = ReadModelNames(catalog: catalog)
    location = PostgresAddress(url).location
    pool = PostgresPool(
      PostgresAddress(url).writing, options: .init(name: "readmodels.write", size: 2))
    // Without a replica, what is read is what the awaited checkpoints are of, also where the address names standbys too.
    let queried = replica.map { PostgresAddress($0).any } ?? PostgresAddress(url).writing
    reading = PostgresPool(
      queried, options: .init(name: "readmodels.read", size: 4), greet: Self.greetToRead)
    lookUps = QueryPool(queried, count: readers, label: "readmodel.lookup")
    scans = QueryPool(queried, count: readers, label: "readmodel.query")
    checkpoints = CheckpointPoll(reading)
  }

  /// All that is sent at once is then of one state. To say so with each transaction costs a statement, and a warning in the server's
  /// log, which does not take what is sent at once for a transaction block.
  private static let greetToRead: PostgresPool.Greeting = { connection throws(PostgresError) in
    let settings = """
      SELECT set_config('default_transaction_isolation', 'repeatable read', false),
        set_config('default_transaction_read_only', 'on', false)
      """
    _ = try await connection.run([PostgresStatement(settings)], "prepare the session")
  }

  /// Sees to it that the catalog is there; once, for all who ask.
  private func prepare() async throws(ReadModelError) {
    let task = preparation.withLock { preparation in
      let task =
        preparation
        ?? Task { [url, replica, names] in
          let session = try await CatalogSession(url)
          do {
            try await Pooling.check(session.connection, PostgresAddress(url).writing)
            try await Self.prepare(session, names, mayInstall: true, application: nil)
            if let replica { try await Self.check(replica: PostgresAddress(replica).any) }
          } catch {
            await session.close()
            throw error
          }
          await session.close()
        }
      preparation = task
      return task
    }
    do {
      try await task.value
    } catch {
      // The next one who asks tries it again.
      preparation.withLock { if $0 == task { $0 = nil } }
      throw .failed(location, error)
    }
  }

  /// Refuses a replica that can't answer queries before its address is another one. One that is away is ignored, after two seconds where
  /// nothing tells that it is: workers need it for nothing.
  private static func check(
    replica: PostgresAddress.Parameters
  ) async throws(PostgresError) {
    do throws(PostgresError) {
      let connection = try await PostgresConnection(
        replica, limits: .init(connecting: .seconds(2)))
      do throws(PostgresError) {
        try await Pooling.check(connection, replica)
        await connection.close()
      } catch {
        await connection.close()
        throw error
      }
    } catch {
      guard error.isLasting else { return }
      throw .lasting(
        "the replica \(PostgresAddress(replica.url).location) can't be used: \(error.message)")
    }
  }

  /// Makes the catalog, or brings it to this program's version, as its owner.
  /// - Parameter application: the role of workers and queries; `nil` where it is the owner.
  package static func install(
    _ url: String, catalog: String = "eventually_readmodels", application: String? = nil
  ) async throws(ReadModelError) {
    do {
      let session = try await CatalogSession(url)
      do {
        try await prepare(
          session, ReadModelNames(catalog: catalog), mayInstall: true, application: application)
      } catch {
        await session.close()
        throw error
      }
      await session.close()
    } catch {
      throw .failed(PostgresAddress(url).location, error)
    }
  }

  /// Closes the connections that nobody uses.
  package func close() async {
    await pool.close()
    await reading.close()
    await lookUps.close()
    await scans.close()
  }

  /// Runs `body` on a connection of its own.
  func withSession<Value: Sendable>(
    _ body: @Sendable (CatalogSession) async throws -> Value
  ) async throws(ReadModelError) -> Value {
    try await prepare()
    do {
      let session = try await CatalogSession(url)
      do {
        let value = try await body(session)
        await session.close()
        return value
      } catch {
        await session.close()
        throw error
      }
    } catch {
      throw .failed(location, error)
    }
  }

  /// A transaction on the catalog, on a connection of its own.
  func transaction<Value: Sendable>(
    _ operation: String, _ isolation: CatalogSession.Isolation = .readCommitted,
    _ body: @Sendable (CatalogSession) async throws -> Value
  ) async throws(ReadModelError) -> Value {
    try await withSession { [names] session in
      try await session.transaction(operation, isolation, in: names.catalog, body)
    }
  }

  /// Asks the catalog, on a connection of the pool.
  func ask(
    _ sql: String, _ parameters: PostgresValue..., doing operation: String
  ) async throws(ReadModelError) -> PostgresRows {
    var statement = PostgresStatement(sql)
    statement.parameters = parameters
    return try await ask(statement, doing: operation)
  }

  /// The same in a schema, the catalog's where none is named.
  func ask(
    _ statement: PostgresStatement, in schema: String? = nil, doing operation: String
  ) async throws(ReadModelError) -> PostgresRows {
    try await prepare()
    do {
      guard
        let rows = try await pool.run(
          [CatalogSession.path(schema ?? names.catalog), statement], operation
        ).last
      else { throw PostgresError(.malformed, "the server did not answer", operation: operation) }
      return rows
    } catch {
      throw .failed(location, error)
    }
  }
}

/// The catalog's schema.
extension PostgresReadModels {
  /// What is wrong with a database, and what to do.
  struct Problem: Error, CustomStringConvertible {
    var description: String
  }

  private static func prepare(
    _ session: CatalogSession, _ names: ReadModelNames, mayInstall: Bool, application: String?
  ) async throws {
    let server = try await session.run(
      "SELECT current_setting('server_encoding'), current_setting('server_version_num')::int4, current_setting('server_version')",
      doing: "ask for the server's version")
    guard try server.text(0, 0) == "UTF8" else {
      throw Problem(
        description:
          "the database's encoding is \(try server.text(0, 0)): create one with the encoding UTF8")
    }
    guard try server.integer(0, 1) >= 140_000 else {
      throw Problem(
        description: "the server is PostgreSQL \(try server.text(0, 2)): 14 or newer is needed")
    }
    if try await version(session, names) == CatalogSchema.version, application == nil { return }
    // Several workers may begin at the same time. The lock ends with the session: a transaction that waited for it might still
    // remember that there is no such schema.
    try await session.run("SET lock_timeout = '60s'", doing: "prepare a session")
    try await session.run(
      "SELECT pg_advisory_lock($1)", .int8(AdvisoryLock.key("catalog", names.catalog)),
      doing: "wait for the catalog")
    try await session.transaction("make the catalog", in: names.catalog) { session in
      let found = try await version(session, names)
      if found > CatalogSchema.version {
        throw Problem(
          description:
            "the catalog '\(names.catalog)' has version \(found), newer than this program's \(CatalogSchema.version): run the newer program"
        )
      }
      try await bring(session, names, from: found, application: application)
    }
  }

  private static func bring(
    _ session: CatalogSession, _ names: ReadModelNames, from found: Int, application: String?
  ) async throws {
    let schema = SQLText.name(names.catalog)
    do {
      if found == 0 {
        try await session.run(all: ["CREATE SCHEMA \(schema)"], doing: "make the catalog")
        try await session.run(
          all: ["COMMENT ON SCHEMA \(schema) IS 'Read models: which there are, and where'"],
          doing: "make the catalog")
      }
      for step in CatalogSchema.steps(names)[found...] {
        try await session.run(all: step, doing: "make the catalog")
      }
      if found == 0 {
        try await session.run(
          "INSERT INTO catalog (schema_version) VALUES ($1)", .int4(0), doing: "make the catalog")
      }
      try await session.run(
        "UPDATE catalog SET schema_version = $1, application = coalesce($2, application)",
        .int4(Int32(CatalogSchema.version)), application.map { .text($0) } ?? .null,
        doing: "make the catalog")
      if let application {
        try await session.run(
          all: CatalogSchema.grants(names, to: application), doing: "let the application use it")
      }
    } catch {
      guard error.state == .insufficientPrivilege else { throw error }
      throw Problem(
        description:
          "\(error); the catalog '\(names.catalog)' has version \(found) and is to have \(CatalogSchema.version): the owner of the "
          + "database makes that with the administrative command 'schema --read-models postgres://OWNER@…'"
      )
    }
  }

  /// The version of the catalog's tables; 0 where there are none.
  private static func version(
    _ session: CatalogSession, _ names: ReadModelNames
  ) async throws -> Int {
    let table = "\(SQLText.name(names.catalog)).catalog"
    let isThere = try await session.run(
      "SELECT to_regclass($1) IS NOT NULL", .text(table), doing: "look for the catalog")
    guard try isThere.bool(0, 0) else { return 0 }
    let rows = try await session.run(
      "SELECT schema_version FROM \(table)", doing: "read the catalog's version")
    guard rows.count == 1 else {
      throw Problem(description: "the table \(table) does not have its one row")
    }
    return Int(try rows.integer(0, 0))
  }
}

extension ReadModelError {
  /// What a failed call on a read model's database tells its caller, where the statements were this library's own.
  static func failed(_ location: String, _ cause: any Error) -> ReadModelError {
    if let error = cause as? ReadModelError { return error }
    guard let error = cause as? PostgresError, let state = error.state else {
      return .unavailable(location: location, cause: cause)
    }
    if error.isFull { return .full(location: location) }
    switch state {
    // Tables or columns that are not there or are others, and pages that can't be read.
    case .undefinedTable, .undefinedSchema, .undefinedColumn, .datatypeMismatch, .dataCorrupted,
      .indexCorrupted:
      return .damaged(location: location, cause: cause)
    default: return .unavailable(location: location, cause: cause)
    }
  }
}
