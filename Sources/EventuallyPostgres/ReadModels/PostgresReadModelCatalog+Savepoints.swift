package import Eventually

/// Savepoints of a read model.
extension PostgresReadModelCatalog {
  /// Saves the live generation as it stands under a name, while workers go on.
  ///
  /// For as long as that takes, the server keeps every row version of the whole database that the copy's snapshot may need.
  /// - Parameter isDue: asked with the savepoints that there are, once nobody else can save one.
  /// - Returns: what was saved; `nil` where it was not due any more.
  /// - Throws: `ReadModelError`. Where it throws, there is no savepoint of that name that was not there before.
  package nonisolated(nonsending) func saveSavepoint(
    _ name: String, of model: any ReadModel, isAutomatic: Bool, isDue: ([Savepoint]) -> Bool
  ) async throws(ReadModelError) -> Savepoint? {
    guard Savepoint.isValid(name: name) else { throw .invalidSavepointName(name) }
    let session = try await lockedSession()
    do {
      let isStillDue = isDue(try await savepoints())
      if isStillDue { try await save(name, isAutomatic: isAutomatic, session) }
      await session.close()
      return isStillDue ? try await savepoint(name) : nil
    } catch {
      await session.close()
      throw .failed(location, error)
    }
  }

  /// A session that keeps others from saving savepoints of the read model, or changing them, until it is closed.
  func lockedSession() async throws(ReadModelError) -> CatalogSession {
    do {
      let session = try await CatalogSession(database.url)
      do {
        // A copy may take long.
        try await session.run("SET lock_timeout = 0", doing: "prepare a session")
        try await session.run(
          "SELECT pg_advisory_lock($1)", .int8(savepointKey), doing: "wait for other savepoints")
        try await session.run(
          "SELECT set_config('lock_timeout', $1, false)",
          .text("\(CatalogSession.lockTimeout.milliseconds)ms"), doing: "prepare a session")
        return session
      } catch {
        await session.close()
        throw error
      }
    } catch {
      throw .failed(location, error)
    }
  }

  var savepointKey: Int64 {
    AdvisoryLock.key("savepoints", database.names.catalog, name)
  }

  func save(
    _ savepoint: String, isAutomatic: Bool, _ session: CatalogSession
  ) async throws {
    let schema = database.names.savepoint(savepoint, of: name)
    try await session.transaction(
      "save a savepoint", .repeatableRead, in: database.names.catalog
    ) { session in
      let taken = try await session.run(
        "SELECT FROM savepoints WHERE name = $1 AND savepoint = $2", .text(name),
        .text(savepoint), doing: "look for savepoints")
      if taken.count > 0 { throw ReadModelError.savepointExists(savepoint, location: location) }
      let live = try await session.run(
        """
        SELECT g.schema, g.layout, g.number FROM read_models r JOIN generations g ON g.name = r.name AND g.number = r.live
        WHERE r.name = $1 AND r.schema_version = $2
        """, .text(name), version, doing: "ask what is live")
      guard live.count == 1 else { throw ReadModelError.notBuilt(location: location) }
      let layout = Int(try live.integer(0, 1))
      try await session.run(
        "SELECT make_schema($1, $2)", .text(schema),
        .text("Savepoint '\(savepoint)' of the read model '\(name)'"), doing: "make a schema")
      try await copy(session, from: try live.text(0, 0), to: schema, layout: layout)
      let digest = try await session.digest(of: tables, in: schema)
      let seal = try await session.seal(of: schema)
      try await session.run(
        """
        INSERT INTO savepoints
        SELECT g.name, $3, g.schema_version, $4, g.layout, g.store_id, g.partitions, clock_timestamp(), $5,
          (SELECT array_agg(coalesce(c.position, 0) ORDER BY p.partition) FROM generate_series(0, g.partitions - 1) p (partition)
            LEFT JOIN \(SQLText.name(schema)).checkpoints c ON c.partition = p.partition),
          (SELECT coalesce(max(sequence), 0) FROM \(SQLText.name(schema)).checkpoints), $6, $7, $8
        FROM generations g WHERE g.name = $1 AND g.number = $2
        """, .text(name), .int4(Int32(clamping: try live.integer(0, 2))), .text(savepoint),
        .text(schema), .bool(isAutomatic), .int8(Int64(digest.rows)), .text(digest.text),
        .text(seal), doing: "note the savepoint")
    }
  }

  /// A savepoint, as it says of itself; ``verify(_:)`` holds it against its digest.
  func foundSavepoint(_ savepoint: String) async throws(ReadModelError) -> PostgresSavepoint {
    guard let found = try await select("savepoint = $2", .text(savepoint)).first else {
      throw .noSavepoint(savepoint, location: location)
    }
    return found
  }

