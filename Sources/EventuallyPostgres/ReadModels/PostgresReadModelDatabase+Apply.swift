public import Eventually

/// Batches.
extension PostgresReadModelDatabase {
  /// Applies deliveries and moves their checkpoints, all in one transaction.
  ///
  /// Where leases have been fenced, nothing of their deliveries has been applied; all others have been
  /// applied whole.
  /// - Throws: `ReadModelError`, or `ProjectionFailures` where the read model's code fails on events that are not
  ///   to be parked. Nothing has been applied then, unless the connection was lost while it was committed: the next attempt
  ///   finds that out.
  public func apply(
    _ deliveries: [Delivery<Model.Event>], parking: [ProjectionFailure]
  ) async throws -> ApplyOutcome {
    try await exclusively {
      var application = BatchApplication(
        deliveries, parking: parking, recoveries: recoveries, inDoubt: inDoubt)
      defer { (recoveries, inDoubt) = (application.recoveries, application.inDoubt) }
      while let transaction = try application.next() {
        FaultPoint.readModelApplying.pass()
        let ending = await attempt(transaction, application)
        // Nothing that was read is known to be so still.
        if case .success(.committed) = ending {
          FaultPoint.readModelCommitted.pass()
        } else {
          known.clear()
        }
        application.ended(try ending.get())
      }
      let outcome = application.outcome
      for delivery in deliveries
      where !outcome.fenced.contains(where: { $0.partition == delivery.partition }) {
        unflushed[delivery.partition] = delivery.lastPosition
      }
      return outcome
    }
  }

  /// Whether a crash of the server has taken back what was applied. What is found once does not count again.
  /// - Throws: `ReadModelError`.
  public func hasLostBatches() async throws -> Bool {
    let applied = unflushed
    if applied.isEmpty { return false }
    do {
      // Positions that are read after a flush are those that it has made durable, or what a crash before it has left.
      let answers = try await pool.run(
        transactions: [[sql.flush], [sql.positions(Array(applied.keys))]], "look for lost batches")
      for answer in answers.dropLast() { _ = try answer.get() }
      let found = try answers.last?.get() ?? []
      var positions: [Partition: UInt64] = [:]
      if let rows = found.first {
        for row in 0..<rows.count where !rows.isNull(row, 1) {
          positions[Partition(clamping: try rows.integer(row, 0))] = try rows.unsigned(row, 1)
        }
      }
      var hasLost = false
      for (partition, position) in applied {
        if (positions[partition] ?? 0) < position { hasLost = true }
        if unflushed[partition] == position { unflushed[partition] = nil }
      }
      return hasLost
    } catch {
      throw failure(error)
    }
  }

  typealias Ending = BatchApplication<Model.Event>.Ending

  private func attempt(
    _ transaction: BatchApplication<Model.Event>.Transaction,
    _ application: BatchApplication<Model.Event>
  ) async -> Result<Ending, any Error> {
    do throws(PostgresError) {
      return try await pool.withConnection { connection throws(PostgresError) in
        await self.run(transaction, application, on: connection)
      }
    } catch {
      return .failure(error)
    }
  }

  private func run(
    _ transaction: BatchApplication<Model.Event>.Transaction,
    _ application: BatchApplication<Model.Event>, on connection: PostgresConnection
  ) async -> Result<Ending, any Error> {
    var batch = Batch(transaction: transaction)
    do {
      let ending = try await carryOut(&batch, application, on: connection)
      if case .committed = ending, batch.isCommitting { return .success(ending) }
      _ = try await connection.run([sql.rollback], "roll back")
      return .success(ending)
    } catch let error as PostgresError {
      if batch.isCommitting, error.mayBeCommitted {
        await connection.close()
        return .success(.unknown(error, parked: batch.parked))
      }
      await abandon(connection)
      return error.isPassing ? .success(.interrupted(error)) : .failure(error)
    } catch {
      await abandon(connection)
      return .failure(error)
    }
  }

  /// Leaves the transaction, so that the connection is of use again; one that can't is closed.
  func abandon(_ connection: PostgresConnection) async {
    guard connection.ending.withLock({ $0 }) == nil else { return }
    do throws(PostgresError) {
      _ = try await connection.run([sql.rollback], "roll back")
    } catch {
      await connection.close()
    }
  }

