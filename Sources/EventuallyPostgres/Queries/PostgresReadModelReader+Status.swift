package import Eventually

/// What a read model says of itself, for whoever looks at it.
extension PostgresReadModelReader {
  /// What the read model is at: another value where anything was written since, or another generation is live.
  package func version() async throws -> ReadModelVersion {
    // All that changes rows moves a checkpoint, or what is parked or forgotten.
    let rows = try await ask(
      """
      SELECT hashtextextended(current_schema(), 0),
        (SELECT hashtextextended(string_agg(concat_ws(' ', partition, epoch, position, xmin), ',' ORDER BY partition), 0)
          FROM checkpoints),
        (SELECT count(*) FROM parked_streams), (SELECT count(*) FROM dropped_events),
        (SELECT count(*) FROM awaited_removals)
      """, doing: "ask whether anything has changed")
    return ReadModelVersion(
      try rows.optionalInteger(0, 0), try rows.optionalInteger(0, 1), try rows.integer(0, 2),
      try rows.integer(0, 3), try rows.integer(0, 4))
  }

  /// Whether the read model has never caught up with the store yet.
  package func isBuilding() async throws -> Bool {
    let generations = "\(SQLText.name(catalog.database.names.catalog)).generations"
    let rows = try await ask(
      "SELECT is_building FROM \(generations) WHERE schema = current_schema() AND dropped IS NULL",
      doing: "ask whether it is built")
    guard rows.count > 0 else { throw ReadModelError.notBuilt(location: location) }
    return try rows.bool(0, 0)
  }

  /// How far the read model is, for each partition that a worker has ever taken.
  package func checkpoints() async throws -> [CheckpointStatus] {
    try CheckpointStatus.all(
      try await ask(CheckpointStatus.select, doing: "read checkpoints"), of: partitionCount,
      location)
  }

  /// How many events and records were not applied.
  package func unappliedCounts() async throws -> UnappliedCounts {
    try UnappliedCounts(try await ask(UnappliedCounts.select, doing: "count what is parked"))
  }

  /// How many streams are parked.
  package func parkedStreamCount() async throws -> Int {
    Int(
      try await ask("SELECT count(*) FROM parked_streams", doing: "count what is parked")
        .integer(0, 0))
  }

  /// The parked streams, those first that have been parked for longest.
  package func parkedStreams() async throws -> [ParkedStream] {
    let rows = try await ask(
      """
      SELECT s.stream, s.partition, s.reason, s.since, count(e.position), min(e.position)
      FROM parked_streams s JOIN parked_events e ON e.stream = s.stream
      GROUP BY s.stream ORDER BY s.since, s.stream
      """, doing: "list what is parked")
    return try (0..<rows.count).map { row in
      ParkedStream(
        streamID: try rows.text(row, 0), partition: Partition(clamping: try rows.integer(row, 1)),
        reason: try rows.text(row, 2), since: try rows.timestamp(row, 3),
        events: Int(try rows.integer(row, 4)), firstPosition: try rows.unsigned(row, 5))
    }
  }

  /// The events of a parked stream, in order.
  package func parkedEvents(of streamID: String) async throws -> [EventRecord] {
    let rows = try await ask(
      "SELECT \(ParkedRow.columns) FROM parked_events WHERE stream = $1 ORDER BY position",
      .text(streamID), doing: "read what is parked")
    return try (0..<rows.count).map { try ParkedRow.record(rows, $0, of: streamID) }
  }

  /// The places of all events that are parked or were dropped, by partition.
  package func unapplied() async throws -> [Partition: Set<UInt64>] {
    try await unapplied(upTo: .max)
  }

  /// The same, of those whose partition offset is at most a given one.
  package func unapplied(
    upTo partitionOffset: UInt64
  ) async throws -> [Partition: Set<UInt64>] {
    try UnappliedCounts.places(
      try await ask(
        UnappliedCounts.selectPlaces, .position(partitionOffset),
        doing: "list what was not applied"))
  }

  /// Whether the event at a partition offset was not applied, since its stream is parked or was given up.
  package func isUnapplied(_ partitionOffset: UInt64, in partition: Partition) async throws -> Bool
  {
    let rows = try await ask(
      """
      SELECT FROM parked_events WHERE partition = $1 AND position = $2
      UNION ALL SELECT FROM dropped_events WHERE partition = $1 AND position = $2
      """, .int4(Int32(partition)), .position(partitionOffset), doing: "look for what is parked")
    return rows.count > 0
  }

  /// The newest rejected records.
  package func rejectedRecords(limit: Int) async throws -> [RejectedRecord] {
    let rows = try await ask(
      """
      SELECT partition, "offset", reason, key, value, size FROM foreign_records
      ORDER BY seen DESC, partition, "offset" LIMIT $1
      """, .int8(Int64(max(0, limit))), doing: "list rejected records")
    return try (0..<rows.count).map { row in
      RejectedRecord(
        partition: Partition(clamping: try rows.integer(row, 0)),
        offset: try rows.integer(row, 1), reason: try rows.text(row, 2),
        key: try rows.bytes(row, 3), value: try rows.bytes(row, 4),
        size: Int(try rows.integer(row, 5)))
    }
  }

