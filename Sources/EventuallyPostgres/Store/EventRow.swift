import Eventually

/// An event's row, as statements select it.
enum EventRow {
  /// Of an event `e`.
  static let ofEvent = """
    e.sequence, e.version, e.partition, e.partition_offset, e.type, e.id, e.time, e.payload,
      e.metadata, e.is_erased
    """
  /// Of an event `e` and its stream `s`.
  static let columns = ofEvent + ", s.id"
  /// How many columns ``ofEvent`` has, and which of them is the payload.
  static let (count, payload) = (10, 7)

  /// How many bytes come before each row of a page, so that the page can end where they are enough.
  static func bytesBefore(in order: String) -> String {
    """
    coalesce(sum(octet_length(e.payload)) OVER (ORDER BY e.\(order)
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    """
  }

  /// - Parameter streamID: the stream, where it is known; `nil` where it is a column.
  /// - Throws: ``StoreDamage`` where it says what can't be.
  static func record(
    _ rows: PostgresRows, _ row: Int, of streamID: String? = nil, partitionCount: Partition
  ) throws -> EventRecord {
    let sequence = try rows.integer(row, 0)
    let (version, offset) = (try rows.integer(row, 1), try rows.integer(row, 3))
    guard let partition = Partition(exactly: try rows.integer(row, 2)),
      (0..<partitionCount).contains(partition), sequence > 0, version >= 0, offset > 0,
      streamID != nil || !rows.isNull(row, count)
    else { throw StoreDamage("the event at sequence number \(sequence) says what can't be") }
    let isErased = try rows.bool(row, 9)
    var record = EventRecord(
      id: try rows.uuid(row, 5), type: isErased ? EventRecord.erasedType : try rows.text(row, 4),
      streamID: try streamID ?? rows.text(row, count),
      position: EventPosition(
        partition: partition, partitionOffset: UInt64(offset), sequenceNumber: UInt64(sequence),
        version: UInt64(version)),
      time: try rows.timestamp(row, 6), payload: isErased ? [] : try rows.bytes(row, 7))
    if !isErased, !rows.isNull(row, 8) {
      record.metadata = EventMetadata(stored: try rows.bytes(row, 8))
    }
    return record
  }

  static func records(
    _ rows: PostgresRows, of streamID: String? = nil, partitionCount: Partition
  ) throws -> [EventRecord] {
    try (0..<rows.count).map {
      try record(rows, $0, of: streamID, partitionCount: partitionCount)
    }
  }
}
