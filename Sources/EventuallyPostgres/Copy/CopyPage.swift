import Eventually

/// The statements that add a page of records to a copy. It does no work itself.
struct CopyPage {
  private let records: [EventRecord]
  private let names: [String]
  private let partitioner: Partitioner
  private var numbers: [ByteKey: Int] = [:]
  private var keys: [Int64] = []
  private var streams: [CopiedStream] = []

  init(_ records: [EventRecord], partitionCount: Partition) {
    self.init(records, streams: records.map(\.streamID), partitionCount: partitionCount)
  }

  /// A page without events.
  init(streams: [String], partitionCount: Partition) {
    self.init([], streams: streams, partitionCount: partitionCount)
  }

  private init(_ records: [EventRecord], streams: [String], partitionCount: Partition) {
    self.records = records
    partitioner = Partitioner(count: partitionCount)
    var names: [String] = []
    for name in streams where numbers[ByteKey(name)] == nil {
      numbers[ByteKey(name)] = names.count
      names.append(name)
    }
    self.names = names
  }

  /// What no text of PostgreSQL's can be.
  var refusal: String? {
    func hasNull(_ text: String) -> Bool { text.utf8.contains(0) }
    if let name = names.first(where: hasNull) {
      return "the stream '\(name)' has U+0000 in its name"
    }
    return records.first { hasNull($0.type) }.map {
      "the event at sequence number \($0.position.sequenceNumber) has U+0000 in the name of its type"
    }
  }

  var makeStreams: PostgresStatement {
    PostgresStatement(
      """
      INSERT INTO streams (id, partition) SELECT n.id, n.partition FROM unnest($1::text[], $2::integer[]) n(id, partition)
      WHERE NOT EXISTS (SELECT FROM streams s WHERE s.id = n.id)
      """, .texts(names), .int4s(names.map(partitioner.partition(of:))))
  }

  /// Of each stream, in order: its key, and its last event, with the bytes up to that.
  var findStreams: PostgresStatement {
    PostgresStatement(
      """
      SELECT s.key, coalesce(l.version, 0), coalesce(l.sequence, 0), coalesce(l.stream_bytes, 0)
      FROM unnest($1::text[]) WITH ORDINALITY n(id, number) JOIN streams s ON s.id = n.id LEFT JOIN LATERAL (
        SELECT e.version, e.sequence, e.stream_bytes FROM events e
        WHERE e.stream = s.key AND e.version > 0 AND NOT e.is_erased ORDER BY e.version DESC LIMIT 1
      ) l ON true ORDER BY n.number
      """, .texts(names))
  }

  /// Takes what ``findStreams`` returns.
  mutating func read(_ rows: PostgresRows) throws {
    guard rows.count == names.count else { throw StoreDamage("it does not have all streams") }
    for row in 0..<rows.count {
      keys.append(try rows.integer(row, 0))
      streams.append(
        CopiedStream(
          version: try rows.unsigned(row, 1), head: try rows.unsigned(row, 2),
          bytes: try rows.unsigned(row, 3)))
    }
  }

  /// - Throws: ``StoreCopyError/outOfOrder(_:)``
  mutating func statements() throws(StoreCopyError) -> [PostgresStatement] {
    var (recordKeys, bytes): ([Int64], [Int64]) = ([], [])
    var removals: [Int64: EventRecord] = [:]
    for record in records {
      let number = numbers[ByteKey(record.streamID)] ?? 0
      // Of erased events only the removal is kept with their stream; the digest finds one that is missing.
      if record.type != EventRecord.erasedType {
        if let damage = streams[number].take(record) { throw .outOfOrder(damage) }
        if streams[number].version == 0 { removals[keys[number]] = record }
      }
      recordKeys.append(keys[number])
      bytes.append(
        record.type == EventRecord.erasedType ? 0 : Int64(clamping: streams[number].bytes))
    }
    return erase(removals) + [insert(recordKeys, bytes)]
  }

  /// What was copied before it was removed is erased, too. What was copied as erased left nothing to be cleaned.
  private func erase(_ removals: [Int64: EventRecord]) -> [PostgresStatement] {
    if removals.isEmpty { return [] }
    let removals = removals.sorted { $0.key < $1.key }
    return [
      PostgresStatement(
        """
        UPDATE events SET is_erased = true, type = '', payload = '', metadata = NULL
        WHERE stream = ANY ($1::bigint[]) AND version > 0 AND NOT is_erased
        """, .int8s(removals.map(\.key))),
      PostgresStatement(
        """
        INSERT INTO erasures
        SELECT r.stream, r.sequence, r.partition_offset, r.removed, pg_current_xact_id(), NULL
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[])
          r(stream, sequence, partition_offset, removed)
        ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence,
          partition_offset = excluded.partition_offset, removed = excluded.removed,
          removed_xid = excluded.removed_xid, erased = NULL
        """, .int8s(removals.map(\.key)),
        .int8s(removals.map { Int64(clamping: $0.value.position.sequenceNumber) }),
        .int8s(removals.map { Int64(clamping: $0.value.position.partitionOffset) }),
        .timestamps(removals.map(\.value.time))),
    ]
  }

  private func insert(_ keys: [Int64], _ bytes: [Int64]) -> PostgresStatement {
    PostgresStatement(
      """
      INSERT INTO events (sequence, stream, version, partition_offset, time, stream_bytes, partition, is_erased,
        id, type, payload, metadata)
      SELECT e.sequence, e.stream, e.version, e.partition_offset, e.time, e.bytes, e.partition, e.type = '',
        e.id, e.type, e.payload, e.metadata
      FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::bigint[],
          $7::integer[], $8::uuid[], $9::text[], $10::bytea[], $11::bytea[])
        e(sequence, stream, version, partition_offset, time, bytes, partition, id, type, payload, metadata)
      """,
      [
        .int8s(records.map { Int64(clamping: $0.position.sequenceNumber) }),
        .int8s(keys),
        .int8s(records.map { Int64(clamping: $0.position.version) }),
        .int8s(records.map { Int64(clamping: $0.position.partitionOffset) }),
        .timestamps(records.map(\.time)), .int8s(bytes), .int4s(records.map(\.position.partition)),
        .uuids(records.map(\.id)),
        .texts(records.map { $0.type == EventRecord.erasedType ? "" : $0.type }),
        .byteas(records.map { $0.payload[...] }),
        .byteas(records.map { $0.metadata.isEmpty ? nil : $0.metadata.json[...] }),
      ])
  }
}
