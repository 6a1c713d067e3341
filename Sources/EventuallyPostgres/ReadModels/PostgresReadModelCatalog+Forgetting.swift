package import Eventually

extension PostgresReadModelCatalog {
  /// A schema that may hold rows of removed streams.
  private struct Part: Sendable {
    var schema: String
    var schemaVersion: Int
    var isLive = false
    var savepoint: PostgresSavepoint?
    /// Why it is not touched.
    var refusal: String?
  }

  /// Whether the live generation knows of removed streams of which something may be left.
  package func hasPendingRemovals() async throws(ReadModelError) -> Bool {
    guard let live = try await foundLive(), live.isThere else { return false }
    let rows = try await database.ask(
      PostgresStatement("SELECT FROM removals LIMIT 1"), in: live.schema, doing: "list removals")
    return rows.count > 0
  }

  /// Leaves nothing of removed streams in any generation or savepoint: those from before the removal forget the streams' rows too, and
  /// `VACUUM` goes over what has forgotten, once nobody can see what was.
  ///
  /// Pages that the server has freed are overwritten when it uses them again; its log, backups and replicas keep what they have for as
  /// long as they are kept.
  /// - Parameters:
  ///   - model: forgets rows.
  ///   - isWorker: no matter: nothing keeps workers waiting for long.
  ///   - progress: called before each part with which it is, and how much of all is done.
  /// - Throws: `ReadModelError` where it can't be found out what there is to forget.
  package nonisolated(nonsending) func forgetRemoved(
    _ model: any ReadModel, asWorker isWorker: Bool,
    progress: (_ part: String, _ done: Double) -> Void
  ) async throws(ReadModelError) -> ForgettingOutcome {
    if try await pending(in: parts()).isEmpty { return ForgettingOutcome() }
    // Nobody begins to save a savepoint meanwhile, and whoever has begun has ended: it may be from before the removal.
    let session = try await lockedSession()
    do {
      let outcome = try await pass(session, model, progress)
      await session.close()
      return outcome
    } catch {
      await session.close()
      throw .failed(location, error)
    }
  }

  private nonisolated(nonsending) func pass(
    _ session: CatalogSession, _ model: any ReadModel, _ progress: (String, Double) -> Void
  ) async throws -> ForgettingOutcome {
    let parts = try await parts()
    let pending = try await pending(in: parts)
    var outcome = ForgettingOutcome(removals: pending.count)
    if !pending.isEmpty { try await forgetDifferences(session) }
    for (number, part) in parts.enumerated() {
      progress(part.schema, Double(number) / Double(parts.count))
      do {
        if let reason = try await forget(pending, in: part, model, session) {
          outcome.left.append(.init(location: part.schema, reason: reason))
        }
      } catch {
        if Task.isCancelled { throw error }
        outcome.left.append(.init(location: part.schema, reason: "\(error)"))
      }
    }
    guard outcome.left.isEmpty else { return outcome }
    for part in parts where part.isLive {
      for removal in pending {
        try await session.run(
          "DELETE FROM \(SQLText.name(part.schema)).removals WHERE stream = $1 AND position = $2 AND state = $3",
          .text(removal.streamID), .position(removal.position),
          .int4(StreamRemoval.State.nothing.rawValue), doing: "note what is forgotten")
      }
    }
    return outcome
  }

  /// Forgets the rows that replays have noted as differing: of which streams they are is not known.
  private func forgetDifferences(_ session: CatalogSession) async throws {
    let table = "\(SQLText.name(database.names.catalog)).generations"
    let notes = try await session.run(
      """
      SELECT number, note, (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = $2::text::regclass)
      FROM \(table) WHERE name = $1 AND note IS NOT NULL
      """, .text(name), .text(table), doing: "look at notes")
    var mayClean = false
    for row in 0..<notes.count {
      let note = try notes.text(row, 1)
      guard let rest = try ReplayRecord.withoutRows(note) else { continue }
      try await session.run(
        "UPDATE \(table) SET note = $3 WHERE name = $1 AND number = $2 AND note = $4", .text(name),
        .int4(Int32(clamping: try notes.integer(row, 0))), .text(rest), .text(note),
        doing: "forget rows in a note")
      mayClean = try notes.bool(row, 2)
    }
    // Where another role owns it, the server cleans it by itself, some changes later.
    if mayClean {
      try await session.run("VACUUM \(table)", doing: "vacuum the notes")
    }
  }

  /// All schemas that may hold rows, live generations first: what is copied from one from then on has nothing of the streams.
  private func parts() async throws(ReadModelError) -> [Part] {
    var parts: [Part] = []
    for generation in try await allGenerations() where generation.isThere {
      var part = Part(
        schema: generation.schema, schemaVersion: generation.schemaVersion,
        isLive: generation.isLive)
      if generation.isBuilding, generation.replay != nil {
        part.refusal =
          "a replay is building it: let it come to its end, or drop generation \(generation.number)"
      }
      parts.append(part)
    }
    parts.sort { $0.isLive && !$1.isLive }
    for savepoint in try await allSavepoints() {
      parts.append(
        Part(
          schema: savepoint.schema, schemaVersion: savepoint.schemaVersion, savepoint: savepoint))
    }
    return parts
  }

