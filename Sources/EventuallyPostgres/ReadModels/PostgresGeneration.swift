package import Eventually

/// One build of a read model in a database.
package struct PostgresGeneration: Sendable, Hashable {
  /// Its number.
  package var number: Int
  /// The schema of its tables.
  package var schema: String
  /// The version of its tables.
  package var schemaVersion: Int
  /// The version of the tables beside the read model's own.
  var layout: Int
  /// The store that its events come from.
  package var storeID: String
  /// How many partitions that store has.
  package var partitionCount: Partition
  /// What it was begun from, in words.
  package var origin: String
  /// When it was begun.
  package var created: Timestamp
  /// Whether it has never caught up with the store yet.
  package var isBuilding: Bool
  /// What a replay that is building it, or has built it, was asked for; `nil` where workers began it.
  package var replay: String?
  /// Whether it is the live one of its schema version.
  package var isLive: Bool
  /// Whether its schema is there: somebody may have dropped it by hand.
  var isThere: Bool
  /// Since when another one is live in its place, in seconds by the server's clock; `nil` where it never was live, or is.
  var notLiveSince: Double?
  /// What the replay has told of itself last.
  var note: ReplayNote?

  func check(
    storeID: String, partitionCount: Partition, _ location: String
  ) throws(ReadModelError) {
    guard self.storeID == storeID else {
      throw .otherStore(location: location, found: self.storeID, expected: storeID)
    }
    guard self.partitionCount == partitionCount else {
      throw .partitionCount(
        location: location, found: self.partitionCount, expected: partitionCount)
    }
  }
}

extension PostgresReadModelCatalog {
  /// All generations, of every schema version, in the order in which they were begun.
  func allGenerations() async throws(ReadModelError) -> [PostgresGeneration] {
    try await generations("g.dropped IS NULL")
  }

  /// A generation that exists.
  /// - Throws: `ReadModelError.noGeneration(_:location:)`.
  func found(_ number: Int) async throws(ReadModelError) -> PostgresGeneration {
    let found = try await generations(
      "g.dropped IS NULL AND g.number = $2", .int4(Int32(clamping: number)))
    guard let found = found.first else { throw .noGeneration(number, location: location) }
    return found
  }

  /// The live generation; `nil` where there is none.
  func foundLive() async throws(ReadModelError) -> PostgresGeneration? {
    try await generations("r.live IS NOT NULL AND g.schema_version = $2", version).first
  }

  func generations(
    _ condition: String, _ parameter: PostgresValue? = nil
  ) async throws(ReadModelError) -> [PostgresGeneration] {
    let sql = """
      SELECT g.number, g.schema, g.schema_version, g.layout, g.store_id, g.partitions, g.origin, g.created, g.is_building, g.replay,
        r.live IS NOT NULL, EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = g.schema),
        (1000 * extract(epoch FROM clock_timestamp() - g.live_until))::bigint,
        g.note, (1000 * extract(epoch FROM clock_timestamp() - g.noted))::bigint
      FROM generations g
      LEFT JOIN read_models r ON r.name = g.name AND r.schema_version = g.schema_version AND r.live = g.number
      WHERE g.name = $1 AND \(condition) ORDER BY g.number
      """
    var statement = PostgresStatement(sql, .text(name))
    if let parameter { statement.parameters.append(parameter) }
    do {
      let rows = try await database.ask(statement, doing: "list generations")
      return try (0..<rows.count).map { row in
        let partitions = try rows.integer(row, 5)
        guard let partitionCount = Partition(exactly: partitions), partitionCount > 0 else {
          throw PostgresReadModels.Problem(
            description: "it says that its store has \(partitions) partitions")
        }
        return PostgresGeneration(
          number: Int(try rows.integer(row, 0)), schema: try rows.text(row, 1),
          schemaVersion: Int(try rows.integer(row, 2)), layout: Int(try rows.integer(row, 3)),
          storeID: try rows.text(row, 4), partitionCount: partitionCount,
          origin: try rows.text(row, 6), created: try rows.timestamp(row, 7),
          isBuilding: try rows.bool(row, 8), replay: try rows.optionalText(row, 9),
          isLive: try rows.bool(row, 10), isThere: try rows.bool(row, 11),
          notLiveSince: try rows.optionalInteger(row, 12).map { Double($0) / 1000 },
          note: try rows.optionalText(row, 13).map {
            ReplayNote(text: $0, age: .milliseconds(try rows.optionalInteger(row, 14) ?? 0))
          })
      }
    } catch {
      throw .failed(location, error)
    }
  }

  /// How many events a generation has applied.
  func events(of generation: PostgresGeneration) async throws(ReadModelError) -> UInt64 {
    let rows = try await database.ask(
      PostgresStatement("SELECT coalesce(sum(position), 0)::bigint FROM checkpoints"),
      in: generation.schema, doing: "count events")
    return try failing { () throws(PostgresError) in try rows.unsigned(0, 0) }
  }

  /// Makes a generation for a replay. The caller has the right to replay.
  /// - Parameters:
  ///   - request: what was asked for, in words.
  ///   - base: the savepoint that it begins from; `nil` for the first event.
  func begin(
    _ request: String, from base: PostgresSavepoint?, storeID: String, partitionCount: Partition
  ) async throws(ReadModelError) -> Int {
    try await removeLeftovers()
    let live = try await foundLive()
    return try await database.transaction("begin a generation") { session in
      if base != nil {
        // A savepoint is changed by nobody meanwhile, who would forget a stream in it.
        try await session.run(
          "SELECT pg_advisory_xact_lock_shared($1)", .int8(savepointKey),
          doing: "wait for those who save savepoints")
      }
      try await lockGenerations(session)
      let number = try await make(
        session, origin: base.map { "the savepoint '\($0.name)'" } ?? "the first event",
        replay: request, storeID: storeID, partitionCount: partitionCount, from: base)
      if let live, live.isThere {
        // What an administrator has decided about events of unknown types holds for this generation too.
        let schema = SQLText.name(database.names.generation(number, of: name))
        try await session.run(
          """
          INSERT INTO \(schema).park_requests SELECT * FROM \(SQLText.name(live.schema)).park_requests
          ON CONFLICT DO NOTHING
          """, doing: "take requests over")
      }
      return number
    }
  }

  /// Notes that a generation has caught up once: from now on it counts as built.
  package func completeBuild(of number: Int) async throws(ReadModelError) {
    _ = try await database.ask(
      "UPDATE generations SET is_building = false WHERE name = $1 AND number = $2 AND is_building",
      .text(name), .int4(Int32(clamping: number)), doing: "note that a generation is built")
  }
}