  /// What is known of a transaction while it goes on.
  private struct Batch {
    let transaction: BatchApplication<Model.Event>.Transaction
    var held = BatchProjection<Model>.Held()
    /// Whether rows that partitions share are locked.
    var isLocked = false
    var isCommitting = false
    var parked = 0
    var deliveries: [Delivery<Model.Event>] { transaction.deliveries }

    /// The streams of its events, some of them more than once.
    var streams: [String] {
      var streams: [String] = []
      for delivery in deliveries {
        for entry in delivery.entries {
          // Events of a stream often come together.
          if let stream = entry.streamID, stream != streams.last { streams.append(stream) }
        }
      }
      return streams
    }
  }

  private func carryOut(
    _ batch: inout Batch, _ application: BatchApplication<Model.Event>,
    on connection: PostgresConnection
  ) async throws -> Ending {
    let partitions = batch.deliveries.map(\.partition)
    // Where all tables are shared, or nobody else has changed anything meanwhile, nothing is to be had from locking later.
    batch.isLocked = isAlone || schema.tables.allSatisfy(\.schema.isShared)
    var statements = sql.begin + [sql.lockCheckpoints(partitions)] + sql.held(partitions)
    if batch.isLocked { statements += [sql.lockShared, sql.marks] }
    let expected = known.expected(of: batch.streams)
    let found = try await load(expected, after: statements, "begin a batch", on: connection)
    try await onMoment?(.begun, connection)
    switch application.check(try checkpoints(found.before[2])) {
    case .fenced(let leases): return .fenced(leases)
    case .applied(let parked): return .committed(parked: parked)
    case .admitted: break
    }
    batch.held = try held(found.before[3], found.before[4], found.before[5])
    if batch.isLocked {
      isAlone = known.lockedShared(at: try marks(found.before[7]))
      if !isAlone { known.forgetShared() }
    }
    for rows in found.rows { known.insert(rows) }

    let projection = try await project(&batch, on: connection)
    if !projection.failures.isEmpty { return .failed(ProjectionFailures(projection.failures)) }
    statements = changes(shared: false, isLast: true) + changes(shared: true, isLast: true)
    for effect in projection.effects { statements += self.statements(effect) }
    statements += [sql.move(batch.deliveries), sql.commit]
    FaultPoint.readModelApplied.pass()
    try await onMoment?(.committing, connection)
    (batch.isCommitting, batch.parked) = (true, projection.parkedCount)
    _ = try await connection.run(statements, "commit a batch")
    try await onMoment?(.committed, connection)
    known.committed()
    for delivery in batch.deliveries {
      known.move(
        delivery.partition, to: .init(epoch: delivery.epoch, position: delivery.lastPosition))
    }
    known.trim(to: Self.rowLimit)
    return .committed(parked: projection.parkedCount)
  }

  /// About as many rows as a few transactions touch: more take memory without being touched again.
  private static var rowLimit: Int { 20_000 }

  /// Projects the batch until all rows are known that it asks for, and those that partitions share are locked and as it has seen
  /// them. Changes of other rows are sent before the lock is taken.
  private func project(
    _ batch: inout Batch, on connection: PostgresConnection
  ) async throws -> BatchProjection<Model> {
    for _ in 0..<Self.passes {
      let projection = try pass(batch)
      let missing = known.missing
      if !missing.isEmpty {
        known.learn(from: batch.streams)
        guard known.confirm(try await load(missing, on: connection)) else { continue }
      }
      let shared = known.touchedShared
      if batch.isLocked || shared.isEmpty { return projection }
      // A failure may come from what is only guessed of shared rows.
      let changes = projection.failures.isEmpty ? changes(shared: false, isLast: false) : []
      let loaded = try await load(
        shared, after: changes + [sql.lockShared, sql.marks], "load rows", on: connection)
      batch.isLocked = true
      try await onMoment?(.locked, connection)
      isAlone = known.lockedShared(at: try marks(loaded.before[changes.count + 1]))
      if known.refresh(loaded.rows) { return projection }
    }
    throw tooManyPasses
  }

  var tooManyPasses: ReadModelError {
    .unavailable(
      location: location,
      cause: RowError(
        table: name, reason: "the read model asks for other rows each time it projects the same"))
  }

