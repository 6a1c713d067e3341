public import Eventually

/// A read model's rows, checkpoints and epochs in one SQLite file, shared by the read model's workers.
///
/// Every batch is one transaction: the rows it changes and the checkpoints it moves. A checkpoint moves only
/// where the epoch is still the lease's and the position is still what the batch follows, so a worker whose
/// partition has been taken over cannot write, however late it wakes up.
public actor ReadModelDatabase<Model: ReadModel>: ReadModelStore {
  /// What is taken in.
  public typealias Event = Model.Event

  private let executor: BlockingExecutor
  private let connection: SQLiteConnection
  private let rows: SQLiteRowStore
  private let model: Model
  /// The database file.
  public nonisolated let path: String

  /// The thread that the database's calls block.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Opens a read model's database, and creates it where there is none.
  /// - Throws: ``ReadModelError``.
  public init(
    path: String, model: Model, storeID: String, partitionCount: Partition
  ) throws(ReadModelError) {
    do {
      connection = try SQLiteConnection(path: path, mode: .create, busyTimeout: 30_000)
      try ReadModelSchema.prepare(
        connection, tables: model.tables.map { $0.schema },
        identity: ReadModelSchema.Identity(
          name: model.name, schemaVersion: model.schemaVersion, storeID: storeID,
          partitionCount: partitionCount))
    } catch {
      throw Self.wrap(error, path: path)
    }
    self.path = path
    self.model = model
    rows = SQLiteRowStore(connection: connection)
    executor = BlockingExecutor(label: "readmodel.\(model.name)")
  }

  /// Takes partitions for a worker.
  public func claim(
    _ partitions: [Partition], owner: String
  ) async throws(ReadModelError) -> [PartitionLease] {
    do {
      return try connection.write {
        try partitions.map { try claim($0, owner: owner) }
      }
    } catch {
      throw Self.wrap(error, path: path)
    }
  }

  private func claim(_ partition: Partition, owner: String) throws -> PartitionLease {
    let claim = try connection.statement(
      """
      INSERT INTO checkpoints (partition, epoch, owner, updated) VALUES (?, 1, ?, ?)
      ON CONFLICT DO UPDATE SET
        epoch = epoch + 1, owner = excluded.owner
      RETURNING epoch, position, next_offset
      """)
    claim.bind([
      .integer(Int64(partition)), .text(owner), .integer(Timestamp.now().microseconds),
    ])
    defer { claim.reset() }
    _ = try claim.step()
    return PartitionLease(
      partition: partition, epoch: claim.unsigned(0),
      position: claim.optionalInteger(1).map { UInt64($0) }, offsetHint: claim.optionalInteger(2))
  }

  /// Applies deliveries and moves their checkpoints, all in one transaction.
  ///
  /// - Returns: the leases that have been overtaken. Of their deliveries nothing has been applied; all
  ///   others have been applied whole.
  /// - Throws: ``ReadModelError``. Nothing has been applied then.
  public func apply(
    _ deliveries: [Delivery<Model.Event>]
  ) async throws(ReadModelError) -> [PartitionLease] {
    var left = deliveries
    var overtaken: [PartitionLease] = []
    while !left.isEmpty {
      let refused = try tryApply(left)
      if refused.isEmpty { break }
      left.removeAll { delivery in refused.contains { $0.partition == delivery.partition } }
      overtaken += refused
    }
    return overtaken
  }

  /// One attempt at a transaction: nothing is applied where any lease is refused.
  private func tryApply(
    _ deliveries: [Delivery<Model.Event>]
  ) throws(ReadModelError) -> [PartitionLease] {
    defer { rows.clear() }
    do {
      try connection.write {
        var refused: [PartitionLease] = []
        for delivery in deliveries where try !moveCheckpoint(delivery) {
          refused.append(
            PartitionLease(
              partition: delivery.partition, epoch: delivery.epoch, position: delivery.after,
              offsetHint: nil))
        }
        if !refused.isEmpty { throw Overtaken(leases: refused) }
        for delivery in deliveries {
          for entry in delivery.entries { try take(entry) }
        }
        try rows.flush()
      }
      return []
    } catch let overtaken as Overtaken {
      return overtaken.leases
    } catch {
      throw Self.wrap(error, path: path)
    }
  }

  private struct Overtaken: Error {
    var leases: [PartitionLease]
  }

  private func take(_ entry: LogEntry<String, Model.Event>) throws {
    do {
      try model.take(entry, into: rows)
    } catch let error as SQLiteError {
      throw error
    } catch {
      throw ReadModelError.projection(position: entry.position, cause: error)
    }
  }

  private func moveCheckpoint(_ delivery: Delivery<Model.Event>) throws(SQLiteError) -> Bool {
    let update = try connection.statement(
      """
      UPDATE checkpoints SET position = ?, sequence = ?, next_offset = ?, updated = ?
      WHERE partition = ? AND epoch = ? AND position IS ?
      """)
    update.bind(1, delivery.lastPosition)
    if let last = delivery.entries.last { update.bind(2, last.position.sequenceNumber) }
    if let offset = delivery.nextOffset { update.bind(3, offset) } else { update.bindNull(3) }
    update.bind(4, Timestamp.now().microseconds)
    update.bind(5, Int64(delivery.partition))
    update.bind(6, delivery.epoch)
    if let after = delivery.after { update.bind(7, after) } else { update.bindNull(7) }
    try update.run()
    return connection.changes == 1
  }

  private static func wrap(_ error: any Error, path: String) -> ReadModelError {
    if let error = error as? ReadModelError { return error }
    if let error = error as? SQLiteError, error.isFull { return .full(path: path) }
    return .unavailable(path: path, cause: error)
  }
}
