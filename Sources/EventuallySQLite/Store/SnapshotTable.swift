import Eventually

/// The table of a store's snapshots. The caller holds the transaction.
struct SnapshotTable {
  let connection: SQLiteConnection
  /// So many bytes of other streams' snapshots outlast a removal.
  static let kept = 4 << 20

  /// Keeps a snapshot in place of an older one, where its event is in the stream.
  func save(_ snapshot: Snapshot, of stream: Int64) throws(SQLiteError) {
    let select = try connection.statement(
      "SELECT stream, version, type FROM events WHERE sequence = ?")
    select.bind(1, snapshot.sequenceNumber)
    defer { select.reset() }
    // After a removal the event's place is still the stream's, but the event is gone.
    guard try select.step(), select.integer(0) == stream,
      select.unsigned(1) == snapshot.version, !StoreSchema.isErased(select.text(2))
    else { return }
    let insert = try connection.statement(
      """
      INSERT INTO snapshots (stream, version, sequence, schema_version, payload)
      VALUES (?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET version = excluded.version, sequence = excluded.sequence,
        schema_version = excluded.schema_version, payload = excluded.payload
      WHERE excluded.version >= snapshots.version
      """)
    bind(snapshot, of: stream, to: insert)
    try insert.run()
  }

  private func bind(_ snapshot: Snapshot, of stream: Int64, to insert: SQLiteStatement) {
    insert.bind(1, stream)
    insert.bind(2, snapshot.version)
    insert.bind(3, snapshot.sequenceNumber)
    insert.bind(4, Int64(snapshot.schemaVersion))
    insert.bind(5, snapshot.payload.span)
  }

  /// Leaves nothing of a stream's snapshots.
  ///
  /// Where snapshots grow, SQLite moves others from page to page, and their copies stay in the free part of a page. So the
  /// table is emptied, which overwrites all of its pages, and the newest of the others are put back. One that is not is made
  /// anew when its stream is loaded.
  func forget(_ stream: Int64) throws(SQLiteError) {
    let found = try connection.integer(
      "SELECT count(*) FROM snapshots WHERE stream = ?", .integer(stream))
    guard found == 1 else { return }
    let others = try others(than: stream)
    try connection.execute("DELETE FROM snapshots")
    let insert = try connection.statement(
      """
      INSERT INTO snapshots (stream, version, sequence, schema_version, payload)
      VALUES (?, ?, ?, ?, ?)
      """)
    for (stream, snapshot) in others.sorted(by: { $0.stream < $1.stream }) {
      bind(snapshot, of: stream, to: insert)
      try insert.run()
    }
  }

  /// The newest snapshots of other streams, ``kept`` bytes of them.
  private func others(
    than stream: Int64
  ) throws(SQLiteError) -> [(stream: Int64, snapshot: Snapshot)] {
    var others: [(stream: Int64, snapshot: Snapshot)] = []
    var size = 0
    let select = try connection.statement(
      """
      SELECT stream, version, sequence, schema_version, payload FROM snapshots
      WHERE stream <> ? ORDER BY sequence DESC
      """)
    select.bind(1, stream)
    defer { select.reset() }
    while try select.step() {
      let snapshot = Snapshot(
        version: select.unsigned(1), sequenceNumber: select.unsigned(2),
        schemaVersion: Int(select.integer(3)), payload: select.bytes(4))
      size += snapshot.payload.count
      if size > Self.kept { break }
      others.append((select.integer(0), snapshot))
    }
    return others
  }
}