  /// What is to be forgotten, as the schemas themselves say. What is wrong with one is told where there is anything to forget.
  private func pending(in parts: [Part]) async throws(ReadModelError) -> Set<StreamRemoval> {
    var pending: Set<StreamRemoval> = []
    for part in parts {
      let state: StreamRemoval.State = part.isLive ? .nothing : .deadRows
      do throws(ReadModelError) {
        let rows = try await database.ask(
          PostgresStatement(
            "SELECT stream, partition, position FROM removals WHERE state <= $1",
            .int4(state.rawValue)), in: part.schema, doing: "list removals")
        pending.formUnion(try failing { () throws(PostgresError) in try StreamRemoval.list(rows) })
      } catch {
        guard case .damaged = error else { throw error }
      }
    }
    return pending
  }

  /// - Returns: why something may be left; `nil` where nothing is.
  private func forget(
    _ pending: Set<StreamRemoval>, in part: Part, _ model: any ReadModel,
    _ session: CatalogSession
  ) async throws -> String? {
    if let refusal = part.refusal { return refusal }
    if part.schemaVersion == schemaVersion {
      try await session.transaction("forget streams", in: part.schema) { session in
        let schema = ForgottenSchema(session: session)
        let unforgotten = try await schema.unforgotten(pending)
        if unforgotten.isEmpty { return }
        // The digests are made anew, and would hide that something else has changed.
        if let savepoint = part.savepoint { try await check(savepoint, session) }
        try await schema.forget(unforgotten, model)
        if let savepoint = part.savepoint { try await reseal(savepoint, session) }
      }
    } else {
      let isUnforgotten = try await session.transaction("look at removals", in: part.schema) {
        try await !ForgottenSchema(session: $0).unforgotten(pending).isEmpty
      }
      if isUnforgotten {
        return part.savepoint != nil
          ? "it is of schema version \(part.schemaVersion), and from before the removal: delete the savepoint"
          : "it is of schema version \(part.schemaVersion), and before the removal: let its workers come to it, or drop the generation"
      }
    }
    return try await vacuum(part.schema, session)
  }

  private func reseal(_ savepoint: PostgresSavepoint, _ session: CatalogSession) async throws {
    let digest = try await session.digest(of: tables, in: savepoint.schema, from: tables.count)
    try await session.run(
      """
      UPDATE \(SQLText.name(database.names.catalog)).savepoints SET rows = $3, digest = $4, seal = $5
      WHERE name = $1 AND savepoint = $2
      """, .text(name), .text(savepoint.name), .int8(Int64(digest.rows)), .text(digest.text),
      .text(try await session.seal(of: savepoint.schema)), doing: "seal a savepoint anew")
  }

  /// Has `VACUUM` go over a schema where streams were forgotten, once nobody can see what was.
  private func vacuum(_ schema: String, _ session: CatalogSession) async throws -> String? {
    let name = SQLText.name(schema)
    let dead = try StreamRemoval.list(
      try await session.run(
        "SELECT stream, partition, position FROM \(name).removals WHERE state = $1",
        .int4(StreamRemoval.State.deadRows.rawValue), doing: "list removals"))
    if dead.isEmpty { return nil }
    let found = try await session.run(
      """
      SELECT c.relname, pg_has_role(c.relowner, 'USAGE'), pg_get_userbyid(c.relowner) FROM pg_class c
      WHERE c.relnamespace = $1::text::regnamespace AND c.relkind = 'r' ORDER BY 1
      """, .text(name), doing: "list tables")
    for row in 0..<found.count where try !found.bool(row, 1) {
      return "its tables are those of the role '\(try found.text(row, 2))': run 'forget' as that"
    }
    if let holder = try await holder(session) { return holder }
    for row in 0..<found.count {
      try await session.run(
        "VACUUM (INDEX_CLEANUP ON) \(name).\(SQLText.name(try found.text(row, 0)))",
        doing: "vacuum a table")
    }
    for removal in dead {
      try await session.run(
        "UPDATE \(name).removals SET state = $3 WHERE stream = $1 AND position = $2",
        .text(removal.streamID), .position(removal.position),
        .int4(StreamRemoval.State.nothing.rawValue), doing: "note what is forgotten")
    }
    return nil
  }

  /// Who may still see what was; `nil` where nobody does, as far as the role may know of others' sessions.
  private func holder(_ session: CatalogSession) async throws -> String? {
    let now = try await session.run(
      "SELECT pg_current_xact_id()::xid::text", doing: "take a transaction's number"
    ).text(0, 0)
    for attempt in 1...20 {
      let rows = try await session.run(
        """
        SELECT text FROM (
          SELECT 'the session ' || pid || coalesce(' (' || application_name || ')', '') AS text, backend_xmin AS x
          FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
          UNION ALL SELECT 'the prepared transaction ' || gid, transaction FROM pg_prepared_xacts
          UNION ALL SELECT 'the replication slot ' || slot_name, xmin FROM pg_replication_slots) s
        WHERE x IS NOT NULL AND age(x) >= age($1::text::xid) LIMIT 1
        """, .text(now), doing: "look for older snapshots")
      if rows.count == 0 { return nil }
      if attempt == 20 {
        return "\(try rows.text(0, 0)) may still see what was: try again once it has ended"
      }
      // Queries come and go.
      try await Task.sleep(for: .milliseconds(50))
    }
    return nil
  }
}
