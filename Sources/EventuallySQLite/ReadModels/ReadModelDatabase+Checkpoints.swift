public import Eventually

/// Leases and checkpoints.
extension ReadModelDatabase {
  /// Takes partitions for a worker.
  public func claim(
    _ partitions: [Partition], owner: String
  ) async throws(ReadModelError) -> [PartitionLease] {
    do {
      let leases = try connection.write {
        // A checkpoint that is in another one's place would have a partition begin anew.
        _ = try ReadModelReader.checkpoints(connection)
        return try partitions.map { try claim($0, owner: owner) }
      }
      for lease in leases { recoverWhereNeeded(lease) }
      return leases
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
      RETURNING epoch, position, next_offset, event_id
      """)
    claim.bind([
      .integer(Int64(partition)), .text(owner), .integer(Timestamp.now().microseconds),
    ])
    defer { claim.reset() }
    _ = try claim.step()
    // Beyond it, to add one would make it another kind of number, and no commit would match it.
    guard (1...Checkpoints.last).contains(claim.integer(0)) else {
      throw ReadModelDamage("the epoch of partition \(partition) is \(claim.integer(0))")
    }
    return PartitionLease(
      partition: partition, epoch: claim.unsigned(0),
      position: try Checkpoints.position(claim, 1, partition),
      // What no broker gives is no hint.
      offsetHint: claim.optionalInteger(2).flatMap { $0 >= 0 ? $0 : nil },
      eventID: claim.isNull(3) ? nil : claim.eventID(3),
      forgedPosition: try ForgedEvents.position(of: partition, connection))
  }

  /// Moves a checkpoint to the end of a delivery.
  /// - Returns: whether the lease still holds, and the checkpoint was where the delivery begins.
  func moveCheckpoint(_ delivery: Delivery<Model.Event>) throws(SQLiteError) -> Bool {
    let update = try connection.statement(
      """
      UPDATE checkpoints
      SET position = ?1, sequence = ?2, next_offset = coalesce(?3, next_offset), updated = ?4,
        event_id = ?8
      WHERE partition = ?5 AND epoch = ?6 AND position IS ?7
      """)
    update.bind(1, delivery.lastPosition)
    if let last = delivery.entries.last { update.bind(2, last.position.sequenceNumber) }
    if let offset = delivery.nextOffset { update.bind(3, offset) } else { update.bindNull(3) }
    update.bind(4, Timestamp.now().microseconds)
    update.bind(5, Int64(delivery.partition))
    update.bind(6, delivery.epoch)
    if let after = delivery.after { update.bind(7, after) } else { update.bindNull(7) }
    if let id = delivery.entries.last?.eventID { update.bind(8, id) } else { update.bindNull(8) }
    try update.run()
    return connection.changes == 1
  }
}
