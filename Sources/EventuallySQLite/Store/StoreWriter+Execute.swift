import Eventually

/// What each kind of request does in the transaction.
extension StoreWriter {
  func execute(
    _ kind: StoreRequest.Kind, time: Timestamp, heads: inout Heads
  ) throws -> Result<StoreOutcome, EventStoreError> {
    do {
      return try executeUnguarded(kind, time: time, heads: &heads)
    } catch let damage as StoreDamage {
      // Found before anything was changed: what other requests are about may be sound.
      return .failure(.damaged(connection.path, damage))
    }
  }

  private func executeUnguarded(
    _ kind: StoreRequest.Kind, time: Timestamp, heads: inout Heads
  ) throws -> Result<StoreOutcome, EventStoreError> {
    switch kind {
    case .append(let streamID, let expecting, let events, let key):
      return try append(
        events, to: streamID, expecting: expecting, key: key, time: time, heads: &heads)
    case .remove(let streamID, let expecting):
      return try remove(streamID, expecting: expecting, time: time, heads: &heads)
    case .snapshot(let streamID, let snapshot):
      if let found = try stream(streamID), found.version >= snapshot.version {
        var sealed = snapshot
        sealed.payload = SnapshotSeal.seal(snapshot, of: streamID)
        try SnapshotTable(connection: connection).save(sealed, of: found.key)
      }
      return .success(.unchanged(nil))
    case .erased(let sequence):
      try connection.run(
        "UPDATE erasures SET erased = ? WHERE erased IS NULL AND sequence <= ?",
        .integer(time.microseconds), .integer(Int64(clamping: sequence)))
      return .success(.unchanged(nil))
    case .published(let sequence):
      try connection.run(
        "UPDATE store SET value = ? WHERE key = 'published'", .integer(Int64(sequence)))
      return .success(.unchanged(nil))
    case .progress(let progress):
      try StoredProgress.write(progress, to: connection)
      return .success(.unchanged(nil))
    case .probe:
      // As much as a few orders take: what is left in files that exist would do for less.
      try connection.run("INSERT OR REPLACE INTO store VALUES ('probe', randomblob(65536))")
      return .success(.unchanged(nil))
    }
  }
}