  /// By partition, the first place at which an event was applied that the store does not have there.
  package func forgedPositions() async throws -> [Partition: UInt64] {
    let rows = try await ask(
      "SELECT partition, position FROM forged_events", doing: "list forged events")
    var positions: [Partition: UInt64] = [:]
    for row in 0..<rows.count {
      positions[Partition(clamping: try rows.integer(row, 0))] = try rows.unsigned(row, 1)
    }
    return positions
  }

  /// The removed streams of which something may be left in the read model's generations and savepoints, as the live generation says.
  package func pendingRemovals() async throws -> PendingRemovals {
    let rows = try await ask("SELECT count(*), min(applied) FROM removals", doing: "list removals")
    return PendingRemovals(
      count: Int(try rows.integer(0, 0)),
      since: rows.isNull(0, 1) ? nil : try rows.timestamp(0, 1))
  }

  /// Looks for damage: reads all rows of all tables. A server with checksums finds pages that have changed.
  /// - Parameter limit: at most so many findings are told.
  /// - Returns: what was found, in the server's words; empty where all can be read.
  package func findDamage(limit: Int) async throws -> [String] {
    let tables = try await ask(
      // Those of workers' reports are not logged: a standby does not have them.
      """
      SELECT relname::text FROM pg_class
      WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relpersistence = 'p' ORDER BY 1
      """, doing: "list tables")
    var found: [String] = []
    for row in 0..<tables.count where found.count < limit {
      let table = SQLText.name(try tables.text(row, 0))
      do throws(ReadModelError) {
        _ = try await ask(
          "SELECT count(length(t::text)) FROM \(table) t", doing: "read \(table)")
      } catch {
        guard case .damaged(_, let cause) = error else { throw error }
        found.append("\(cause)")
      }
    }
    return found
  }

  /// How many bytes the generation takes.
  package func size() async throws -> UInt64 {
    try await ask(
      """
      SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
      WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
      """, doing: "ask for its size"
    ).unsigned(0, 0)
  }
}

extension CheckpointStatus {
  static let select =
    "SELECT partition, epoch, position, owner, updated FROM checkpoints ORDER BY partition"
  /// The last position that is taken for one: the sum over all partitions is a number too.
  private static let last: Int64 = 1 << 48

  /// What ``select`` has returned.
  /// - Throws: `ReadModelError.damaged(location:cause:)` where one says what can't be: to take it for 0 would apply all events once more.
  static func all(
    _ rows: PostgresRows, of partitionCount: Partition, _ location: String
  ) throws -> [CheckpointStatus] {
    func damage(_ text: String) -> ReadModelError {
      .damaged(location: location, cause: PostgresReadModels.Problem(description: text))
    }
    return try (0..<rows.count).map { row in
      let number = try rows.integer(row, 0)
      guard let partition = Partition(exactly: number), (0..<partitionCount).contains(partition)
      else { throw damage("it has a checkpoint of partition \(number)") }
      let position = try rows.optionalInteger(row, 2)
      if let position, !(0...last).contains(position) {
        throw damage("the position of partition \(partition) is \(position)")
      }
      return CheckpointStatus(
        partition: partition, epoch: UInt64(clamping: try rows.integer(row, 1)),
        position: position.map { UInt64($0) }, owner: try rows.text(row, 3),
        updated: try rows.timestamp(row, 4))
    }
  }
}

extension UnappliedCounts {
  static let select = """
    SELECT (SELECT count(*) FROM parked_streams), (SELECT count(*) FROM parked_events),
      (SELECT count(*) FROM dropped_events), (SELECT count(*) FROM foreign_records)
    """
  /// Takes the largest partition offset that is asked for.
  static let selectPlaces = """
    SELECT partition, position FROM parked_events WHERE position <= $1
    UNION SELECT partition, position FROM dropped_events WHERE position <= $1
    """

  init(_ rows: PostgresRows) throws(PostgresError) {
    self.init(
      parkedStreams: Int(try rows.integer(0, 0)), parkedEvents: Int(try rows.integer(0, 1)),
      droppedEvents: Int(try rows.integer(0, 2)), rejectedRecords: Int(try rows.integer(0, 3)))
  }

  /// What ``selectPlaces`` has returned.
  static func places(_ rows: PostgresRows) throws(PostgresError) -> [Partition: Set<UInt64>] {
    var places: [Partition: Set<UInt64>] = [:]
    for row in 0..<rows.count {
      places[Partition(clamping: try rows.integer(row, 0)), default: []].insert(
        try rows.unsigned(row, 1))
    }
    return places
  }
}
