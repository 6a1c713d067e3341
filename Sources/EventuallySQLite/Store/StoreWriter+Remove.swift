import Eventually

/// Removing a stream.
extension StoreWriter {
  /// Overwrites a stream's events, deletes its idempotency keys, adds the record that says so, and notes that the write-ahead log
  /// still has them. The stream's row stays: whoever looks for it finds version 0.
  func remove(
    _ streamID: String, expecting: ExpectedVersion, time: Timestamp, heads: inout Heads
  ) throws -> Result<StoreOutcome, EventStoreError> {
    let found = try stream(streamID)
    let actual = found?.version ?? 0
    if case .exact(let expected) = expecting, expected != actual {
      return .failure(
        .conflict(VersionConflict(streamID: streamID, expected: expected, actual: actual)))
    }
    let removal = try found.flatMap { try remove($0, named: streamID, time: time, heads: &heads) }
    return .success(removal.map { .added($0) } ?? .unchanged(nil))
  }

  private func remove(
    _ found: StreamRow, named streamID: String, time: Timestamp, heads: inout Heads
  ) throws -> EventPosition? {
    guard found.version > 0 else {
      try forgetKeys(of: found.key)
      return nil
    }
    let sequences = try StreamChain.sequenceNumbers(
      connection, stream: found.key, last: found.version, head: found.head, from: 1)
    // A state tells what the events were.
    try SnapshotTable(connection: connection).forget(found.key)
    try forgetKeys(of: found.key)
    for sequence in sequences { try connection.overwriteEvent(at: sequence) }
    heads.sequence += 1
    heads.partitions[Int(found.partition)] += 1
    let partitionOffset = heads.partitions[Int(found.partition)]
    if found.bytes >= Self.large { largeStreams.withLock { $0[streamID.hashValue] = nil } }
    // Version 0 and no head: the next append begins a new chain at version 1.
    _ = try writeStream(
      found, id: streamID, partition: found.partition, version: 0, head: 0, bytes: 0)
    let insert = insertStatement(
      key: found.key, partition: found.partition, time: time, metadata: [])
    insert.bind(1, heads.sequence)
    insert.bind(3, 0 as UInt64)
    insert.bind(4, 0 as UInt64)
    insert.bind(6, partitionOffset)
    insert.bind(7, EventRecord.removedType)
    insert.bind(8, ids.next(at: time))
    insert.bind(10, [UInt8]().span)
    try insert.run()
    try connection.run(
      "INSERT OR REPLACE INTO erasures VALUES (?, ?, ?, ?, NULL)", .integer(found.key),
      .integer(Int64(heads.sequence)), .integer(Int64(partitionOffset)),
      .integer(time.microseconds))
    return EventPosition(
      partition: found.partition, partitionOffset: partitionOffset,
      sequenceNumber: heads.sequence, version: 0)
  }
}

extension SQLiteConnection {
  /// Overwrites an event with zeros, unless that was done.
  func overwriteEvent(at sequence: UInt64) throws(SQLiteError) {
    let select = try statement(
      """
      SELECT length(CAST(type AS BLOB)), length(payload), length(metadata) FROM events
      WHERE sequence = ?
      """)
    select.bind(1, sequence)
    defer { select.reset() }
    guard try select.step(), select.integer(0) > 0 else { return }
    let row = ErasedRow(
      type: Int(select.integer(0)), payload: Int(select.integer(1)),
      metadata: select.optionalInteger(2).map { Int($0) })
    select.reset()
    try run(
      """
      UPDATE events SET type = ?1, payload = zeroblob(?2),
        metadata = CASE WHEN ?3 IS NULL THEN NULL ELSE zeroblob(?3) END WHERE sequence = ?4
      """, .text(StoreSchema.erasedType), .integer(Int64(row.payload)),
      row.metadata.map { .integer(Int64($0)) } ?? .null, .integer(Int64(sequence)))
  }
}
