import Eventually

/// A removed stream, as the tables `removals` have it.
struct StreamRemoval: Sendable, Hashable {
  var streamID: String
  var partition: Partition
  /// The partition offset of the removal.
  var position: UInt64

  static func == (a: StreamRemoval, b: StreamRemoval) -> Bool {
    a.position == b.position && a.partition == b.partition
      && a.streamID.hasSameBytes(as: b.streamID)
  }

  /// What is left of a removed stream in a schema: dead rows, until `VACUUM` has gone over them, or nothing.
  enum State: Int32 {
    case deadRows = 0
    case nothing = 2
  }

  static func list(_ rows: PostgresRows) throws(PostgresError) -> [StreamRemoval] {
    var removals: [StreamRemoval] = []
    for row in 0..<rows.count {
      removals.append(
        StreamRemoval(
          streamID: try rows.text(row, 0),
          partition: Partition(clamping: try rows.integer(row, 1)),
          position: try rows.unsigned(row, 2)))
    }
    return removals
  }
}

/// A generation's or savepoint's schema, while it forgets removed streams. The caller's transaction has its search path.
struct ForgottenSchema: Sendable {
  let session: CatalogSession

  /// Those of some removals that the schema has neither come to nor forgotten early. Batches wait from here on.
  func unforgotten(_ pending: Set<StreamRemoval>) async throws -> [StreamRemoval] {
    let checkpoints = try await session.run(
      "SELECT partition, position FROM checkpoints ORDER BY partition FOR UPDATE",
      doing: "wait for batches under way")
    var positions: [Partition: UInt64] = [:]
    for row in 0..<checkpoints.count {
      positions[Partition(clamping: try checkpoints.integer(row, 0))] = UInt64(
        clamping: try checkpoints.optionalInteger(row, 1) ?? 0)
    }
    let early = try StreamRemoval.list(
      try await session.run(
        "SELECT stream, partition, position FROM awaited_removals", doing: "list removals"))
    let awaited = Dictionary(early.map { (ByteKey($0.streamID), $0.position) }) { max($0, $1) }
    return pending.filter { removal in
      removal.position > positions[removal.partition] ?? 0
        && removal.position > awaited[ByteKey(removal.streamID)] ?? 0
    }.sorted { ($0.position, $0.partition) < ($1.position, $1.partition) }
  }

  /// Forgets streams before the schema comes to their removals.
  func forget(_ removals: [StreamRemoval], _ model: any ReadModel) async throws {
    try await session.run("SELECT FROM shared_lock FOR UPDATE", doing: "wait for workers")
    try await forgetRows(removals, model)
    for removal in removals {
      let stream = PostgresValue.text(removal.streamID)
      let place: [PostgresValue] = [
        stream, .int4(Int32(removal.partition)), .position(removal.position),
      ]
      _ = try await session.connection.run(
        [
          // Records that were rejected have the stream's id as their key, and reasons may tell what was in an event.
          PostgresStatement(
            """
            DELETE FROM foreign_records WHERE substr(key, 1, 16) = substr(convert_to($1::text, 'UTF8'), 1, 16)
              AND key = convert_to($1::text, 'UTF8')
            """, stream),
          PostgresStatement(
            "UPDATE dropped_events SET reason = 'removed' WHERE stream = $1", stream),
          PostgresStatement("DELETE FROM parked_events WHERE stream = $1", stream),
          PostgresStatement("DELETE FROM parked_streams WHERE stream = $1", stream),
          PostgresStatement(
            """
            INSERT INTO awaited_removals AS r (stream, partition, position) VALUES ($1, $2, $3)
            ON CONFLICT (stream) DO UPDATE SET position = greatest(r.position, excluded.position)
            """, place),
          PostgresStatement(
            """
            INSERT INTO removals AS r (stream, partition, position) VALUES ($1, $2, $3)
            ON CONFLICT (stream) DO UPDATE SET position = greatest(r.position, excluded.position), state = 0
            """, place),
        ], "forget a stream")
    }
    // Workers that know rows from before have to load them anew.
    try await session.run("UPDATE checkpoints SET epoch = epoch + 1", doing: "fence workers")
  }

  /// Has the read model forget, again and again, until all rows are loaded that it asks for.
  private func forgetRows(_ removals: [StreamRemoval], _ model: any ReadModel) async throws {
    let known = PrefetchedRows(limit: .init(bytes: 2_600))
    let rows = Rows(over: known)
    while true {
      known.beginPass()
      rows.clear()
      var failure: (any Error)?
      do {
        for removal in removals {
          known.partition = removal.partition
          try model.forget(removal.streamID, in: rows)
          try rows.releasePartition()
        }
        try rows.save()
      } catch {
        // It may come of a row that is only not loaded yet.
        failure = error
      }
      let missing = known.missing
      if missing.isEmpty {
        if let failure { throw failure }
        break
      }
      for keys in missing {
        let found = try await session.connection.run(
          keys.keys.map { key in
            var select = RowSelect(keys.schema)
            for (column, value) in zip(keys.schema.key, key) { select.require(column, value) }
            return select.statement(limit: 1)
          }, "load rows")
        known.insert(
          PrefetchedRows.TableRows(
            schema: keys.schema,
            rows: try zip(keys.keys, found).map { key, found in
              let columns =
                found.count == 0 ? nil : try found.columns(0, of: keys.schema.columns)
              return PrefetchedRows.Row(
                key: key, values: columns.map { Array($0.dropFirst(key.count)) })
            }))
      }
    }
    let changes =
      known.takeChanges(shared: true, isLast: true)
      + known.takeChanges(shared: false, isLast: true)
    let statements = changes.flatMap { table in
      table.rows.map { RowChange.statement(table.schema, $0.key, $0.values) }
    }
    if !statements.isEmpty { _ = try await session.connection.run(statements, "change rows") }
  }
}

/// The statement that changes one row.
enum RowChange {
  /// - Parameter values: the columns after the key; `nil` where the row is to be deleted.
  static func statement(
    _ table: TableSchema, _ key: [ColumnValue], _ values: [ColumnValue]?
  ) -> PostgresStatement {
    let name = SQLText.name(table.name)
    let keys = table.key.map { SQLText.name($0.name) }
    guard let values else {
      let terms = keys.enumerated().map { "\($1) = $\($0 + 1)" }.joined(separator: " AND ")
      return PostgresStatement("DELETE FROM \(name) WHERE \(terms)", key.map(\.parameter))
    }
    let columns = table.columns.map { SQLText.name($0.name) }
    let places = columns.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
    let sets = columns.dropFirst(keys.count).map { "\($0) = excluded.\($0)" }
    let action = sets.isEmpty ? "NOTHING" : "UPDATE SET \(sets.joined(separator: ", "))"
    return PostgresStatement(
      """
      INSERT INTO \(name) (\(columns.joined(separator: ", "))) VALUES (\(places))
      ON CONFLICT (\(keys.joined(separator: ", "))) DO \(action)
      """, (key + values).map(\.parameter))
  }
}
