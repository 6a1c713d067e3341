import Eventually

/// The table of a store's idempotency keys.
///
/// A row names the event that was its stream's last after the request: what else there is to say of that is in the event's
/// row, which stays as long as the stream.
struct KeyTable {
  private static let columns = """
    k.sequence, k.time, k.number, k.request, k.stream, e.stream, e.version, e.partition,
      e.partition_sequence
    """

  /// By a stream's row and a key.
  static let find = """
    SELECT \(columns) FROM idempotency_keys k LEFT JOIN events e ON e.sequence = k.sequence
    WHERE k.stream = ? AND k.key = ?
    """

  /// In place of what was kept of the same key: the last number of a sender, or a key that was too old.
  static let save = """
    INSERT INTO idempotency_keys (stream, key, sequence, time, number, request)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET sequence = excluded.sequence, time = excluded.time,
      number = excluded.number, request = excluded.request
    """

  /// What is kept of a stream's key, by the stream's name.
  static func recorded(
    _ key: StoredKey, of streamID: String, _ connection: SQLiteConnection
  ) throws -> RecordedKey<Int64>? {
    let select = try connection.statement(
      """
      SELECT \(columns) FROM streams s JOIN idempotency_keys k ON k.stream = s.key
        LEFT JOIN events e ON e.sequence = k.sequence
      WHERE s.id = ? AND k.key = ?
      """)
    let digest = key.digest
    select.bind(1, streamID)
    select.bind(2, digest.span)
    defer { select.reset() }
    return try select.step() ? try recorded(select) : nil
  }

  /// What a row says.
  /// - Throws: ``StoreDamage`` where it says what can't be.
  static func recorded(_ row: SQLiteStatement) throws(StoreDamage) -> RecordedKey<Int64> {
    let sequence = row.integer(0)
    guard let time = time(of: row.integer(1)), (row.optionalInteger(2) ?? 0) >= 0 else {
      throw StoreDamage("the row of an idempotency key says what can't be")
    }
    var last: EventPosition?
    if sequence != 0 {
      guard sequence > 0, row.optionalInteger(5) == row.integer(4), row.integer(6) > 0,
        row.integer(8) > 0, let partition = Partition(exactly: row.integer(7))
      else {
        throw StoreDamage(
          "an idempotency key names the event at sequence number \(sequence), which is not of its stream"
        )
      }
      last = EventPosition(
        partition: partition, partitionOffset: row.unsigned(8), sequenceNumber: UInt64(sequence),
        version: row.unsigned(6))
    }
    return RecordedKey(
      last: last, number: row.isNull(2) ? nil : row.unsigned(2), request: row.optionalInteger(3),
      time: time)
  }

  /// In seconds, which take half as many bytes as microseconds: rounded up, so that no key lives shorter than it should.
  static func seconds(_ time: Timestamp) -> Int64 {
    let (seconds, rest) = time.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    return rest > 0 ? seconds + 1 : seconds
  }

  static func time(of seconds: Int64) -> Timestamp? {
    let microseconds = seconds.multipliedReportingOverflow(by: 1_000_000)
    // Rounded up, the last time there is lies behind the end of them.
    return microseconds.overflow ? nil : Timestamp(microseconds: microseconds.partialValue)
  }
}

/// Deletes keys that have outlived their lifetime, a few with each append that keeps one: it goes through the whole table in the
/// order of its rows, again and again, which takes neither an index of the times nor a task of its own. Of keys that
/// are too old, the table then never has more than about a quarter of the others.
struct KeySweep {
  /// How many rows are looked at for each row that is added.
  static let rows = 4
  /// The last row that was looked at.
  private var stream = Int64.min
  private var key: [UInt8] = []

  /// - Throws: ``SQLiteError``. The caller holds the transaction.
  mutating func step(
    _ connection: SQLiteConnection, now: Timestamp, lifetime: Duration
  ) throws {
    let select = try connection.statement(
      """
      SELECT stream, key, time, number FROM idempotency_keys WHERE (stream, key) > (?, ?)
      ORDER BY stream, key LIMIT \(Self.rows)
      """)
    select.bind(1, stream)
    select.bind(2, key.span)
    var expired: [(stream: Int64, key: [UInt8])] = []
    var count = 0
    while try select.step() {
      count += 1
      (stream, key) = (select.integer(0), select.bytes(1))
      let recorded = RecordedKey<Int64>(
        last: nil, number: select.isNull(3) ? nil : select.unsigned(3), request: nil,
        time: KeyTable.time(of: select.integer(2)) ?? now)
      if recorded.isExpired(at: now, lifetime: lifetime) { expired.append((stream, key)) }
    }
    select.reset()
    if count < Self.rows { (stream, key) = (.min, []) }
    let delete = try connection.statement(
      "DELETE FROM idempotency_keys WHERE stream = ? AND key = ?")
    for row in expired {
      delete.reset()
      delete.bind(1, row.stream)
      delete.bind(2, row.key.span)
      try delete.run()
    }
  }
}
