import Eventually

/// Adding events to a stream.
extension StoreWriter {
  /// No store comes so far.
  private static let lastSequence: UInt64 = 1 << 62

  struct StreamRow {
    var key: Int64
    var partition: Partition
    var version: Version
    var head: UInt64
    var bytes: UInt64
  }

  /// - Throws: ``StoreDamage`` where the row is none that was written.
  func stream(_ streamID: String) throws -> StreamRow? {
    let select = statements.findStream
    select.bind(1, streamID)
    defer { select.reset() }
    guard try select.step() else { return nil }
    guard let partition = Partition(exactly: select.integer(1)),
      heads.partitions.indices.contains(Int(partition)),
      select.integer(2) >= 0, (select.integer(2) == 0) == (select.integer(3) == 0),
      select.integer(2) <= select.integer(3), select.unsigned(3) <= Self.lastSequence
    else {
      throw StoreDamage("the row of the stream '\(streamID)' says what can't be")
    }
    return StreamRow(
      key: select.integer(0), partition: partition,
      version: select.unsigned(2), head: select.unsigned(3), bytes: select.unsigned(4))
  }

  /// Where a stream's last event is; `nil` where it has none.
  func lastPosition(of found: StreamRow, named streamID: String) throws -> EventPosition? {
    guard found.version > 0 else { return nil }
    try checkHead(found, of: streamID)
    let offset = try connection.integer(
      "SELECT partition_sequence FROM events WHERE sequence = ?", .integer(Int64(found.head)))
    return EventPosition(
      partition: found.partition, partitionOffset: UInt64(clamping: offset ?? 0),
      sequenceNumber: found.head, version: found.version)
  }

  /// Before a caller is told that it is wrong.
  private func checkHead(_ found: StreamRow, of streamID: String) throws {
    guard found.version > 0 else { return }
    let version = try connection.integer(
      "SELECT version FROM events WHERE sequence = ? AND stream = ?",
      .integer(Int64(found.head)), .integer(found.key))
    guard version == Int64(found.version) else {
      throw StoreDamage(
        "the row of the stream '\(streamID)' says version \(found.version), and its last event does not"
      )
    }
  }

  func append(
    _ events: EncodedEvents, to streamID: String, expecting: ExpectedVersion, key: StoredKey?,
    time: Timestamp, heads: inout Heads
  ) throws -> Result<StoreOutcome, EventStoreError> {
    let found = try stream(streamID)
    if let key, let earlier = try earlier(key, of: found, named: streamID, at: time) {
      return earlier
    }
    if let failure = events.check?.knownFailure { return .failure(.unreadable(failure)) }
    let actual = found?.version ?? 0
    if case .exact(let expected) = expecting, expected != actual {
      if let found { try checkHead(found, of: streamID) }
      return .failure(
        .conflict(VersionConflict(streamID: streamID, expected: expected, actual: actual)))
    }
    if let key, events.count == 0 {
      return .success(try keep(key, of: found, named: streamID, time: time))
    }
    let version = actual + UInt64(events.count)
    let bytes = (found?.bytes ?? 0) + events.bytes
    do {
      try streamLimit.check(streamID, events: version, bytes: bytes)
    } catch {
      return .failure(error)
    }
    let partition = found?.partition ?? partitioner.partition(of: streamID)
    let firstSequence = heads.sequence + 1
    let lastSequence = heads.sequence + UInt64(events.count)
    let row = try writeStream(
      found, id: streamID, partition: partition, version: version, head: lastSequence,
      bytes: bytes)
    if bytes >= Self.large { largeStreams.withLock { $0[streamID.hashValue] = bytes } }
    let insert = insertStatement(
      key: row, partition: partition, time: time, metadata: events.metadata)
    var previous = found?.head ?? 0
    var start = 0
    // What is bound stays until it is bound anew: of most columns, only what changes is.
    var boundType: String?
    let ids = eventIDs(at: time, count: events.count)
    let idBytes = ids.span
    let payloadBytes = events.payloads
    let payloads = payloadBytes.span
    var position = heads.partitions[Int(partition)]
    for index in 0..<events.count {
      let sequence = firstSequence + UInt64(index)
      position += 1
      insert.bind(1, sequence)
      insert.bind(3, actual + UInt64(index) + 1)
      insert.bind(4, previous)
      insert.bind(6, position)
      if events.types[index] != boundType {
        boundType = events.types[index]
        insert.bind(7, events.types[index])
      }
      insert.bindUntilRun(8, idBytes.extracting(index * 16..<index * 16 + 16))
      insert.bindUntilRun(10, payloads.extracting(start..<events.ends[index]))
      try insert.run()
      previous = sequence
      start = events.ends[index]
    }
    // The statement has run with the bytes of these where they are.
    withExtendedLifetime((ids, payloadBytes)) {}
    heads.partitions[Int(partition)] = position
    heads.sequence = lastSequence
    if let key { try keep(key, of: row, at: lastSequence, time: time) }
    return .success(
      .added(
        EventPosition(
          partition: partition, partitionOffset: heads.partitions[Int(partition)],
          sequenceNumber: lastSequence, version: version)))
  }

  func writeStream(
    _ found: StreamRow?, id: String, partition: Partition, version: Version, head: UInt64,
    bytes: UInt64
  ) throws(SQLiteError) -> Int64 {
    if let found {
      let update = statements.updateStream
      update.bind(1, version)
      update.bind(2, head)
      update.bind(3, bytes)
      update.bind(4, found.key)
      try update.run()
      return found.key
    }
    let insert = statements.insertStream
    insert.bind(1, id)
    insert.bind(2, Int64(partition))
    insert.bind(3, version)
    insert.bind(4, head)
    insert.bind(5, bytes)
    defer { insert.reset() }
    _ = try insert.step()
    return insert.integer(0)
  }

  /// New ids, sixteen bytes each.
  private func eventIDs(at time: Timestamp, count: Int) -> [UInt8] {
    var id = ids.next(at: time, count: count)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * 16)
    for _ in 0..<count {
      withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { bytes.append(contentsOf: $0) }
      id = id.successor
    }
    return bytes
  }

  /// The statement that inserts an event, with what is the same for all events of an append.
  func insertStatement(
    key: Int64, partition: Partition, time: Timestamp, metadata: [UInt8]
  ) -> SQLiteStatement {
    let insert = statements.insertEvent
    insert.prepareForReuse()
    insert.bind(2, key)
    insert.bind(5, Int64(partition))
    insert.bind(9, time.microseconds)
    // Without it nothing is bound, which is NULL.
    if !metadata.isEmpty { insert.bind(11, metadata.span) }
    return insert
  }
}
