import Eventually

/// Cleans a store's tables of removed streams.
///
/// After a removal the tables have the events as they were, until VACUUM has gone over them after everybody's older snapshots have ended.
/// That it has is proved by `relfrozenxid`: no row of a table has a transaction of before that, also none of what was deleted. So it is noted
/// too where somebody else has run it.
/// What is not reached: parts of pages until they are used again, the write-ahead log and its archive, and backups.
enum Erasure {
  private static let tables = ["events", "idempotency_keys", "snapshots"]

  /// - Returns: why it can't be done at the moment; `nil` where it is done.
  static func attempt(_ owner: PostgresAddress, schema: String) async throws -> String? {
    let connection = try await PostgresConnection(
      owner.writing, limits: .init(exchange: .seconds(3600)))
    do {
      try await StoreSession.prepare(connection, schema: schema)
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
    if try await isMarked(connection) { return nil }
    let mayClean = try await connection.run([PostgresStatement(rights)], "look for rights")[0]
    guard try mayClean.bool(0, 0) else {
      let names = tables.map { "\(SQLText.name(schema)).\($0)" }.joined(separator: ", ")
      return
        "the role may not clean the tables: have their owner run VACUUM (FREEZE, INDEX_CLEANUP ON) "
        + "\(names)"
    }
    for table in tables {
      _ = try await connection.run(
        [PostgresStatement("VACUUM (FREEZE, INDEX_CLEANUP ON) \(table)")], "clean \(table)")
    }
    if try await isMarked(connection) { return nil }
    let holder = try await connection.run([PostgresStatement(oldest)], "look for snapshots")[0]
    return "somebody has a snapshot of the database that is older than the removal"
      + (holder.count > 0 ? ": \(try holder.text(0, 0))" : "")
  }

  /// Notes what is erased.
  /// - Returns: whether that is all.
  private static func isMarked(_ connection: PostgresConnection) async throws -> Bool {
    try await connection.run(
      [PostgresStatement("SELECT mark_erased($1)", .timestamp(.now()))], "note what is erased")[0]
      .integer(0, 0) == 0
  }

  private static let rights = """
    SELECT bool_and(pg_has_role(c.relowner, 'USAGE')
      OR CASE WHEN current_setting('server_version_num')::integer >= 170000
        THEN has_table_privilege(c.oid, 'MAINTAIN') ELSE false END)
    FROM pg_class c WHERE c.oid = ANY (ARRAY['events', 'idempotency_keys', 'snapshots']::regclass[])
    """

  /// Who has the oldest snapshot, as far as the role may know.
  private static let oldest = """
    SELECT 'process ' || a.pid || coalesce(' of ' || a.usename, '')
    FROM pg_stat_activity a
    WHERE a.pid <> pg_backend_pid() AND a.backend_xmin IS NOT NULL
      AND (a.datname = current_database() OR a.datname IS NULL)
    ORDER BY age(a.backend_xmin) DESC LIMIT 1
    """
}
