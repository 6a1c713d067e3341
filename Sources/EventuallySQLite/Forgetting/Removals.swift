public import Eventually

/// The tables of what a read model has yet to forget. The caller holds the transaction.
///
/// `removals` has the streams that were removed, for as long as something of them may be left in one of the read model's
/// files; each file has its own list, which its copies take with them. `awaited_removals` has those that a file has
/// forgotten before it came to the removal: what is still to come of them is passed over.
struct Removals {
  let connection: SQLiteConnection

  static let tables = """
    CREATE TABLE IF NOT EXISTS removals (
      stream TEXT PRIMARY KEY,
      partition INTEGER NOT NULL,
      position INTEGER NOT NULL,
      applied INTEGER NOT NULL,
      state INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS awaited_removals (
      stream TEXT PRIMARY KEY,
      partition INTEGER NOT NULL,
      position INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS foreign_records_by_key ON foreign_records (substr(key, 1, 16));
    """

  typealias Removal = RemovedStream

  /// What is left of a removed stream in the file that has the list; never less than before.
  enum State: Int64 {
    /// Copies of rows, in free parts of the file.
    case copies = 0
    /// Only what the write-ahead log holds.
    case log = 1
    /// Nothing.
    case nothing = 2
  }

  /// Whether a database has the tables: one of an earlier version has not, until a worker opens it.
  static func exist(_ connection: SQLiteConnection) throws(SQLiteError) -> Bool {
    try connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'removals'") == 1
  }

  /// The read model has forgotten a stream's rows, at the removal: what else it keeps of the stream goes too.
  func apply(_ removal: Removal) throws(SQLiteError) {
    try forgetUnapplied(removal.streamID)
    try connection.run(
      "DELETE FROM awaited_removals WHERE stream = ? AND position <= ?", .text(removal.streamID),
      .integer(Int64(clamping: removal.position)))
    try note(removal)
  }

  /// The same of a file that has not come to the removal yet.
  func applyEarly(_ removal: Removal) throws(SQLiteError) {
    try forgetUnapplied(removal.streamID)
    try ParkedEvents(connection: connection).forget(removal.streamID)
    try connection.run(
      """
      INSERT INTO awaited_removals VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET position = max(position, excluded.position)
      """, .text(removal.streamID),
      .integer(Int64(removal.partition)), .integer(Int64(clamping: removal.position)))
    try note(removal)
  }

  private func note(_ removal: Removal) throws(SQLiteError) {
    try connection.run(
      """
      INSERT INTO removals VALUES (?, ?, ?, ?, 0)
      ON CONFLICT DO UPDATE SET position = max(position, excluded.position), state = 0
      """, .text(removal.streamID),
      .integer(Int64(removal.partition)), .integer(Int64(clamping: removal.position)),
      .integer(Timestamp.now().microseconds))
  }

  /// Records that were rejected have the stream's id as their key, and reasons may tell what was in an event.
  private func forgetUnapplied(_ streamID: String) throws(SQLiteError) {
    try connection.run(
      """
      DELETE FROM foreign_records
      WHERE substr(key, 1, 16) = substr(CAST(?1 AS BLOB), 1, 16) AND key = CAST(?1 AS BLOB)
      """, .text(streamID))
    try connection.run(
      "UPDATE dropped_events SET reason = 'removed' WHERE stream = ?", .text(streamID))
  }

  /// The streams whose removal is awaited, and the partition offsets of the removals.
  func awaited() throws(SQLiteError) -> [ByteKey: UInt64] {
    let select = try connection.statement("SELECT stream, position FROM awaited_removals")
    defer { select.reset() }
    var awaited: [ByteKey: UInt64] = [:]
    while try select.step() { awaited[ByteKey(select.text(0))] = select.unsigned(1) }
    return awaited
  }

  /// What the list has, up to a state.
  func list(upTo state: State) throws -> [Removal] {
    try connection.rows(
      "SELECT stream, partition, position FROM removals WHERE state <= ?",
      [.integer(state.rawValue)]
    ) {
      Removal(
        streamID: $0.text(0), partition: Partition(clamping: $0.integer(1)),
        position: $0.unsigned(2))
    }
  }

  /// Notes what is left of some of the list.
  func mark(_ removals: [Removal], _ state: State) throws(SQLiteError) {
    for removal in removals {
      try connection.run(
        "UPDATE removals SET state = ? WHERE stream = ? AND position = ?",
        .integer(state.rawValue), .text(removal.streamID),
        .integer(Int64(clamping: removal.position)))
    }
  }

  /// Takes those off the list of which nothing is left in any file.
  func delete(_ removals: [Removal]) throws(SQLiteError) {
    for removal in removals {
      try connection.run(
        "DELETE FROM removals WHERE stream = ? AND position = ? AND state = ?",
        .text(removal.streamID), .integer(Int64(clamping: removal.position)),
        .integer(State.nothing.rawValue))
    }
  }
}

extension ReadModelReader {
  /// The removed streams of which something may be left in the read model's files, as the live generation says.
  public func pendingRemovals() async throws -> PendingRemovals {
    try await withConnection { connection in
      guard try Removals.exist(connection) else { return PendingRemovals(count: 0) }
      let found = try connection.rows("SELECT count(*), min(applied) FROM removals") {
        (Int($0.integer(0)), $0.optionalInteger(1))
      }
      return PendingRemovals(
        count: found.first?.0 ?? 0,
        since: found.first?.1.map { Timestamp(microseconds: $0) })
    }
  }
}
