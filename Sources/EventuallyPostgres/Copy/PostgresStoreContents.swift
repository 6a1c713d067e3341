import Eventually

/// All that a store in a database has.
struct PostgresStoreContents: StoreContents {
  let postgres: PostgresEventLog

  var log: any StoreLog { postgres }

  func keys(
    after last: CopiedKey?, limit: Int
  ) async throws(EventStoreError) -> [CopiedKey] {
    try await postgres.reader.read(
      "read idempotency keys",
      [
        PostgresStatement(
          """
          SELECT s.id, k.key, k.sequence, ceil(extract(epoch FROM k.time))::bigint, k.number, k.request
          FROM streams s JOIN idempotency_keys k ON k.stream = s.key
          WHERE s.id >= $1 AND (s.id > $1 OR k.key > $2) ORDER BY s.id, k.key LIMIT $3
          """, .text(last?.stream ?? ""), .bytes(last?.key ?? []), .int8(Int64(limit)))
      ]
    ) { rows in
      let keys = try (0..<rows[0].count).map { row in
        CopiedKey(
          stream: try rows[0].text(row, 0), key: try rows[0].bytes(row, 1),
          sequence: try rows[0].unsigned(row, 2), seconds: try rows[0].integer(row, 3),
          number: rows[0].isNull(row, 4) ? nil : try rows[0].unsigned(row, 4),
          request: rows[0].isNull(row, 5) ? nil : try rows[0].integer(row, 5))
      }
      return .init(keys, newest: 0)
    }
  }

  func skips() async throws(EventStoreError) -> [CopiedSkip] {
    try await postgres.reader.read(
      "read decisions",
      [
        PostgresStatement(
          """
          SELECT partition, partition_offset, decided FROM skips ORDER BY partition, partition_offset
          """)
      ]
    ) { rows in
      let skips = try (0..<rows[0].count).map { row in
        CopiedSkip(
          partition: Partition(clamping: try rows[0].integer(row, 0)),
          offset: try rows[0].unsigned(row, 1), decided: try rows[0].timestamp(row, 2))
      }
      return .init(skips, newest: 0)
    }
  }
}
