public import Eventually

/// Where events were applied that the store does not have there: by partition, the first place that was found.
enum ForgedEvents {
  static let table = """
    CREATE TABLE IF NOT EXISTS forged_events (
      partition INTEGER PRIMARY KEY,
      position INTEGER NOT NULL,
      found INTEGER NOT NULL
    );
    """

  /// Databases of earlier versions do not have the id of the event that was applied last.
  static func addEventID(_ connection: SQLiteConnection) throws {
    func isMissing() throws -> Bool {
      try connection.integer(
        "SELECT count(*) FROM pragma_table_info('checkpoints') WHERE name = 'event_id'") == 0
    }
    guard try isMissing() else { return }
    try connection.write {
      // Another process may have added it meanwhile.
      if try isMissing() {
        try connection.execute("ALTER TABLE checkpoints ADD COLUMN event_id BLOB")
      }
    }
  }

  static func position(
    of partition: Partition, _ connection: SQLiteConnection
  ) throws(SQLiteError) -> UInt64? {
    try connection.integer(
      "SELECT position FROM forged_events WHERE partition = ?", .integer(Int64(partition))
    ).map { UInt64(bitPattern: $0) }
  }

  static func all(_ connection: SQLiteConnection) throws -> [Partition: UInt64] {
    // Databases of earlier versions do not have the table until a worker opens them.
    let isThere = try connection.integer(
      "SELECT count(*) FROM sqlite_schema WHERE name = 'forged_events'")
    guard isThere == 1 else { return [:] }
    let rows = try connection.rows("SELECT partition, position FROM forged_events") {
      (Partition(clamping: $0.integer(0)), $0.unsigned(1))
    }
    return Dictionary(rows) { first, _ in first }
  }
}

extension ReadModelDatabase {
  /// Notes for good that an event was applied at a place where the store has another one or none.
  /// - Throws: `ReadModelError`.
  public func markForged(_ partition: Partition, at position: UInt64) async throws {
    do {
      try connection.write {
        try connection.run(
          "INSERT INTO forged_events VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
          .integer(Int64(partition)), .integer(Int64(bitPattern: position)),
          .integer(Timestamp.now().microseconds))
      }
    } catch {
      throw Self.wrap(error, path: path)
    }
  }

  /// Takes over where the bus is likely to hold what comes next, for partitions of which that is not known here; also for
  /// those of which nothing was applied.
  public func adoptOffsets(_ offsets: [Partition: Int64]) throws(ReadModelError) {
    do {
      try connection.write {
        for (partition, offset) in offsets {
          try connection.run(
            """
            INSERT INTO checkpoints (partition, epoch, next_offset, owner, updated)
            VALUES (?, 0, ?, 'replay', ?)
            ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset
            WHERE next_offset IS NULL
            """, .integer(Int64(partition)), .integer(offset),
            .integer(Timestamp.now().microseconds))
        }
      }
    } catch {
      throw Self.wrap(error, path: path)
    }
  }
}

extension ReadModelReader {
  /// By partition, the first place at which an event was applied that the store does not have there.
  public func forgedPositions() async throws -> [Partition: UInt64] {
    try await readOwn { try ForgedEvents.all($0) }
  }
}
