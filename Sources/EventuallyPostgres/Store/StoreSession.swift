import Eventually

/// What every connection to a store is prepared with, beside what ``ClientLoss`` does.
enum StoreSession {
  /// Prepares a connection that is of no pool.
  static func prepare(
    _ connection: PostgresConnection, schema: String, server: StoreServer? = nil
  ) async throws(PostgresError) {
    try await ClientLoss.greet(connection)
    try await greet(schema: schema, statementTimeout: 0, server: server)(connection)
  }

  /// - Parameters:
  ///   - statementTimeout: how many milliseconds a statement may take; 0 for no limit but the connection's own.
  ///   - server: told which server it is.
  static func greet(
    schema: String, statementTimeout: Int, server: StoreServer? = nil
  ) -> PostgresPool.Greeting {
    { connection throws(PostgresError) in
      let answers = await connection.run(
        transactions: [
          [PostgresStatement(settings, .text(schema), .text("\(statementTimeout)ms"))],
          [PostgresStatement(serverName)],
        ], "prepare the session")
      guard answers.count == 2 else {
        throw PostgresError(
          .malformed, "the server did not answer", operation: "prepare the session")
      }
      try check(try answers[0].get()[0])
      do throws(PostgresError) {
        let row = try answers[1].get()[0]
        if !row.isNull(0, 0) { server?.connected(to: try row.text(0, 0)) }
      } catch {
        // A service that is like PostgreSQL may have no such log: then it is not known.
        guard error.state?.reaction == .fail else { throw error }
      }
    }
  }

  private static let serverName = """
    SELECT CASE WHEN NOT pg_is_in_recovery()
      THEN (SELECT system_identifier FROM pg_control_system()) || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) END
    """

  /// Settings of the role, of the database and of a pooler are overridden: durability is one of them. The plans are for look-ups
  /// by indexes, whatever size the tables had when they were made.
  private static let settings = """
    SELECT set_config('search_path', quote_ident($1) || ', pg_temp', false),
      set_config('synchronous_commit', 'on', false),
      set_config('default_transaction_isolation', 'read committed', false),
      set_config('statement_timeout', $2, false),
      set_config('lock_timeout', '10s', false),
      set_config('idle_in_transaction_session_timeout', '5s', false),
      CASE WHEN current_setting('server_version_num')::integer >= 140000
        THEN set_config('client_connection_check_interval', '2s', false) END,
      set_config('TimeZone', 'UTC', false),
      set_config('jit', 'off', false),
      set_config('plan_cache_mode', 'force_generic_plan', false),
      set_config(name, 'off', false),
      current_setting('server_version_num')::integer,
      pg_encoding_to_char((SELECT encoding FROM pg_database WHERE datname = current_database()))
    FROM unnest(ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin'])
      name
    """

  private static func check(_ rows: PostgresRows) throws(PostgresError) {
    let version = try rows.integer(0, 11)
    guard version >= 140_000 else {
      throw .lasting("the server has version \(version / 10_000); 14 or later is needed")
    }
    let encoding = try rows.text(0, 12)
    guard encoding == "UTF8" else {
      throw .lasting("the database has the encoding \(encoding), and a store needs UTF8")
    }
  }
}
