public import Eventually

/// What an administrator does about parked events.
extension ReadModelDatabase {
  /// Applies the events of a parked stream, all or none, and parks it no longer.
  /// - Returns: how many events were applied.
  /// - Throws: `ProjectionFailures` where one fails again: the stream stays parked as it was, with the new reason.
  public func retryParked(_ streamID: String) async throws -> Int {
    do {
      var count = 0
      try writeRows {
        let records = try parked.records(of: streamID)
        guard !records.isEmpty else { throw ReadModelError.notParked(streamID: streamID) }
        for record in records { try retry(record) }
        try parked.forget(streamID)
        count = records.count
      }
      return count
    } catch let error as ProjectionFailures {
      try connection.write { try parked.park(error.failures[0]) }
      throw error
    } catch {
      throw Self.wrap(error, path: path)
    }
  }

  private func retry(_ record: EventRecord) throws {
    if let failure = try failure(of: record, { try project(record.entry(decodedBy: codec)) }) {
      throw ProjectionFailures([failure])
    }
  }

  /// Runs `body`, which applies an event; an error that is not the database's is the event's.
  private func failure(
    of record: EventRecord, _ body: () throws -> Void
  ) throws(SQLiteError) -> ProjectionFailure? {
    do {
      try body()
      return nil
    } catch let error as SQLiteError {
      throw error
    } catch {
      return ProjectionFailure(
        position: record.position, streamID: record.streamID, reason: "\(error)")
    }
  }

  private struct TriedOut: Error {}

  /// Tries the events of a parked stream, in a transaction that is rolled back.
  /// - Parameters:
  ///   - streamID: which one.
  ///   - limit: at most so many events are tried, from the first on.
  public func tryParked(_ streamID: String, limit: Int) async throws -> ParkedTrial {
    var trial = ParkedTrial(events: 0, tried: 0, changes: [])
    do {
      try connection.write {
        let records = try parked.records(of: streamID)
        guard !records.isEmpty else { throw ReadModelError.notParked(streamID: streamID) }
        trial.events = records.count
        let recorded = RecordedRows(
          over: SQLiteRowStorage(connection: connection), isWriting: true)
        let rows = Rows(over: recorded)
        for record in records.prefix(limit) {
          trial.failure = try failure(of: record) {
            try BatchProjection.project(record.entry(decodedBy: codec), model, into: rows)
            try rows.save()
          }
          if trial.failure != nil { break }
          trial.tried += 1
        }
        if trial.failure == nil { trial.changes = recorded.changes }
        throw TriedOut()
      }
    } catch is TriedOut {
      // Rolled back.
    } catch {
      throw Self.wrap(error, path: path)
    }
    return trial
  }

  /// Has the workers park an event of an unknown type, once they come to it, with the later events of its stream.
  /// - Throws: `ReadModelError.alreadyApplied(partition:position:)` where the event was applied or parked before.
  public func requestParking(of partition: Partition, at position: UInt64) async throws {
    do {
      try connection.write {
        let applied = try connection.integer(
          "SELECT position FROM checkpoints WHERE partition = ?", .integer(Int64(partition)))
        guard let wanted = Int64(exactly: position), wanted > applied ?? 0 else {
          throw ReadModelError.alreadyApplied(partition: partition, position: position)
        }
        try parked.request(partition, wanted)
      }
    } catch {
      throw Self.wrap(error, path: path)
    }
  }

  /// The partition offsets of events that ``requestParking(of:at:)`` was called with.
  public func parkRequests(in partition: Partition) async throws -> Set<UInt64> {
    do {
      return Set(
        try parked.requests().filter { $0.0 == partition }.map { UInt64(bitPattern: $0.1) })
    } catch {
      throw Self.wrap(error, path: path)
    }
  }

  /// Gives up the events of a parked stream for good, and parks it no longer: later events are applied again.
  /// That they are missing is kept on record.
  /// - Returns: how many events were given up.
  public func dropParked(_ streamID: String) async throws -> Int {
    do {
      return try connection.write {
        try connection.run(
          """
          INSERT INTO dropped_events
          SELECT e.partition, e.position, e.stream, s.reason
          FROM parked_events e JOIN parked_streams s ON s.stream = e.stream WHERE e.stream = ?
          """, .text(streamID))
        let count = connection.changes
        guard count > 0 else { throw ReadModelError.notParked(streamID: streamID) }
        try parked.forget(streamID)
        return count
      }
    } catch {
      throw Self.wrap(error, path: path)
    }
  }

  /// Keeps records that are not of this store, or can't be read: the newest 10,000 of each partition, and up to 1,000
  /// more for each process that has written some.
  public func keep(_ records: [RejectedRecord]) async throws {
    do {
      try connection.write {
        for record in records { try insert(record) }
        for (partition, count) in Dictionary(grouping: records, by: \.partition) {
          try prune(partition, after: count.count)
        }
      }
    } catch {
      throw Self.wrap(error, path: path)
    }
  }

