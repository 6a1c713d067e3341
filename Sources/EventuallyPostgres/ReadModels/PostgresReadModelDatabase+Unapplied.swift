public import Eventually

/// What was not applied, and what an administrator does about it.
extension PostgresReadModelDatabase {
  /// Keeps records that are not of this store, or can't be read: the newest 10,000 of each partition, and up to 1,000
  /// more for each process that has written some.
  public func keep(_ records: [RejectedRecord]) async throws {
    guard !records.isEmpty else { return }
    try await exclusively {
      var statements = [sql.durable, sql.reject(records)]
      for (partition, kept) in Dictionary(grouping: records, by: \.partition) {
        // To find the oldest reads all that are kept, so it is not done each time.
        let added = keptSincePruning[partition, default: 1_000] + kept.count
        keptSincePruning[partition] = added < 1_000 ? added : 0
        if added >= 1_000 { statements.append(sql.pruneRejected(partition)) }
      }
      _ = try await pool.run(statements, "keep rejected records")
    }
  }

  /// Notes for good that an event was applied at a place where the store has another one or none.
  public func markForged(_ partition: Partition, at position: UInt64) async throws {
    try await exclusively {
      _ = try await pool.run(
        [sql.durable, sql.markForged(partition, position)], "note a forged event")
    }
  }

  /// Has the workers park an event of an unknown type, once they come to it, with the later events of its stream.
  /// - Throws: `ReadModelError.alreadyApplied(partition:position:)` where the event was applied or parked before.
  public func requestParking(of partition: Partition, at position: UInt64) async throws {
    try await exclusively {
      let found = try await pool.run(
        [sql.durable, sql.request(partition, position)], "have an event parked")
      guard found[1].changed == 1 else {
        throw ReadModelError.alreadyApplied(partition: partition, position: position)
      }
    }
  }

  /// The partition offsets of events that ``requestParking(of:at:)`` was called with.
  public func parkRequests(in partition: Partition) async throws -> Set<UInt64> {
    // A partition's worker asks, which may be in the middle of a batch of others.
    do {
      let rows = try await pool.run([sql.requests(partition)], "read which events to park")[0]
      return Set(try (0..<rows.count).map { try rows.unsigned($0, 0) })
    } catch {
      throw failure(error)
    }
  }

  /// Applies the events of a parked stream, all or none, and parks it no longer. The lease of its partition is fenced: its worker
  /// takes a new one, since rows have changed beside it.
  /// - Returns: how many events were applied.
  /// - Throws: `ProjectionFailures` where one fails again: the stream stays parked as it was, with the new reason.
  public func retryParked(_ streamID: String) async throws -> Int {
    try await exclusively {
      known.clear()
      defer { known.clear() }
      let result: Result<Int, any Error> = try await pool.withConnection {
        connection throws(PostgresError) in
        await self.retry(streamID, on: connection)
      }
      if case .failure(let failures as ProjectionFailures) = result {
        _ = try await pool.run([sql.durable, sql.park(failures.failures[0])], "park a stream")
      }
      return try result.get()
    }
  }

  private func retry(
    _ streamID: String, on connection: PostgresConnection
  ) async -> Result<Int, any Error> {
    do {
      let count = try await retryAll(streamID, on: connection)
      return .success(count)
    } catch {
      await abandon(connection)
      return .failure(error)
    }
  }

  private func retryAll(_ streamID: String, on connection: PostgresConnection) async throws -> Int {
    let partition = try await parkedPartition(of: streamID, on: connection)
    // The partition's worker parks nothing more meanwhile. What partitions share is locked from the start: this is rare.
    let found = try await connection.run(
      [sql.fence(partition), sql.lockShared, sql.parkedRecords(of: streamID)],
      "read a parked stream")
    let records = try (0..<found[2].count).map { try ParkedRow.record(found[2], $0, of: streamID) }
    let effects = try await project(records, on: connection)
    _ = try await connection.run(
      changes(shared: false, isLast: true) + changes(shared: true, isLast: true)
        + effects.flatMap(statements)
        + sql.forgetParked(streamID) + [sql.commit], "apply a parked stream")
    return records.count
  }

  /// Begins a transaction, and tells the partition of a parked stream.
  private func parkedPartition(
    of streamID: String, on connection: PostgresConnection
  ) async throws -> Partition {
    let found = try await connection.run(
      sql.begin + [sql.durable, sql.parked(streamID)], "look for a parked stream")[3]
    guard found.count == 1 else { throw ReadModelError.notParked(streamID: streamID) }
    return Partition(clamping: try found.integer(0, 0))
  }

