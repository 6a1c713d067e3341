package import Eventually

/// What a database has of one read model: its generations, which of them is live, and its savepoints.
///
/// Which generation is live is a row, that queries and workers read in their own transactions; so a switch is seen by all at once. Each
/// schema version of the read model has a live generation of its own: the code before and after a change of the tables can work side
/// by side.
package struct PostgresReadModelCatalog: Sendable {
  package let database: PostgresReadModels
  /// The read model's name.
  package let name: String
  /// The schema version whose live generation is meant.
  package internal(set) var schemaVersion: Int
  let tables: [TableSchema]
  /// Where processes of this host note what they work on; `nil` for nowhere.
  let journals: String?

  /// What `database` has of a read model.
  /// - Parameter journals: the folder where processes of this host note what they work on, so that an event that ends them is parked;
  ///   `nil` for none.
  package init(_ database: PostgresReadModels, model: any ReadModel, journals: String? = nil) {
    self.database = database
    self.journals = journals
    name = model.name
    schemaVersion = model.schemaVersion
    tables = model.tables.map { $0.schema }
  }

  /// Where it is, for messages.
  package var location: String { "'\(name)' in \(database.location)" }

  /// The number of the live generation; `nil` where there is none yet.
  package func live() async throws(ReadModelError) -> Int? {
    let rows = try await database.ask(
      "SELECT live FROM read_models WHERE name = $1 AND schema_version = $2", .text(name), version,
      doing: "ask what is live")
    return try failing { () throws(PostgresError) in
      rows.count == 0 ? nil : try rows.optionalInteger(0, 0).map { Int($0) }
    }
  }

  var version: PostgresValue { .int4(Int32(clamping: schemaVersion)) }

  /// Runs `body`, with its failure as a read model's.
  func failing<Value>(
    _ body: () throws(PostgresError) -> Value
  ) throws(ReadModelError) -> Value {
    do throws(PostgresError) { return try body() } catch { throw .failed(location, error) }
  }

  /// The live generation; the first one is begun where there is none, or where its schema was dropped by hand.
  /// - Throws: `ReadModelError` where what is live was built from another store.
  func openLive(
    storeID: String, partitionCount: Partition
  ) async throws(ReadModelError) -> PostgresGeneration {
    if let live = try await foundLive(), live.isThere {
      try live.check(storeID: storeID, partitionCount: partitionCount, location)
      return live
    }
    try await removeLeftovers()
    try await beginFirst(storeID: storeID, partitionCount: partitionCount)
    guard let live = try await foundLive() else { throw .notBuilt(location: location) }
    try live.check(storeID: storeID, partitionCount: partitionCount, location)
    return live
  }

  private func beginFirst(
    storeID: String, partitionCount: Partition
  ) async throws(ReadModelError) {
    try await database.transaction("begin the first generation") { session in
      try await lockGenerations(session)
      if let live = try await lockPointer(session), try await isThere(live, session) { return }
      let number = try await make(
        session, origin: "the first event", replay: nil, storeID: storeID,
        partitionCount: partitionCount)
      try await session.run(
        "UPDATE read_models SET live = $3 WHERE name = $1 AND schema_version = $2", .text(name),
        version, .int4(Int32(clamping: number)), doing: "make it live")
    }
  }

  private func isThere(_ number: Int, _ session: CatalogSession) async throws -> Bool {
    let rows = try await session.run(
      """
      SELECT FROM generations g JOIN pg_namespace n ON n.nspname = g.schema
      WHERE g.name = $1 AND g.number = $2 AND g.dropped IS NULL
      """, .text(name), .int4(Int32(clamping: number)), doing: "look for the generation")
    return rows.count == 1
  }

  /// Keeps others from making generations and savepoints of the read model, until the transaction ends.
  func lockGenerations(_ session: CatalogSession) async throws(PostgresError) {
    try await session.run(
      "SELECT pg_advisory_xact_lock($1)",
      .int8(AdvisoryLock.key("generations", database.names.catalog, name)),
      doing: "wait for others that make generations")
  }

  /// Keeps others from switching, and workers from taking partitions, until the transaction ends.
  /// - Returns: what is live.
  func lockPointer(_ session: CatalogSession) async throws(PostgresError) -> Int? {
    try await session.run(
      "INSERT INTO read_models (name, schema_version) VALUES ($1, $2) ON CONFLICT DO NOTHING",
      .text(name), version, doing: "note the read model")
    let rows = try await session.run(
      "SELECT live FROM read_models WHERE name = $1 AND schema_version = $2 FOR UPDATE",
      .text(name), version, doing: "wait for others that switch generations")
    return rows.count == 0 ? nil : try rows.optionalInteger(0, 0).map { Int($0) }
  }

  /// Waits for whoever has ``lockPointer(_:)``; in a transaction that takes partitions, whose leases a later switch fences then.
  var waitForSwitch: PostgresStatement {
    PostgresStatement(
      """
      SELECT FROM \(SQLText.name(database.names.catalog)).read_models
      WHERE name = $1 AND schema_version = $2 FOR SHARE
      """, .text(name), version)
  }

  /// Keeps what a replay tells of itself with a generation; the text is the first parameter, which is still to be added.
  func keepNote(of generation: PostgresGeneration) -> PostgresStatement {
    PostgresStatement(
      """
      UPDATE \(SQLText.name(database.names.catalog)).generations SET note = $1, noted = clock_timestamp()
      WHERE schema = \(SQLText.literal(generation.schema)) AND dropped IS NULL
      """)
  }

  /// Makes a generation in the session's transaction, and leaves its search path at the catalog.
  /// - Parameter base: the savepoint that it begins from; `nil` for nothing.
  func make(
    _ session: CatalogSession, origin: String, replay: String?, storeID: String,
    partitionCount: Partition, from base: PostgresSavepoint? = nil
  ) async throws -> Int {
    try ReadModelNames.check(tables)
    let last = try await session.run(
      "SELECT coalesce(max(number), 0) FROM generations WHERE name = $1", .text(name),
      doing: "take a number")
    let number = Int(try last.integer(0, 0)) + 1
    let schema = database.names.generation(number, of: name)
    try await session.run(
      "SELECT make_schema($1, $2)", .text(schema),
      .text("Generation \(number) of the read model '\(name)', begun from \(origin)"),
      doing: "make a schema")
    if let base {
      try await copy(session, from: base.schema, to: schema, layout: base.layout)
      try await session.run(
        "DELETE FROM \(SQLText.name(schema)).removals WHERE state = 2",
        doing: "leave out what is forgotten")
    } else {
      try await fill(session, schema, with: GenerationTables.create(tables))
    }
    try await fill(
      session, schema, with: GenerationTables.view(of: schema, catalog: database.names.catalog))
    try await session.run(
      """
      INSERT INTO generations
        (name, number, schema_version, schema, layout, store_id, partitions, origin, created, replay)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp(), $9)
      """, .text(name), .int4(Int32(clamping: number)), version, .text(schema),
      .int4(Int32(clamping: base?.layout ?? GenerationTables.layout)), .text(storeID),
      .int4(Int32(partitionCount)), .text(origin), replay.map { .text($0) } ?? .null,
      doing: "note the generation")
    return number
  }

  /// Runs statements in a schema.
  func fill(
    _ session: CatalogSession, _ schema: String, with statements: [String]
  ) async throws(PostgresError) {
    let share = PostgresStatement("SELECT share_tables($1)", .text(schema))
    _ = try await session.connection.run(
      [CatalogSession.path(schema)] + statements.map { PostgresStatement($0) }
        + [CatalogSession.path(database.names.catalog), share], "make tables")
  }

  /// Copies what a schema has to one that is empty: rows first, since keys and indexes are made in a third of the time then.
  /// - Parameter layout: the version of the tables beside the read model's own.
  func copy(
    _ session: CatalogSession, from source: String, to schema: String, layout: Int
  ) async throws(PostgresError) {
    let source = SQLText.name(source)
    var statements = GenerationTables.steps.prefix(layout).flatMap { $0 }
    statements += GenerationTables.names.subtracting(["shared_lock"]).sorted().map {
      "INSERT INTO \($0) SELECT * FROM \(source).\($0)"
    }
    for table in tables {
      let name = SQLText.name(table.name)
      let columns = table.columns.map { SQLText.name($0.name) }.joined(separator: ", ")
      statements += GenerationTables.create(table)
      statements.append("INSERT INTO \(name) (\(columns)) SELECT \(columns) FROM \(source).\(name)")
      statements += GenerationTables.keys(table)
      // Without it, the first queries would be planned as for an empty table.
      statements.append("ANALYZE \(name)")
    }
    try await fill(session, schema, with: statements)
  }
}