  /// The names of all savepoints, of every schema version.
  package func savepointNames() async throws(ReadModelError) -> [String] {
    try await allSavepoints().map(\.name).filter { !$0.hasPrefix(".") }.sorted()
  }

  /// All savepoints, of every schema version.
  func allSavepoints() async throws(ReadModelError) -> [PostgresSavepoint] {
    try await select("true")
  }

  /// All savepoints of this schema version, the oldest first.
  func foundSavepoints() async throws(ReadModelError) -> [PostgresSavepoint] {
    try await select("schema_version = $2", version)
  }

  private func select(
    _ condition: String, _ parameter: PostgresValue? = nil
  ) async throws(ReadModelError) -> [PostgresSavepoint] {
    let statement = PostgresStatement(
      """
      SELECT savepoint, schema, schema_version, layout, store_id, saved, is_automatic, sequence, rows, digest, seal, positions
      FROM savepoints WHERE name = $1 AND \(condition) ORDER BY saved, savepoint
      """, [.text(name)] + (parameter.map { [$0] } ?? []))
    let rows = try await database.ask(statement, doing: "list savepoints")
    return try failing { () throws(PostgresError) in
      var found: [PostgresSavepoint] = []
      for row in 0..<rows.count {
        var positions: [Partition: UInt64] = [:]
        for (partition, position) in try rows.integers(row, 11).enumerated() {
          positions[Partition(clamping: partition)] = UInt64(clamping: position)
        }
        found.append(
          PostgresSavepoint(
            name: try rows.text(row, 0), schema: try rows.text(row, 1),
            schemaVersion: Int(try rows.integer(row, 2)), layout: Int(try rows.integer(row, 3)),
            storeID: try rows.text(row, 4), saved: try rows.timestamp(row, 5),
            isAutomatic: try rows.bool(row, 6), positions: positions,
            sequenceNumber: try rows.unsigned(row, 7), rows: Int(try rows.integer(row, 8)),
            digest: try rows.text(row, 9), seal: try rows.text(row, 10)))
      }
      return found
    }
  }

  /// Reads a savepoint whole.
  /// - Throws: `ReadModelError.savepointSchemaVersion(_:found:expected:)` where the read model has other tables, and
  ///   `ReadModelError.damagedSavepoint(_:location:reason:)` where it is not what was saved.
  func verify(_ savepoint: PostgresSavepoint) async throws(ReadModelError) {
    guard savepoint.schemaVersion == schemaVersion else {
      throw .savepointSchemaVersion(
        savepoint.name, found: savepoint.schemaVersion, expected: schemaVersion)
    }
    do throws(ReadModelError) {
      try await database.transaction("verify a savepoint", .repeatableRead) { session in
        try await check(savepoint, session)
      }
    } catch {
      guard case .damaged = error else { throw error }
      throw .damagedSavepoint(savepoint.name, location: location, reason: "\(error)")
    }
  }

  /// Holds a savepoint's rows and all else that it has against the digests that were noted when it was saved.
  func check(_ savepoint: PostgresSavepoint, _ session: CatalogSession) async throws {
    func damaged(_ reason: String) -> ReadModelError {
      .damagedSavepoint(savepoint.name, location: location, reason: reason)
    }
    let found = try await session.digest(of: tables, in: savepoint.schema)
    guard found.text == savepoint.digest, found.rows == savepoint.rows else {
      throw damaged(
        "its rows have the digest \(found.text), and were saved with \(savepoint.digest)")
    }
    guard try await session.seal(of: savepoint.schema) == savepoint.seal else {
      throw damaged("its positions, or what is parked in it, are not what was saved")
    }
  }

  /// Deletes a savepoint for good.
  package func deleteSavepoint(_ savepoint: String) async throws(ReadModelError) {
    guard Savepoint.isValid(name: savepoint) else {
      throw .invalidSavepointName(savepoint)
    }
    try await delete(try await foundSavepoint(savepoint))
  }

  func delete(_ found: PostgresSavepoint) async throws(ReadModelError) {
    let session = try await lockedSession()
    do {
      try await session.transaction("delete a savepoint", in: database.names.catalog) { session in
        let deleted = try await session.run(
          "DELETE FROM savepoints WHERE name = $1 AND savepoint = $2 AND schema = $3",
          .text(name), .text(found.name), .text(found.schema), doing: "delete a savepoint")
        // Somebody else was faster.
        if deleted.changed == 0 { return }
        try await session.run(
          """
          SELECT drop_table($1, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
          """, .text(found.schema), doing: "drop tables")
        try await session.run(
          "SELECT drop_schema($1)", .text(found.schema), doing: "drop a schema")
      }
      await session.close()
    } catch {
      await session.close()
      throw .failed(location, error)
    }
  }
}
