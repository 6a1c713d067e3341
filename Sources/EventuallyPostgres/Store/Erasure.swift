import Eventually

/// Cleans a store's tables of removed streams.
///
/// After a removal the tables have the events as they were, until VACUUM has gone over them after everybody's older snapshots have ended.
/// That it has is proved by `relfrozenxid`: no row of a table has a transaction of before that, also none of what was deleted.
/// What is not reached: parts of pages until they are used again, the write-ahead log and its archive, and backups.
enum Erasure {
  private static let tables = ["events", "idempotency_keys", "snapshots"]

  /// What was found.
  private struct State {
    /// Up to this sequence number removals are pending; `nil` for none.
    var through: UInt64?
    /// Nothing of them is left.
    var isClean: Bool
    var mayClean: Bool
    /// Who has an older snapshot, as far as the role may know.
    var holder: String?
  }

  /// - Returns: why it can't be done at the moment; `nil` where it is done.
  static func attempt(_ owner: PostgresAddress, schema: String) async throws -> String? {
    let connection = try await PostgresConnection(
      owner.writing, limits: .init(exchange: .seconds(3600)))
    do {
      try await StoreSession.greet(schema: schema, statementTimeout: 0)(connection)
      let reason = try await attempt(connection, schema: schema)
      await connection.close()
      return reason
    } catch {
      await connection.close()
      throw error
    }
  }

  private static func attempt(
    _ connection: PostgresConnection, schema: String
  ) async throws -> String? {
    let found = try await state(connection)
    guard let through = found.through else { return nil }
    if !found.isClean {
      guard found.mayClean else {
        let names = tables.map { "\(PostgresSchema.quoted(schema)).\($0)" }.joined(separator: ", ")
        return "the role may not clean the tables: have their owner run VACUUM (FREEZE, INDEX_CLEANUP ON) "
          + "\(names), or give the writer the owner's address"
      }
      for table in tables {
        _ = try await connection.run(
          [PostgresStatement("VACUUM (FREEZE, INDEX_CLEANUP ON) \(table)")], "clean \(table)")
      }
      let cleaned = try await state(connection, through: through)
      guard cleaned.isClean else {
        let holder = (found.holder ?? cleaned.holder).map { ": \($0)" } ?? ""
        return "somebody has a snapshot of the database that is older than the removal\(holder)"
      }
    }
    _ = try await connection.run(
      [
        PostgresStatement(
          "SELECT mark_erased($1, $2)", .position(through), .timestamp(Timestamp.now()))
      ], "note what is erased")
    return nil
  }

  /// - Parameter through: of what removals; `nil` for all that are pending.
  private static func state(
    _ connection: PostgresConnection, through: UInt64? = nil
  ) async throws -> State {
    let row = try await connection.run(
      [PostgresStatement(stateText, .position(through ?? .max))], "look for what is erased")[0]
    guard row.count > 0, !row.isNull(0, 0) else {
      return State(through: nil, isClean: true, mayClean: false)
    }
    return State(
      through: try row.unsigned(0, 0), isClean: try row.bool(0, 1), mayClean: try row.bool(0, 2),
      holder: row.isNull(0, 3) ? nil : try row.text(0, 3))
  }

  private static let stateText = """
    WITH pending AS (
      SELECT max(sequence) AS through, max(removed_xid::text::bigint)::text::xid8::xid AS xid
      FROM erasures WHERE erased IS NULL AND sequence <= $1
    ), tables AS (
      SELECT c.oid, c.relowner, c.relfrozenxid, c.reltoastrelid FROM pg_class c
      WHERE c.oid = ANY (ARRAY['events', 'idempotency_keys', 'snapshots']::regclass[])
    )
    SELECT p.through,
      (SELECT bool_and(age(t.relfrozenxid) < age(p.xid)
        AND coalesce((SELECT age(o.relfrozenxid) < age(p.xid) FROM pg_class o WHERE o.oid = t.reltoastrelid), true))
        FROM tables t),
      (SELECT bool_and(pg_has_role(t.relowner, 'USAGE')
        OR CASE WHEN current_setting('server_version_num')::integer >= 170000
          THEN has_table_privilege(t.oid, 'MAINTAIN') ELSE false END) FROM tables t),
      (SELECT 'process ' || a.pid || coalesce(' of ' || a.usename, '')
        FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid()
          AND (a.datname = current_database() OR a.datname IS NULL) AND age(a.backend_xmin) >= age(p.xid)
        ORDER BY age(a.backend_xmin) DESC LIMIT 1)
    FROM pending p
    """
}
