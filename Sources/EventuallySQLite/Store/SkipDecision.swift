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
    partition: Partition, offset: UInt64, in connection: SQLiteConnection
  ) throws(SQLiteError) {
    try connection.run(
      "INSERT OR IGNORE INTO store VALUES (?, ?)", .text(key(partition, offset)),
      .integer(Timestamp.now().microseconds))
  }
}

/// Why an event can't be skipped.
public enum SkipError: Error, Sendable, CustomStringConvertible {
  /// The store has no such partition.
  case noPartition(Partition, count: Partition)
  /// The partition is not held by this event: by another one, or by none.
  case notRefused(partition: Partition, offset: UInt64, heldBy: UInt64?)
  /// The store could not be written.
  case unavailable(path: String, cause: any Error)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .noPartition(let partition, let count):
      "the store has the partitions 0 to \(count - 1): there is no \(partition)"
    case .notRefused(let partition, let offset, let holder?):
      "the event at partition \(partition), partition offset \(offset), does not hold its partition: the one at "
        + "partition offset \(holder) does (the command 'status')"
    case .notRefused(let partition, let offset, nil):
      "partition \(partition) is not held by an event that the broker refuses, so that the one at partition offset "
        + "\(offset) can't be skipped (the command 'status')"
    case .unavailable(let path, let cause):
      "the decision could not be written to the store \(path): \(cause)"
    }
  }
}

extension SQLiteEventLog {
  /// Decides that a placeholder is published in the place of an event that holds its partition, because the broker refuses its
  /// record: the store's writer does so within seconds, or when it runs again. To decide it twice changes nothing.
  /// - Returns: the event.
  public func skip(partition: Partition, offset: UInt64) throws(SkipError) -> RefusedEvent {
    guard (0..<partitionCount).contains(partition) else {
      throw .noPartition(partition, count: partitionCount)
    }
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
      throw .unavailable(path: path, cause: error)
    }
  }
}
