import Eventually

/// Idempotency keys of appends.
extension StoreWriter {
  /// What an append with a key came to earlier; `nil` where it is to be carried out.
  func earlier(
    _ key: StoredKey, of stream: StreamRow?, named streamID: String, at now: Timestamp
  ) throws -> Result<StoreOutcome, EventStoreError>? {
    guard let stream else { return nil }
    let select = statements.findKey
    let digest = key.digest
    select.bind(1, stream.key)
    select.bind(2, digest.span)
    defer { select.reset() }
    guard try select.step() else { return nil }
    let recorded = try KeyTable.recorded(select)
    switch recorded.verdict(
      number: key.key.number, request: key.request, now: now, lifetime: keyLifetime)
    {
    case .new: return nil
    case .repetition: return .success(.repeated(recorded.last))
    case .otherRequest:
      return .failure(
        .keyReused(KeyReused(streamID: streamID, key: key.key, first: recorded.last)))
    }
  }

  /// Keeps a key of a request after which the stream's last event is at `sequence`, 0 for none; and deletes a few that are too
  /// old.
  func keep(_ key: StoredKey, of stream: Int64, at sequence: UInt64, time: Timestamp) throws {
    let save = statements.saveKey
    save.prepareForReuse()
    let digest = key.digest
    save.bind(1, stream)
    save.bind(2, digest.span)
    save.bind(3, sequence)
    save.bind(4, KeyTable.seconds(time))
    if let number = key.key.number { save.bind(5, number) }
    if let request = key.request { save.bind(6, request) }
    try save.run()
    if let keyLifetime { try keySweep.step(connection, now: time, lifetime: keyLifetime) }
  }

  /// Leaves nothing of a stream's keys.
  func forgetKeys(of stream: Int64) throws(SQLiteError) {
    try connection.run("DELETE FROM idempotency_keys WHERE stream = ?", .integer(stream))
  }

  /// Keeps a key of a request that led to no event.
  func keep(
    _ key: StoredKey, of found: StreamRow?, named streamID: String, time: Timestamp
  ) throws -> StoreOutcome {
    // Before anything is changed.
    let last = try found.flatMap { try lastPosition(of: $0, named: streamID) }
    // A stream that has not begun has a row as one that was removed.
    let stream =
      try found?.key
      ?? writeStream(
        nil, id: streamID, partition: partitioner.partition(of: streamID), version: 0, head: 0,
        bytes: 0)
    try keep(key, of: stream, at: found?.head ?? 0, time: time)
    return .unchanged(last)
  }
}
