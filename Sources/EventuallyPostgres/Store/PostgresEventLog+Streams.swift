public import Eventually

/// Reads single streams, and what is kept beside the events.
extension PostgresEventLog {
  /// Of a stream `s`: its last event.
  static let lastOfStream = """
    LATERAL (
      SELECT e.version, e.sequence, e.stream_bytes, e.partition_offset FROM events e
      WHERE e.stream = s.key AND e.version > 0 AND NOT e.is_erased ORDER BY e.version DESC LIMIT 1
    ) l
    """

  /// PostgreSQL's text has no U+0000: there is no stream of such a name.
  static func canHave(_ streamID: String) -> Bool { !streamID.utf8.contains(0) }

  /// How many streams have events.
  public func streamCount() async throws(EventStoreError) -> Int {
    try await reader.read(
      "count the streams",
      [
        PostgresStatement(
          """
          SELECT count(*) FROM streams s WHERE EXISTS (
            SELECT FROM events e WHERE e.stream = s.key AND e.version > 0 AND NOT e.is_erased)
          """)
      ]
    ) { .init(Int(clamping: try $0[0].unsigned(0, 0)), newest: 0) }
  }

  /// The records of a stream from a version on, oldest first, in pages of up to 512 records and about `bytes` of payload.
  public func pages(
    ofStream streamID: String, from version: Version, bytes: Int
  ) -> any StreamPages {
    PostgresStreamPages(log: self, streamID: streamID, from: version, bytes: bytes)
  }

  /// The version of a stream's last event; 0 where there is none.
  public func version(ofStream streamID: String) async throws(EventStoreError) -> Version {
    guard Self.canHave(streamID) else { return 0 }
    return try await reader.read(
      "read a stream's version",
      [
        PostgresStatement(
          "SELECT l.version, l.sequence FROM streams s, \(Self.lastOfStream) WHERE s.id = $1",
          .text(streamID))
      ]
    ) { rows in
      guard rows[0].count > 0 else { return .init(0, newest: 0) }
      return .init(try rows[0].unsigned(0, 0), newest: try rows[0].unsigned(0, 1))
    }
  }

  /// The snapshot that is kept of a stream, where there is one that is as it was saved.
  public func snapshot(of streamID: String) async throws(EventStoreError) -> Snapshot? {
    guard Self.canHave(streamID) else { return nil }
    return try await reader.read(
      "read a snapshot",
      [
        PostgresStatement(
          """
          SELECT n.version, n.sequence, n.schema_version, n.payload
          FROM streams s JOIN snapshots n ON n.stream = s.key WHERE s.id = $1
          """, .text(streamID))
      ]
    ) { rows -> StoreReader.Found<Snapshot?> in
      guard rows[0].count > 0 else { return .init(nil, newest: 0) }
      let sealed = Snapshot(
        version: try rows[0].unsigned(0, 0), sequenceNumber: try rows[0].unsigned(0, 1),
        schemaVersion: Int(try rows[0].integer(0, 2)), payload: try rows[0].bytes(0, 3))
      return .init(SnapshotSeal.open(sealed, of: streamID), newest: sealed.sequenceNumber)
    }
  }

  /// What is kept of a stream's idempotency key.
  func recorded(
    _ key: StoredKey, of streamID: String
  ) async throws(EventStoreError) -> RecordedKey<Int64>? {
    guard Self.canHave(streamID) else { return nil }
    return try await reader.read(
      "look for an idempotency key",
      [
        PostgresStatement(
          """
          SELECT k.sequence, k.time, k.number, k.request, e.stream = k.stream, e.version,
            e.partition, e.partition_offset
          FROM streams s JOIN idempotency_keys k ON k.stream = s.key
            LEFT JOIN events e ON e.sequence = k.sequence
          WHERE s.id = $1 AND k.key = $2
          """, .text(streamID), .bytes(key.digest))
      ]
    ) { rows -> StoreReader.Found<RecordedKey<Int64>?> in
      let row = rows[0]
      guard row.count > 0 else { return .init(nil, newest: 0) }
      let sequence = try row.unsigned(0, 0)
      var last: EventPosition?
      if sequence > 0 {
        guard !row.isNull(0, 4), try row.bool(0, 4) else {
          throw StoreDamage(
            "an idempotency key names the event at sequence number \(sequence), which is not of its stream"
          )
        }
        last = EventPosition(
          partition: Partition(clamping: try row.integer(0, 6)),
          partitionOffset: try row.unsigned(0, 7), sequenceNumber: sequence,
          version: try row.unsigned(0, 5))
      }
      // The key may be newer than the event that it names.
      return .init(
        RecordedKey(
          last: last, number: row.isNull(0, 2) ? nil : try row.unsigned(0, 2),
          request: row.isNull(0, 3) ? nil : try row.integer(0, 3), time: try row.timestamp(0, 1)),
        newest: .max)
    }
  }

  /// A stream's last removal; `nil` where it was never removed.
  public func erasure(of streamID: String) async throws(EventStoreError) -> StreamErasure? {
    guard Self.canHave(streamID) else { return nil }
    return try await reader.read(
      "read a removal",
      [
        PostgresStatement(
          """
          SELECT s.partition, r.partition_offset, r.sequence, r.removed, r.erased
          FROM streams s JOIN erasures r ON r.stream = s.key WHERE s.id = $1
          """, .text(streamID))
      ]
    ) { rows -> StoreReader.Found<StreamErasure?> in
      let row = rows[0]
      guard row.count > 0 else { return .init(nil, newest: 0) }
      let erasure = StreamErasure(
        streamID: streamID,
        removal: EventPosition(
          partition: Partition(clamping: try row.integer(0, 0)),
          partitionOffset: try row.unsigned(0, 1), sequenceNumber: try row.unsigned(0, 2),
          version: 0),
        removed: try row.timestamp(0, 3),
        erased: row.isNull(0, 4) ? nil : try row.timestamp(0, 4))
      return .init(erasure, newest: erasure.removal.sequenceNumber)
    }
  }