  /// Deletes the oldest records of a partition. To find them reads all that are kept, so it is not done each time.
  private func prune(_ partition: Partition, after count: Int) throws(SQLiteError) {
    let added = keptSincePruning[partition, default: 1_000] + count
    keptSincePruning[partition] = added
    guard added >= 1_000 else { return }
    keptSincePruning[partition] = 0
    try connection.run(
      """
      DELETE FROM foreign_records WHERE partition = ?1 AND offset <= (
        SELECT offset FROM foreign_records WHERE partition = ?1
        ORDER BY offset DESC LIMIT 1 OFFSET 10000)
      """, .integer(Int64(partition)))
  }

  private func insert(_ record: RejectedRecord) throws(SQLiteError) {
    let insert = try connection.statement(
      """
      INSERT OR REPLACE INTO foreign_records (partition, offset, reason, key, value, size, seen)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      """)
    insert.bind(1, Int64(record.partition))
    insert.bind(2, record.offset)
    insert.bind(3, record.reason)
    insert.bind(4, record.key.span)
    insert.bind(5, record.value.span)
    insert.bind(6, Int64(record.size))
    insert.bind(7, Timestamp.now().microseconds)
    try insert.run()
  }
}

/// What was not applied, for whoever looks at a read model.
extension ReadModelReader {
  /// How many events and records were not applied.
  public func unappliedCounts() async throws -> UnappliedCounts {
    try await readOwn { try Self.unappliedCounts($0) }
  }

  static func unappliedCounts(_ connection: SQLiteConnection) throws -> UnappliedCounts {
    func count(_ table: String) throws -> Int {
      Int(try connection.integer("SELECT count(*) FROM \(table)") ?? 0)
    }
    return UnappliedCounts(
      parkedStreams: try count("parked_streams"), parkedEvents: try count("parked_events"),
      droppedEvents: try count("dropped_events"), rejectedRecords: try count("foreign_records"))
  }

  /// How many streams are parked.
  public func parkedStreamCount() async throws -> Int {
    try await readOwn { try ParkedEvents(connection: $0).count() }
  }

  /// The parked streams, those first that have been parked for longest.
  public func parkedStreams() async throws -> [ParkedStream] {
    try await readOwn { try ParkedEvents(connection: $0).list() }
  }

  /// The events of a parked stream, in order.
  public func parkedEvents(of streamID: String) async throws -> [EventRecord] {
    try await readOwn { try ParkedEvents(connection: $0).records(of: streamID) }
  }

  /// The places of all events that are parked or were dropped, by partition.
  public func unapplied() async throws -> [Partition: Set<UInt64>] {
    try await unapplied(upTo: .max)
  }

  /// The same, of those whose partition offset is at most a given one.
  public func unapplied(
    upTo partitionOffset: UInt64
  ) async throws -> [Partition: Set<UInt64>] {
    try await readOwn { try Self.unapplied($0, upTo: partitionOffset) }
  }

  /// Whether the event at a partition offset was not applied, since its stream is parked or was given up.
  public func isUnapplied(_ partitionOffset: UInt64, in partition: Partition) async throws -> Bool {
    try await lookUpOwn { connection in
      try connection.rows(
        """
        SELECT 1 FROM parked_events WHERE partition = ?1 AND position = ?2
        UNION ALL SELECT 1 FROM dropped_events WHERE partition = ?1 AND position = ?2
        """, [.integer(Int64(partition)), .integer(Int64(clamping: partitionOffset))]
      ) { _ in true }.first ?? false
    }
  }

  static func unapplied(
    _ connection: SQLiteConnection, upTo partitionOffset: UInt64 = .max
  ) throws -> [Partition: Set<UInt64>] {
    var places: [Partition: Set<UInt64>] = [:]
    let rows = try connection.rows(
      """
      SELECT partition, position FROM parked_events WHERE position <= ?1
      UNION SELECT partition, position FROM dropped_events WHERE position <= ?1
      """, [.integer(Int64(clamping: partitionOffset))]
    ) { (Partition(clamping: $0.integer(0)), $0.unsigned(1)) }
    for (partition, position) in rows { places[partition, default: []].insert(position) }
    return places
  }

  /// The newest rejected records.
  public func rejectedRecords(limit: Int) async throws -> [RejectedRecord] {
    try await readOwn { connection in
      try connection.rows(
        """
        SELECT partition, offset, reason, key, value, size FROM foreign_records
        ORDER BY seen DESC, partition, offset LIMIT ?
        """, [.integer(Int64(limit))]
      ) { row in
        RejectedRecord(
          partition: Partition(clamping: row.integer(0)), offset: row.integer(1),
          reason: row.text(2),
          key: row.bytes(3), value: row.bytes(4), size: Int(row.integer(5)))
      }
    }
  }
}
