package import Eventually

/// Looks for streams.
extension PostgresEventLog: StreamList {
  private static let heads = """
    SELECT s.id, s.partition, l.stream_bytes, l.version, e.sequence, e.type, e.time
    FROM streams s CROSS JOIN \(lastOfStream) JOIN events e ON e.sequence = l.sequence
    """

  package func streams(
    from id: String, limit: Int
  ) async throws(EventStoreError) -> [StreamHead] {
    guard Self.canHave(id) else { return [] }
    return try await streams(
      PostgresStatement(
        "\(Self.heads) WHERE s.id >= $1 ORDER BY s.id LIMIT $2", .text(id), .int8(Int64(limit))))
  }

  package func streams(named ids: [String]) async throws(EventStoreError) -> [StreamHead] {
    try await streams(
      PostgresStatement(
        "\(Self.heads) WHERE s.id = ANY ($1)", .texts(ids.filter(Self.canHave))))
  }

  private func streams(
    _ statement: PostgresStatement
  ) async throws(EventStoreError) -> [StreamHead] {
    try await reader.read("look for streams", [statement]) { rows in
      let rows = rows[0]
      let found = try (0..<rows.count).map { row in
        let id = try rows.text(row, 0)
        return StreamHead(
          streamID: id, partition: Partition(clamping: try rows.integer(row, 1)),
          bytes: try rows.unsigned(row, 2),
          last: EventHead(
            streamID: id, sequenceNumber: try rows.unsigned(row, 4),
            version: try rows.unsigned(row, 3), type: try rows.text(row, 5),
            time: try rows.timestamp(row, 6)))
      }
      return .init(found, newest: found.map(\.last.sequenceNumber).max() ?? 0)
    }
  }

  package func events(
    in range: ClosedRange<UInt64>, _ filter: EventFilter
  ) async throws(EventStoreError) -> [EventHead] {
    if let type = filter.type, !Self.canHave(type) { return [] }
    var condition = ""
    var values: [PostgresValue] = [.position(range.lowerBound), .position(range.upperBound)]
    if let type = filter.type {
      condition += " AND e.type = $3"
      values.append(.text(type))
    }
    if filter.isLast {
      condition += """
         AND NOT EXISTS (SELECT FROM events n
          WHERE n.stream = e.stream AND n.version > e.version AND n.version > 0 AND NOT n.is_erased)
        """
    }
    return try await reader.read(
      "look for events",
      [
        PostgresStatement(
          """
          SELECT e.sequence, e.version, e.type, e.time, s.id, \(filter.readsCorrelation ? "e.metadata" : "NULL::bytea")
          FROM events e JOIN streams s ON s.key = e.stream
          WHERE e.sequence BETWEEN $1 AND $2 AND e.version > 0 AND NOT e.is_erased\(condition)
          ORDER BY e.sequence DESC
          """, values)
      ]
    ) { rows in
      let rows = rows[0]
      let found = try (0..<rows.count).map { row in
        EventHead(
          streamID: try rows.text(row, 4), sequenceNumber: try rows.unsigned(row, 0),
          version: try rows.unsigned(row, 1), type: try rows.text(row, 2),
          time: try rows.timestamp(row, 3),
          correlationID: rows.isNull(row, 5)
            ? nil : EventMetadata(stored: try rows.bytes(row, 5)).correlationID)
      }
      return .init(found, newest: found.first?.sequenceNumber ?? 0)
    }
  }
}