  /// Projects events one after the other.
  /// - Returns: what is to be done beside changing rows.
  private func project(
    _ records: [EventRecord], on connection: PostgresConnection
  ) async throws -> [BatchProjection<Model>.Effect] {
    for _ in 0..<Self.passes {
      known.beginPass()
      rows.clear()
      var failure: ProjectionFailure?
      var effects: [BatchProjection<Model>.Effect] = []
      for record in records where failure == nil {
        do {
          known.partition = record.position.partition
          let entry = try record.entry(decodedBy: codec)
          try BatchProjection.project(entry, model, into: rows)
          try rows.save()
          effects += BatchProjection<Model>.Effect.removal(entry).map { [$0] } ?? []
        } catch {
          failure = ProjectionFailure(
            position: record.position, streamID: record.streamID, reason: "\(error)")
        }
      }
      let missing = known.missing
      if missing.isEmpty {
        if let failure { throw ProjectionFailures([failure]) }
        return effects
      }
      for rows in try await load(missing, on: connection) { known.insert(rows) }
    }
    throw tooManyPasses
  }

  /// Tries the events of a parked stream, in a transaction that reads one state and changes nothing. Workers go on meanwhile.
  /// - Parameters:
  ///   - streamID: which one.
  ///   - limit: at most so many events are tried, from the first on.
  public func tryParked(_ streamID: String, limit: Int) async throws -> ParkedTrial {
    do {
      let result: Result<ParkedTrial, any Error> = try await pool.withConnection {
        connection throws(PostgresError) in
        await self.trial(streamID, limit: limit, on: connection)
      }
      return try result.get()
    } catch {
      throw failure(error)
    }
  }

  private func trial(
    _ streamID: String, limit: Int, on connection: PostgresConnection
  ) async -> Result<ParkedTrial, any Error> {
    do {
      let found = try await connection.run(
        sql.beginReading + [sql.parkedRecords(of: streamID)], "read a parked stream")[2]
      guard found.count > 0 else { throw ReadModelError.notParked(streamID: streamID) }
      let records = try (0..<min(found.count, limit)).map {
        try ParkedRow.record(found, $0, of: streamID)
      }
      var trial = try await trial(records, on: connection)
      trial.events = found.count
      _ = try await connection.run([sql.rollback], "roll back")
      return .success(trial)
    } catch {
      await abandon(connection)
      return .failure(error)
    }
  }

  /// Projects events on rows that nobody else sees, until all rows are known that they ask for.
  private func trial(
    _ records: [EventRecord], on connection: PostgresConnection
  ) async throws -> ParkedTrial {
    let known = PrefetchedRows(limit: .init(bytes: Self.keyLimit))
    for _ in 0..<Self.passes {
      known.beginPass()
      let recorded = RecordedRows(over: known, isWriting: true)
      let rows = Rows(over: recorded)
      var trial = ParkedTrial(events: records.count, tried: 0, changes: [])
      for record in records where trial.failure == nil {
        do {
          known.partition = record.position.partition
          try BatchProjection.project(record.entry(decodedBy: codec), model, into: rows)
          try rows.save()
          trial.tried += 1
        } catch {
          trial.failure = ProjectionFailure(
            position: record.position, streamID: record.streamID, reason: "\(error)")
        }
      }
      let missing = known.missing
      if missing.isEmpty {
        if trial.failure == nil { trial.changes = recorded.changes }
        return trial
      }
      for rows in try await load(missing, on: connection) { known.insert(rows) }
    }
    throw tooManyPasses
  }

  /// Gives up the events of a parked stream for good, and parks it no longer: later events are applied again.
  /// That they are missing is kept on record.
  /// - Returns: how many events were given up.
  public func dropParked(_ streamID: String) async throws -> Int {
    try await exclusively {
      let result: Result<Int, any Error> = try await pool.withConnection {
        connection throws(PostgresError) in
        await self.drop(streamID, on: connection)
      }
      return try result.get()
    }
  }

  private func drop(
    _ streamID: String, on connection: PostgresConnection
  ) async -> Result<Int, any Error> {
    do {
      let partition = try await parkedPartition(of: streamID, on: connection)
      let found = try await connection.run(
        [sql.lockCheckpoints([partition]), sql.drop(streamID)] + sql.forgetParked(streamID)
          + [sql.commit], "drop a parked stream")
      return .success(found[1].count)
    } catch {
      await abandon(connection)
      return .failure(error)
    }
  }
}
