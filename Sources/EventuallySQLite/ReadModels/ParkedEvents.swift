import Eventually

/// The tables of what a read model has parked. The caller holds the transaction.
struct ParkedEvents {
  let connection: SQLiteConnection

  /// The parked streams of some partitions, and how many there are in all.
  func streams(
    in partitions: [Partition]
  ) throws(SQLiteError) -> (streams: Set<ByteKey>, count: Int) {
    let select = try connection.statement("SELECT stream, partition FROM parked_streams")
    defer { select.reset() }
    var streams: Set<ByteKey> = []
    var count = 0
    while try select.step() {
      count += 1
      if partitions.contains(Partition(clamping: select.integer(1))) {
        streams.insert(ByteKey(select.text(0)))
      }
    }
    return (streams, count)
  }

  /// How many streams are parked.
  func count() throws(SQLiteError) -> Int {
    Int(try connection.integer("SELECT count(*) FROM parked_streams") ?? 0)
  }

  /// Parks a stream because of an event that fails. One that is parked already gets the new reason, and stays parked since
  /// when it was.
  func park(_ failure: ProjectionFailure) throws(SQLiteError) {
    try connection.run(
      """
      INSERT INTO parked_streams (stream, partition, reason, since) VALUES (?, ?, ?, ?)
      ON CONFLICT (stream) DO UPDATE SET reason = excluded.reason
      """,
      .text(failure.streamID), .integer(Int64(failure.position.partition)), .text(failure.reason),
      .integer(Timestamp.now().microseconds))
  }

  /// Adds an event to those of its stream.
  func add(_ record: EventRecord) throws(SQLiteError) {
    let insert = try connection.statement(
      """
      INSERT INTO parked_events
        (stream, position, partition, sequence, version, id, type, time, payload, metadata)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """)
    insert.bind(1, record.streamID)
    insert.bind(2, record.position.partitionOffset)
    insert.bind(3, Int64(record.position.partition))
    insert.bind(4, record.position.sequenceNumber)
    insert.bind(5, record.position.version)
    insert.bind(6, record.id)
    insert.bind(7, record.type)
    insert.bind(8, record.time.microseconds)
    insert.bind(9, record.payload.span)
    if !record.metadata.isEmpty { insert.bind(10, record.metadata.json.span) }
    try insert.run()
  }

  /// Forgets a stream's parked events.
  func forget(_ streamID: String) throws(SQLiteError) {
    try connection.run("DELETE FROM parked_events WHERE stream = ?", .text(streamID))
    try connection.run("DELETE FROM parked_streams WHERE stream = ?", .text(streamID))
  }

  /// The events of unknown types that an administrator has decided to park; none in a database of an earlier version.
  func requests() throws -> [(Partition, Int64)] {
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'park_requests'"
    guard try connection.integer(tables) == 1 else { return [] }
    return try connection.rows("SELECT partition, position FROM park_requests") {
      (Partition(clamping: $0.integer(0)), $0.integer(1))
    }
  }

  /// Has an event of an unknown type parked.
  func request(_ partition: Partition, _ position: Int64) throws(SQLiteError) {
    try connection.run(
      "INSERT OR IGNORE INTO park_requests VALUES (?, ?)", .integer(Int64(partition)),
      .integer(position))
  }

  /// A stream's parked events, in order.
  func records(of streamID: String) throws -> [EventRecord] {
    try connection.rows(
      """
      SELECT position, partition, sequence, version, id, type, time, payload, metadata
      FROM parked_events WHERE stream = ? ORDER BY position
      """, [.text(streamID)]
    ) { row in
      var record = EventRecord(
        id: row.eventID(4), type: row.text(5), streamID: streamID,
        position: EventPosition(
          partition: Partition(clamping: row.integer(1)), partitionOffset: row.unsigned(0),
          sequenceNumber: row.unsigned(2), version: row.unsigned(3)),
        time: Timestamp(microseconds: row.integer(6)), payload: row.bytes(7))
      if !row.isNull(8) { record.metadata = EventMetadata(stored: row.bytes(8)) }
      return record
    }
  }

  /// All parked streams, those first that have been parked for longest.
  func list() throws -> [ParkedStream] {
    try connection.rows(
      """
      SELECT s.stream, s.partition, s.reason, s.since, count(e.position), min(e.position)
      FROM parked_streams s JOIN parked_events e ON e.stream = s.stream
      GROUP BY s.stream ORDER BY s.since, s.stream
      """
    ) { row in
      ParkedStream(
        streamID: row.text(0), partition: Partition(clamping: row.integer(1)), reason: row.text(2),
        since: Timestamp(microseconds: row.integer(3)), events: Int(row.integer(4)),
        firstPosition: row.unsigned(5))
    }
  }
}
