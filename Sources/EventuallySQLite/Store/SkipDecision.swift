public import Eventually

/// An administrator's decision that a placeholder is published in the place of an event that the broker refuses. It is kept in the
/// store for good: whoever publishes the event again, after a restart say, does it in the same way.
enum SkipDecision {
  private static func key(_ partition: Partition, _ offset: UInt64) -> String {
    "skip.\(partition).\(offset)"
  }

  static func exists(
    partition: Partition, offset: UInt64, in connection: SQLiteConnection
  ) throws(SQLiteError) -> Bool {
    try connection.integer(
      "SELECT 1 FROM store WHERE key = ?", .text(key(partition, offset))) != nil
  }

  static func record(
    partition: Partition, offset: UInt64, at time: Timestamp = .now(),
    in connection: SQLiteConnection
  ) throws(SQLiteError) {
    try connection.run(
      "INSERT OR IGNORE INTO store VALUES (?, ?)", .text(key(partition, offset)),
      .integer(time.microseconds))
  }

  /// All decisions, by partition and offset.
  static func all(in connection: SQLiteConnection) throws -> [CopiedSkip] {
    let skips = try connection.rows("SELECT key, value FROM store WHERE key GLOB 'skip.*'") { row in
      let words = row.text(0).split(separator: ".")
      guard words.count == 3, let partition = Partition(words[1]), let offset = UInt64(words[2])
      else { throw StoreDamage("it says '\(row.text(0))', which is no event") }
      return CopiedSkip(
        partition: partition, offset: offset, decided: Timestamp(microseconds: row.integer(1)))
    }
    return skips.sorted { ($0.partition, $0.offset) < ($1.partition, $1.offset) }
  }

  static func removeAll(in connection: SQLiteConnection) throws(SQLiteError) {
    try connection.execute("DELETE FROM store WHERE key GLOB 'skip.*'")
  }
}

extension SQLiteEventLog {
  /// Decides that a placeholder is published in the place of an event that holds its partition, because the broker refuses its
  /// record: the store's writer does so within seconds, or when it runs again. To decide it twice changes nothing.
  /// - Returns: the event.
  public func skip(
    partition: Partition, offset: UInt64
  ) async throws(SkipError) -> RefusedEvent {
    guard (0..<partitionCount).contains(partition) else {
      throw .noPartition(partition, count: partitionCount)
    }
    return try await BlockingExecutor.run(label: "store.skip") { () throws(SkipError) in
      try self.decideToSkip(partition: partition, offset: offset)
    }
  }

  private func decideToSkip(
    partition: Partition, offset: UInt64
  ) throws(SkipError) -> RefusedEvent {
    do {
      // Beside the writer's own connection: it is one small transaction.
      let connection = try SQLiteConnection(path: path, mode: .readWrite)
      return try connection.write {
        let held = try StoredProgress.read(from: connection)?.refused
          .first { $0.position.partition == partition }
        guard let held, held.position.partitionOffset == offset else {
          throw SkipError.notRefused(
            partition: partition, offset: offset, heldBy: held?.position.partitionOffset)
        }
        try SkipDecision.record(partition: partition, offset: offset, in: connection)
        return held
      }
    } catch let error as SkipError {
      throw error
    } catch {
      throw .unavailable(location: path, cause: error)
    }
  }
}