  /// A projection that looks rows up one by the other comes deeper by a row with each pass.
  static var passes: Int { 1_000 }

  private func pass(_ batch: Batch) throws -> BatchProjection<Model> {
    var projection = BatchProjection(
      model, codec: codec, parkingLimit: parkingLimit, held: batch.held,
      parking: batch.transaction.parking,
      failing: batch.transaction.isIsolating ? .isTakenBack : .goesOn)
    known.beginPass()
    rows.clear()
    rows.isIsolating = batch.transaction.isIsolating
    for delivery in batch.deliveries {
      file?.begin(delivery.partition, batch.transaction.mark(delivery))
    }
    defer { for delivery in batch.deliveries { file?.end(delivery.partition) } }
    do {
      for delivery in batch.deliveries {
        known.partition = delivery.partition
        for entry in delivery.entries { try projection.take(entry, into: rows) }
        try rows.releasePartition()
      }
      try rows.save()
    } catch let error as RowError where !batch.transaction.isIsolating {
      // A row that can't be saved: isolated, it is known of which event.
      projection.fail(batch.deliveries[0].entries[0], error)
    }
    return projection
  }

  func load(
    _ keys: [PrefetchedRows.TableKeys], on connection: PostgresConnection
  ) async throws -> [PrefetchedRows.TableRows] {
    try await load(keys, after: [], "load rows", on: connection).rows
  }

  /// Loads rows in the same exchange, after other statements.
  private func load(
    _ keys: [PrefetchedRows.TableKeys], after before: [PostgresStatement], _ operation: String,
    on connection: PostgresConnection
  ) async throws -> (before: [PostgresRows], rows: [PrefetchedRows.TableRows]) {
    let tables = keys.compactMap { keys in schema.table(keys.schema).map { (keys.keys, $0) } }
    let found = try await connection.run(before + tables.map { $1.select($0) }, operation)
    let rows = try zip(tables, found.dropFirst(before.count)).map { table, found in
      try table.1.rows(table.0, found)
    }
    return (found, rows)
  }

  func changes(shared: Bool, isLast: Bool) -> [PostgresStatement] {
    known.takeChanges(shared: shared, isLast: isLast).flatMap {
      schema.table($0.schema)?.save($0.rows) ?? []
    }
  }

  func statements(_ effect: BatchProjection<Model>.Effect) -> [PostgresStatement] {
    switch effect {
    case .park(let failure): [sql.park(failure)]
    case .keep(let record): [sql.keep(record)]
    case .forgetParked(let streamID): sql.forgetParked(streamID)
    case .removed(let removal): sql.removed(removal)
    }
  }

  private func checkpoints(
    _ rows: PostgresRows
  ) throws -> [Partition: BatchApplication<Model.Event>.Checkpoint] {
    var checkpoints: [Partition: BatchApplication<Model.Event>.Checkpoint] = [:]
    for row in 0..<rows.count {
      checkpoints[Partition(clamping: try rows.integer(row, 0))] = .init(
        epoch: try rows.unsigned(row, 1),
        position: rows.isNull(row, 2) ? nil : try rows.unsigned(row, 2))
    }
    return checkpoints
  }

  private func marks(_ rows: PostgresRows) throws -> [Partition: PrefetchedRows.Mark] {
    var marks: [Partition: PrefetchedRows.Mark] = [:]
    for row in 0..<rows.count {
      marks[Partition(clamping: try rows.integer(row, 0))] = .init(
        epoch: try rows.unsigned(row, 1),
        position: rows.isNull(row, 2) ? nil : try rows.unsigned(row, 2))
    }
    return marks
  }

  private func held(
    _ parked: PostgresRows, _ count: PostgresRows, _ awaited: PostgresRows
  ) throws -> BatchProjection<Model>.Held {
    var held = BatchProjection<Model>.Held()
    for row in 0..<parked.count { held.parked.insert(ByteKey(try parked.text(row, 0))) }
    held.parkedCount = Int(try count.integer(0, 0))
    for row in 0..<awaited.count {
      held.awaited[ByteKey(try awaited.text(row, 0))] = try awaited.unsigned(row, 1)
    }
    return held
  }
}
