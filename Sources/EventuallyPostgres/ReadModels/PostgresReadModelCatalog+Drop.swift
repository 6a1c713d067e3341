package import Eventually

extension PostgresReadModelCatalog {
  /// Queries that have found a generation live may go on reading it for so long before its tables go. Those that come to a table that is
  /// gone are answered from the live one.
  static let grace = Duration.seconds(5)

  /// Deletes a generation for good.
  ///
  /// A live one can be dropped where it is of an earlier schema version than this code's, which has a live generation of its own, and no
  /// worker of that version runs. Programs of that version that answer queries find no read model then.
  /// - Throws: `ReadModelError.generationInUse(_:location:reason:)` where it is live otherwise, and
  ///   `ReadModelError.replayRunning(location:)` where a replay is building it.
  package func drop(_ number: Int) async throws(ReadModelError) {
    let found = try await found(number)
    // What a replay is building, or compares with, is its own for as long as it runs.
    let isOfReplay = found.isBuilding && found.replay != nil
    let isSuperseded = found.isLive && found.schemaVersion < schemaVersion
    let lock = isOfReplay || isSuperseded ? try await PostgresReplayLock(self) : nil
    do throws(ReadModelError) {
      try await markDropped(found)
      await lock?.release()
    } catch {
      await lock?.release()
      throw error
    }
    if let seconds = found.notLiveSince {
      do {
        try await Task.sleep(for: max(.zero, Self.grace - .seconds(seconds)))
      } catch {
        throw .failed(location, error)
      }
    }
    try await dropSchema(found.schema)
  }

  /// From here on nobody makes it live. Its schema is left over, until it is dropped.
  private func markDropped(_ generation: PostgresGeneration) async throws(ReadModelError) {
    var owner = self
    owner.schemaVersion = generation.schemaVersion
    let (catalog, current) = (owner, try await foundLive())
    try await database.transaction("drop a generation") { session in
      let isLive = try await catalog.lockPointer(session) == generation.number
      if isLive {
        if let reason = try await use(ofLive: generation, current, session) {
          throw ReadModelError.generationInUse(
            generation.number, location: location, reason: reason)
        }
        try await session.run(
          "UPDATE read_models SET live = NULL WHERE name = $1 AND schema_version = $2",
          .text(name), catalog.version, doing: "drop a generation")
      }
      try await session.run(
        "UPDATE generations SET dropped = clock_timestamp() WHERE name = $1 AND number = $2",
        .text(name), .int4(Int32(clamping: generation.number)), doing: "drop a generation")
    }
  }

  /// Why a live generation can't be dropped, and what to do; `nil` where it can.
  private func use(
    ofLive generation: PostgresGeneration, _ current: PostgresGeneration?, _ session: CatalogSession
  ) async throws -> String? {
    let version = generation.schemaVersion
    if version == schemaVersion {
      return
        "it is live: switch to another one of schema version \(version) first, which a replay makes"
    }
    if version > schemaVersion {
      return
        "it is live for schema version \(version), newer than this program's \(schemaVersion): drop it with a program of a "
        + "newer version"
    }
    if current?.isThere != true {
      return
        "it is live for schema version \(version), and schema version \(schemaVersion) has no live generation yet: run a worker "
        + "of version \(schemaVersion) first"
    }
    let isFree = try await session.run(
      "SELECT pg_try_advisory_xact_lock($1)", .int8(AdvisoryLock.use(ofSchema: generation.schema)),
      doing: "look for workers")
    return try isFree.bool(0, 0)
      ? nil
      : "a worker of schema version \(version) works on it: stop the workers of that version first"
  }

  /// Drops the schemas of generations that were marked as dropped by processes that were killed then.
  func removeLeftovers() async throws(ReadModelError) {
    let rows = try await database.ask(
      """
      SELECT g.schema FROM generations g JOIN pg_namespace n ON n.nspname = g.schema
      WHERE g.name = $1 AND g.dropped < clock_timestamp() - interval '1 minute'
      """, .text(name), doing: "look for leftovers")
    let schemas = try failing { () throws(PostgresError) in
      try (0..<rows.count).map { row throws(PostgresError) in try rows.text(row, 0) }
    }
    for schema in schemas { try await dropSchema(schema) }
  }

  /// Drops a schema table by table. Whoever reads one is waited for in short turns, since those who come to it later wait behind
  /// this.
  func dropSchema(_ schema: String) async throws(ReadModelError) {
    try await database.withSession { [database] session in
      try await session.run(
        "SELECT set_config('lock_timeout', '200ms', false), set_config('search_path', $1, false)",
        .text(SQLText.name(database.names.catalog)), doing: "prepare a session")
      let rows = try await session.run(
        """
        SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') ORDER BY 1
        """, .text(schema), doing: "list tables")
      for row in 0..<rows.count {
        let table = try rows.text(row, 0)
        try await Self.patiently {
          try await session.run(
            "SELECT drop_table($1, $2)", .text(schema), .text(table), doing: "drop a table")
        }
      }
      try await Self.patiently {
        try await session.run("SELECT drop_schema($1)", .text(schema), doing: "drop a schema")
      }
    }
  }

  /// For at most so long whoever reads a table that is to be dropped is waited for.
  private static let patience = Duration.seconds(60)

  private static func patiently(_ body: @Sendable () async throws -> Void) async throws {
    let start = ContinuousClock.now
    while true {
      do {
        return try await body()
      } catch let error as PostgresError
        where error.state == .lockNotAvailable && ContinuousClock.now - start < patience
      {
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }
}

extension AdvisoryLock {
  /// Whoever works on a generation has it, shared, for as long as its session lives.
  static func use(ofSchema schema: String) -> Int64 { key("use", schema) }
}
