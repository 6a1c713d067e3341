import Eventually

/// Writes the rows of a copy. The caller holds the transaction.
final class SQLiteCopyWriter {
  let connection: SQLiteConnection
  private let statements: AppendStatements
  private let partitioner: Partitioner

  init(path: String, partitionCount: Partition) throws {
    connection = try SQLiteConnection(path: path, mode: .readWrite)
    try StoreSchema.configure(connection)
    try connection.execute("PRAGMA secure_delete = ON")
    statements = try AppendStatements(connection)
    partitioner = Partitioner(count: partitionCount)
  }

  private struct Row {
    let key: Int64
    var stream: CopiedStream
  }

  func add(_ records: [EventRecord]) throws {
    var rows: [ByteKey: Row] = [:]
    for record in records {
      let name = ByteKey(record.streamID)
      var row = try rows[name] ?? row(of: record.streamID)
      let before = row.stream
      if let damage = row.stream.take(record) { throw StoreCopyError.outOfOrder(damage) }
      let isRemoval = row.stream.version == 0
      if isRemoval { try erase(row.key, before, removal: record) }
      try insert(record, of: row.key, previous: isRemoval ? 0 : before.head)
      rows[name] = row
    }
    let update = statements.updateStream
    for row in rows.values {
      update.bind(1, row.stream.version)
      update.bind(2, row.stream.head)
      update.bind(3, row.stream.bytes)
      update.bind(4, row.key)
      try update.run()
    }
  }

  /// A stream's row, made where there is none.
  private func row(of name: String) throws -> Row {
    let select = statements.findStream
    select.bind(1, name)
    defer { select.reset() }
    if try select.step() {
      return Row(
        key: select.integer(0),
        stream: CopiedStream(
          version: select.unsigned(2), head: select.unsigned(3), bytes: select.unsigned(4)))
    }
    let insert = statements.insertStream
    insert.bind(1, name)
    insert.bind(2, Int64(partitioner.partition(of: name)))
    for column: Int32 in 3...5 { insert.bind(column, 0 as Int64) }
    defer { insert.reset() }
    _ = try insert.step()
    return Row(key: insert.integer(0), stream: CopiedStream())
  }

  /// Events that were copied before they were removed are overwritten. A writer finds the removal among those that are pending,
  /// and sees to it that nothing is left in the file's log.
  private func erase(_ key: Int64, _ stream: CopiedStream, removal: EventRecord) throws {
    let events = try StreamChain.sequenceNumbers(
      connection, stream: key, last: stream.version, head: stream.head, from: 1)
    for sequence in events { try connection.overwriteEvent(at: sequence) }
    try connection.run(
      "INSERT OR REPLACE INTO erasures VALUES (?, ?, ?, ?, NULL)", .integer(key),
      .integer(Int64(clamping: removal.position.sequenceNumber)),
      .integer(Int64(clamping: removal.position.partitionOffset)),
      .integer(removal.time.microseconds))
  }

  private func insert(_ record: EventRecord, of key: Int64, previous: UInt64) throws {
    let isErased = record.type == EventRecord.erasedType
    let insert = statements.insertEvent
    insert.prepareForReuse()
    insert.bind(1, record.position.sequenceNumber)
    insert.bind(2, key)
    insert.bind(3, record.position.version)
    insert.bind(4, previous)
    insert.bind(5, Int64(record.position.partition))
    insert.bind(6, record.position.partitionOffset)
    insert.bind(7, isErased ? StoreSchema.erasedType : record.type)
    insert.bind(8, record.id)
    insert.bind(9, record.time.microseconds)
    insert.bind(10, record.payload.span)
    if !record.metadata.isEmpty { insert.bind(11, record.metadata.json.span) }
    try insert.run()
  }

  func removeKeys() throws { try connection.execute("DELETE FROM idempotency_keys") }

  func add(_ keys: [CopiedKey]) throws {
    let save = statements.saveKey
    for key in keys {
      let stream = try row(of: key.stream).key
      save.prepareForReuse()
      save.bind(1, stream)
      save.bind(2, key.key.span)
      save.bind(3, key.sequence)
      save.bind(4, key.seconds)
      if let number = key.number { save.bind(5, number) }
      if let request = key.request { save.bind(6, request) }
      try save.run()
    }
  }

  func replace(skips: [CopiedSkip], progress: PublishedProgress) throws {
    try SkipDecision.removeAll(in: connection)
    for skip in skips {
      try SkipDecision.record(
        partition: skip.partition, offset: skip.offset, at: skip.decided, in: connection)
    }
    try StoredProgress.write(progress, to: connection)
  }
}
