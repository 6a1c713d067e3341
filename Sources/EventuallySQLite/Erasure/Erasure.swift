import Eventually

/// What keeps a write-ahead log from being emptied.
enum LogObstacle: Equatable, CustomStringConvertible {
  /// Somebody reads an earlier state of the database.
  case olderReader
  /// Somebody reads the newest state, or writes.
  case inUse

  var description: String {
    switch self {
    case .olderReader:
      "somebody still reads the database as it was earlier: a backup, a long query, or an open transaction"
    case .inUse: "readers or a writer use the database's log at the moment"
    }
  }
}

extension SQLiteConnection {
  private enum CheckpointMode: String {
    case passive = "PASSIVE"
    case truncate = "TRUNCATE"
  }

  /// Brings all that is committed into the database's file and empties the write-ahead log, where nobody reads from it.
  ///
  /// What can be brought into the file beside readers and writers is brought there first, which keeps nobody waiting.
  /// - Parameter hold: for how long writers may be kept out while the rest is done.
  /// - Returns: what was in the way; `nil` where the log is empty.
  func emptyLog(_ hold: inout LogHold) throws(SQLiteError) -> LogObstacle? {
    let found = try checkpoint(.passive)
    guard !found.isBusy else { return .inUse }
    guard let limit = hold.observed(isWhole: found.isWhole, brought: found.brought) else {
      return .olderReader
    }
    setBusyTimeout(Int32(clamping: limit.nanoseconds / 1_000_000))
    let emptied = try checkpoint(.truncate)
    guard emptied.isBusy else {
      hold.emptied()
      return nil
    }
    return emptied.isWhole ? .inUse : .olderReader
  }

  private func checkpoint(
    _ mode: CheckpointMode
  ) throws(SQLiteError) -> (isBusy: Bool, isWhole: Bool, brought: Int64) {
    let checkpoint = try statement("PRAGMA wal_checkpoint(\(mode.rawValue))")
    defer { checkpoint.reset() }
    guard try checkpoint.step() else { return (true, false, 0) }
    let (log, brought) = (checkpoint.integer(1), checkpoint.integer(2))
    return (checkpoint.integer(0) != 0, brought >= log, brought)
  }
}
