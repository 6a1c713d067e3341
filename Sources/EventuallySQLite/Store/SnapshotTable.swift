import Eventually

/// The table of a store's snapshots. The caller holds the transaction.
///
/// Snapshots grow, and others take their place: SQLite moves rows from page to page for that, and their copies stay in
/// free parts of pages, where no later erasure finds them. What it does not move is what of a row lies in pages of its own.
/// So a state begins behind as many zeros as SQLite keeps in the page that it moves rows in, and such a row only ever
/// leaves pages behind that are overwritten when they are freed.
struct SnapshotTable {
  let connection: SQLiteConnection

  /// What SQLite keeps of a row that has pages of its own, where a page has 8,192 bytes: this many bytes, where the length of
  /// the row is as ``paddedSize(of:)`` makes it.
  static let kept = 1003
  /// What a page of a row's own holds of it.
  static let pageContent = 8188
  /// Zeros before the state: with the numbers before them, more than ``kept``.
  static let zerosBefore = 1024

  /// The size that a state is brought to by zeros: with all that is before it, the row ends some hundred bytes before a page of
  /// its own is full. SQLite would keep more of a row that has just begun a page.
  static func paddedSize(of size: Int) -> Int {
    let margin = 600
    let pages = (size + margin + pageContent - 1) / pageContent
    return max(pages, 1) * pageContent - margin
  }

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
      INSERT INTO snapshots (stream, version, sequence, schema_version, size, zeros, payload)
      VALUES (?, ?, ?, ?, ?, zeroblob(\(Self.zerosBefore)), ?)
      ON CONFLICT DO UPDATE SET version = excluded.version, sequence = excluded.sequence,
        schema_version = excluded.schema_version, size = excluded.size, payload = excluded.payload
      WHERE excluded.version >= snapshots.version
      """)
    insert.bind(1, stream)
    insert.bind(2, snapshot.version)
    insert.bind(3, snapshot.sequenceNumber)
    insert.bind(4, Int64(snapshot.schemaVersion))
    insert.bind(5, Int64(snapshot.payload.count))
    var payload = snapshot.payload
    let zeros = Self.paddedSize(of: payload.count) - payload.count
    payload.append(contentsOf: repeatElement(0, count: zeros))
    insert.bind(6, payload.span)
    try insert.run()
  }

  /// Leaves nothing of a stream's snapshots.
  func forget(_ stream: Int64) throws(SQLiteError) {
    try connection.run("DELETE FROM snapshots WHERE stream = ?", .integer(stream))
  }

  /// The snapshot that is kept of a stream, where there is one.
  static func snapshot(
    of streamID: String, _ connection: SQLiteConnection
  ) throws -> Snapshot? {
    try connection.rows(
      """
      SELECT n.version, n.sequence, n.schema_version, substr(n.payload, 1, n.size)
      FROM snapshots n JOIN streams s ON s.key = n.stream WHERE s.id = ?
      """, [.text(streamID)]
    ) { row in
      Snapshot(
        version: row.unsigned(0), sequenceNumber: row.unsigned(1),
        schemaVersion: Int(row.integer(2)), payload: row.bytes(3))
    }.first
  }
}
