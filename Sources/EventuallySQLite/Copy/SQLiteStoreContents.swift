import Eventually

/// All that a store in a file has.
struct SQLiteStoreContents: StoreContents {
  let sqlite: SQLiteEventLog

  var log: any StoreLog { sqlite }

  func keys(
    after last: CopiedKey?, limit: Int
  ) async throws(EventStoreError) -> [CopiedKey] {
    try await sqlite.read { connection in
      guard try StoreSchema.version(of: connection) >= StoreSchema.firstWithKeys else { return [] }
      // Both in the order of an index, so that nothing is sorted.
      let select = try connection.statement(
        """
        SELECT s.id, k.key, k.sequence, k.time, k.number, k.request
        FROM streams s CROSS JOIN idempotency_keys k ON k.stream = s.key
        WHERE s.id >= ?1 AND (s.id > ?1 OR k.key > ?2) ORDER BY s.id, k.key LIMIT ?3
        """)
      let digest = last?.key ?? []
      select.bind(1, last?.stream ?? "")
      select.bind(2, digest.span)
      select.bind(3, Int64(limit))
      defer { select.reset() }
      var keys: [CopiedKey] = []
      while try select.step() {
        keys.append(
          CopiedKey(
            stream: select.text(0), key: select.bytes(1), sequence: select.unsigned(2),
            seconds: select.integer(3), number: select.isNull(4) ? nil : select.unsigned(4),
            request: select.optionalInteger(5)))
      }
      return keys
    }
  }

  func skips() async throws(EventStoreError) -> [CopiedSkip] {
    try await sqlite.read { try SkipDecision.all(in: $0) }
  }
}

/// Where a store was moved to.
enum StoreMove {
  private static let key = "copied_to"

  static func destination(of connection: SQLiteConnection) throws(SQLiteError) -> String? {
    try connection.text("SELECT value FROM store WHERE key = ?", .text(key))
  }

  static func note(
    _ destination: String?, in connection: SQLiteConnection
  ) throws(SQLiteError) {
    if let destination {
      try connection.run(
        "INSERT OR REPLACE INTO store VALUES (?, ?)", .text(key), .text(destination))
    } else {
      try connection.run("DELETE FROM store WHERE key = ?", .text(key))
    }
  }
}
