public import Eventually

extension SQLiteEventLog {
  /// The newest events of each type, of those that are among the store's last ones; removals and erased events are left out.
  ///
  /// It takes some ten milliseconds per 10,000 events looked at.
  /// - Parameters:
  ///   - count: at most so many of each type and category, the oldest first.
  ///   - limit: how many of the store's last events are looked at.
  public func newestOfEachType(
    _ count: Int, amongLast limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    struct Kind: Hashable {
      var type: ByteKey
      var category: StreamCategory?
    }
    return try await read { [partitionCount] connection in
      try connection.snapshot {
        // Payloads are read of those alone that are wanted.
        let last = try connection.rows(
          """
          SELECT e.sequence, e.type, s.id FROM events e JOIN streams s ON s.key = e.stream
          ORDER BY e.sequence DESC LIMIT ?
          """, [.integer(Int64(limit))]
        ) { (sequence: $0.integer(0), type: $0.text(1), stream: $0.text(2)) }
        var found: [Kind: Int] = [:]
        var wanted: [Int64] = []
        for event in last
        where !StoreSchema.isErased(event.type) && event.type != EventRecord.removedType {
          let kind = Kind(
            type: ByteKey(event.type), category: StreamCategory.of(stream: event.stream))
          guard found[kind, default: 0] < count else { continue }
          found[kind, default: 0] += 1
          wanted.append(event.sequence)
        }
        return try wanted.reversed().flatMap { sequence in
          try connection.rows("SELECT \(Self.columns) WHERE e.sequence = ?", [.integer(sequence)]) {
            try Self.record($0, partitionCount)
          }
        }
      }
    }
  }
}
