package import Eventually

/// Looks for streams.
extension SQLiteEventLog: StreamList {
  static let heads = """
    SELECT s.id, s.partition, s.bytes, s.version, e.sequence, e.type, e.time
    FROM streams s LEFT JOIN events e ON e.sequence = s.head WHERE s.version > 0
    """

  package func streams(
    from id: String, limit: Int
  ) async throws(EventStoreError) -> [StreamHead] {
    try await read { connection in
      try connection.rows(
        "\(Self.heads) AND s.id >= ? ORDER BY s.id LIMIT ?",
        [.text(id), .integer(Int64(limit))], Self.head)
    }
  }

  package func streams(named ids: [String]) async throws(EventStoreError) -> [StreamHead] {
    try await read { connection in
      try connection.snapshot {
        try ids.flatMap { id in
          try connection.rows("\(Self.heads) AND s.id = ?", [.text(id)], Self.head)
        }
      }
    }
  }

  private static func head(_ row: SQLiteStatement) throws -> StreamHead {
    let id = row.text(0)
    guard let time = Timestamp(exactly: row.integer(6)), !row.isNull(4) else {
      throw StoreDamage("the last event of the stream '\(id.prefix(100))' is missing")
    }
    return StreamHead(
      streamID: id, partition: Partition(clamping: row.integer(1)), bytes: row.unsigned(2),
      last: EventHead(
        streamID: id, sequenceNumber: row.unsigned(4), version: row.unsigned(3), type: row.text(5),
        time: time))
  }

  package func events(
    in range: ClosedRange<UInt64>, _ filter: EventFilter
  ) async throws(EventStoreError) -> [EventHead] {
    // Metadata lies behind the payload, and is not read in vain.
    let metadata = filter.readsCorrelation ? "e.metadata" : "NULL"
    var condition = ""
    var values: [ColumnValue] = [
      .integer(Int64(clamping: range.lowerBound)), .integer(Int64(clamping: range.upperBound)),
    ]
    if let type = filter.type {
      condition += " AND e.type = ?"
      values.append(.text(type))
    }
    if filter.isLast { condition += " AND s.head = e.sequence" }
    let sql = """
      SELECT e.sequence, e.version, e.type, e.time, s.id, \(metadata)
      FROM events e JOIN streams s ON s.key = e.stream
      WHERE e.sequence BETWEEN ? AND ? AND e.version > 0\(condition) ORDER BY e.sequence DESC
      """
    return try await read { [values] connection in
      try connection.rows(sql, values) { row -> EventHead? in
        let type = row.text(2)
        if StoreSchema.isErased(type) { return nil }
        guard let time = Timestamp(exactly: row.integer(3)) else {
          throw StoreDamage("the event at sequence number \(row.integer(0)) says what can't be")
        }
        return EventHead(
          streamID: row.text(4), sequenceNumber: row.unsigned(0), version: row.unsigned(1),
          type: type, time: time,
          correlationID: row.isNull(5) ? nil : EventMetadata(stored: row.bytes(5)).correlationID)
      }.compactMap { $0 }
    }
  }
}
