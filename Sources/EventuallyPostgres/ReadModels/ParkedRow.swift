import Eventually

/// A row of the table `parked_events`, as statements select it.
enum ParkedRow {
  static let columns =
    "position, partition, sequence, version, id, type, time, payload, metadata"

  static func record(
    _ rows: PostgresRows, _ row: Int, of streamID: String
  ) throws(PostgresError) -> EventRecord {
    var record = EventRecord(
      id: try rows.uuid(row, 4), type: try rows.text(row, 5), streamID: streamID,
      position: EventPosition(
        partition: Partition(clamping: try rows.integer(row, 1)),
        partitionOffset: try rows.unsigned(row, 0), sequenceNumber: try rows.unsigned(row, 2),
        version: try rows.unsigned(row, 3)),
      time: try rows.timestamp(row, 6), payload: try rows.bytes(row, 7))
    if !rows.isNull(row, 8) { record.metadata = EventMetadata(stored: try rows.bytes(row, 8)) }
    return record
  }
}