  /// The removals whose events may still be in pages that VACUUM has not cleaned. Why that is so, the writer knows.
  public func pendingErasures() async throws(EventStoreError) -> PendingErasures {
    try await reader.read(
      "count the removals",
      [
        PostgresStatement(
          "SELECT count(*), min(removed), max(sequence) FROM erasures WHERE erased IS NULL")
      ]
    ) { rows in
      var pending = PendingErasures()
      pending.count = Int(clamping: try rows[0].unsigned(0, 0))
      guard pending.count > 0 else { return .init(pending, newest: 0) }
      pending.since = try rows[0].timestamp(0, 1)
      return .init(pending, newest: try rows[0].unsigned(0, 2))
    }
  }
}

/// The records of a stream, a page at a time.
struct PostgresStreamPages: StreamPages {
  private let log: PostgresEventLog
  private let streamID: String
  private var next: Version
  private let bytes: Int
  /// The sequence number of the stream's last event, when the first page was read: what has a higher one came later.
  private var lastSequence: UInt64?

  private(set) var lastVersion: Version = 0
  private(set) var isAtEnd = false

  init(log: PostgresEventLog, streamID: String, from: Version, bytes: Int) {
    self.log = log
    self.streamID = streamID
    next = max(from, 1)
    isAtEnd = !PostgresEventLog.canHave(streamID)
    self.bytes = bytes
  }

  private static let page = """
    SELECT \(EventRow.ofEvent), l.version, l.sequence, l.stream_bytes
    FROM streams s, \(PostgresEventLog.lastOfStream), LATERAL (
      SELECT e.*, \(EventRow.bytesBefore(in: "version"))
      FROM (
        SELECT * FROM events e
        WHERE e.stream = s.key AND e.version >= $2 AND e.version > 0 AND NOT e.is_erased
          AND e.sequence <= $3
        ORDER BY e.version LIMIT 512
      ) e
    ) e
    WHERE s.id = $1 AND e.before < $4 ORDER BY e.version
    """

  /// Of a short stream: all that it has from a version on, by two look-ups and nothing else. Where there are as many events, or a
  /// payload is left out, there may be more.
  private static let short = """
    SELECT e.sequence, e.version, e.partition, e.partition_offset, e.type, e.id, e.time,
      CASE WHEN octet_length(e.payload) <= $4::bigint THEN e.payload END, e.metadata, e.is_erased,
      e.stream_bytes
    FROM events e
    WHERE e.stream = (SELECT s.key FROM streams s WHERE s.id = $1)
      AND e.version BETWEEN $2 AND $3 AND e.version > 0 AND NOT e.is_erased
    ORDER BY e.version
    """
  private static let shortLength = 64

  /// The whole stream from the version on, where it is a short one.
  private func shortStream() async throws(EventStoreError) -> [EventRecord]? {
    let (end, overflow) = next.addingReportingOverflow(Version(Self.shortLength - 1))
    return try await log.reader.read(
      "read a stream",
      [
        PostgresStatement(
          Self.short, .text(streamID), .position(next), .position(overflow ? .max : end),
          .int8(Int64(bytes / Self.shortLength)))
      ]
    ) { rows -> StoreReader.Found<[EventRecord]?> in
      let rows = rows[0]
      guard rows.count < Self.shortLength,
        !(0..<rows.count).contains(where: { rows.isNull($0, EventRow.payload) })
      else { return .init(nil, newest: 0) }
      let records = try records(rows)
      guard let last = records.last else { return .init([], newest: 0) }
      log.reader.sizes.note(try rows.unsigned(rows.count - 1, EventRow.count), of: streamID)
      return .init(records, newest: last.position.sequenceNumber)
    }
  }

  private func records(_ rows: PostgresRows) throws -> [EventRecord] {
    let records = try EventRow.records(rows, of: streamID, partitionCount: log.partitionCount)
    for (index, record) in records.enumerated()
    where record.position.version != next &+ Version(index) {
      throw StoreDamage(
        "the event at sequence number \(record.position.sequenceNumber) is not version "
          + "\(next &+ Version(index)) of its stream")
    }
    return records
  }

  mutating func next() async throws(EventStoreError) -> [EventRecord] {
    if isAtEnd { return [] }
    if lastSequence == nil, let records = try await shortStream() {
      isAtEnd = true
      lastVersion = records.last?.position.version ?? 0
      return records
    }
    let page = try await log.reader.read(
      "read a stream",
      [
        PostgresStatement(
          Self.page, .text(streamID), .position(next), .position(lastSequence ?? .max),
          .int8(Int64(bytes)))
      ]
    ) { rows -> StoreReader.Found<(records: [EventRecord], version: Version, sequence: UInt64)> in
      let rows = rows[0]
      guard rows.count > 0 else { return .init(([], 0, 0), newest: 0) }
      let records = try records(rows)
      let (version, sequence) = (
        try rows.unsigned(0, EventRow.count), try rows.unsigned(0, EventRow.count + 1)
      )
      log.reader.sizes.note(try rows.unsigned(0, EventRow.count + 2), of: streamID)
      return .init((records, version, sequence), newest: sequence)
    }
    guard let last = page.records.last?.position else {
      // It was removed since the first page, or ends before what is asked for.
      isAtEnd = true
      return []
    }
    if lastSequence == nil { (lastVersion, lastSequence) = (page.version, page.sequence) }
    next = last.version + 1
    isAtEnd = next > lastVersion
    return page.records
  }
}
