package import Eventually

/// Looking for damage: what neither the server nor this library has written so.
extension PostgresEventLog {
  /// What was looked at.
  package struct Check: Sendable {
    /// What is wrong, in words.
    package var findings: [String] = []
    /// Why the indexes were not held against their tables; `nil` where they were.
    package var indexesLeftOut: String?
  }

  /// Holds numbers, versions and partitions against each other, and the indexes against their tables, where the extension `amcheck` may
  /// be used. It reads all events, and hinders nobody.
  package func findDamage() async throws(EventStoreError) -> Check {
    var check = Check()
    for (what, sql) in Self.rules {
      do {
        let rows = try await ask(sql, "look for damage")
        for row in 0..<rows.count { check.findings.append("\(what): \(try rows.text(row, 0))") }
      } catch {
        guard error.isDamage else { throw .failed(location, .read, error) }
        check.findings.append(error.message)
      }
    }
    do {
      try await checkIndexes(&check)
    } catch {
      throw .failed(location, .read, error)
    }
    return check
  }

  /// All statements of a rule see one state, and read tables rather than indexes: those are looked at by themselves.
  private func ask(_ sql: String, _ operation: String) async throws(PostgresError) -> PostgresRows {
    let settings = PostgresStatement(
      """
      SELECT set_config(name, 'on', true) FROM unnest(ARRAY['enable_seqscan', 'enable_hashjoin']) name
      UNION ALL SELECT set_config(name, 'off', true)
      FROM unnest(ARRAY['enable_indexscan', 'enable_indexonlyscan', 'enable_bitmapscan']) name
      """)
    guard let rows = try await reader.pool.run([settings, PostgresStatement(sql)], operation).last
    else { throw PostgresError(.malformed, "the server did not answer", operation: operation) }
    return rows
  }

  /// Each returns a text for a finding, and at most ten.
  private static let rules = [
    (
      "the sequence numbers have gaps",
      """
      SELECT format('%s events, from %s to %s', count(*), min(sequence), max(sequence)) FROM events
      HAVING count(*) > 0 AND (min(sequence) <> 1 OR max(sequence) <> count(*))
      """
    ),
    (
      "the partition offsets have gaps",
      """
      SELECT format('partition %s has %s events, from %s to %s', partition, count(*), min(partition_offset), max(partition_offset))
      FROM events GROUP BY partition
      HAVING min(partition_offset) <> 1 OR max(partition_offset) <> count(*) ORDER BY partition LIMIT 10
      """
    ),
    (
      "events are not in the order of their partition",
      """
      SELECT format('sequence number %s has partition offset %s of partition %s, and the one before has sequence number %s',
        sequence, partition_offset, partition, before)
      FROM (SELECT e.*, lag(sequence) OVER (PARTITION BY partition ORDER BY partition_offset) AS before FROM events e) e
      WHERE before >= sequence LIMIT 10
      """
    ),
    (
      "the versions of a stream have gaps",
      """
      SELECT format('''%s'' has %s events, from version %s to %s', s.id, e.count, e.first, e.last) FROM (
        SELECT stream, count(*), min(version) AS first, max(version) AS last FROM events
        WHERE version > 0 AND NOT is_erased GROUP BY stream
      ) e LEFT JOIN streams s ON s.key = e.stream WHERE first <> 1 OR last <> count LIMIT 10
      """
    ),
    (
      "an event is not of a stream of its partition",
      """
      SELECT format('sequence number %s', e.sequence) FROM events e LEFT JOIN streams s ON s.key = e.stream
      WHERE s.partition IS DISTINCT FROM e.partition ORDER BY e.sequence LIMIT 10
      """
    ),
    (
      "an idempotency key or a snapshot is of no event",
      """
      SELECT format('sequence number %s', k.sequence) FROM (
        SELECT stream, sequence FROM idempotency_keys UNION ALL SELECT stream, sequence FROM snapshots
      ) k LEFT JOIN events e ON e.sequence = k.sequence AND e.stream = k.stream
      WHERE e.sequence IS NULL AND k.sequence > 0 LIMIT 10
      """
    ),
  ]

  private func checkIndexes(_ check: inout Check) async throws(PostgresError) {
    let found = try await reader.pool.run(
      [
        PostgresStatement(
          """
          SELECT quote_ident(n.nspname), has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE'),
            current_user::text
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
          WHERE p.proname = 'bt_index_check' AND pg_get_function_identity_arguments(p.oid) = 'index regclass, heapallindexed boolean'
          """),
        PostgresStatement(
          """
          SELECT i.indexrelid::bigint, c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            JOIN pg_class t ON t.oid = i.indrelid
          WHERE t.relnamespace = current_schema()::regnamespace AND i.indisvalid
            AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree') ORDER BY 2
          """),
      ], "look for amcheck")
    guard found[0].count > 0 else {
      check.indexesLeftOut = "the database has no extension amcheck (CREATE EXTENSION amcheck)"
      return
    }
    let schema = try found[0].text(0, 0)
    guard try found[0].bool(0, 1) else {
      check.indexesLeftOut =
        "the role '\(try found[0].text(0, 2))' may not use the extension amcheck "
        + "(GRANT EXECUTE ON FUNCTION \(schema).bt_index_check(regclass, boolean))"
      return
    }
    for row in 0..<found[1].count {
      do throws(PostgresError) {
        _ = try await reader.pool.run(
          [
            PostgresStatement(
              "SELECT \(schema).bt_index_check($1::bigint::oid::regclass, true)",
              .int8(try found[1].integer(row, 0)))
          ], "check an index")
      } catch {
        guard error.isDamage else { throw error }
        check.findings.append("the index \(try found[1].text(row, 1)): \(error.message)")
      }
    }
  }
}

extension PostgresError {
  /// Whether the server has met something on its disk that can't be so.
  fileprivate var isDamage: Bool {
    guard let state else { return false }
    return state.rawValue.hasPrefix("XX")
  }
}
