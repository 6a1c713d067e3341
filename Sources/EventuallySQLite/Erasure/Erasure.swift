public import Eventually

/// A stream's last removal, and whether anything of its events is left in the store's files.
public struct StreamErasure: Sendable, Hashable {
  /// The stream.
  public var streamID: String
  /// Where the removal is.
  public var removal: EventPosition
  /// When the stream was removed.
  public var removed: Timestamp
  /// When it was found that nothing is left of the events in the store's files; `nil` while something may be.
  public var erased: Timestamp?
}

/// Removals whose events may still be in the store's write-ahead log.
public struct PendingErasures: Sendable, Hashable {
  /// How many streams.
  public var count: Int
  /// When the first of them was removed; `nil` for none.
  public var since: Timestamp?
  /// Why the last attempt was in vain, where there was one.
  public var reason: String?

  /// Nothing is pending.
  public init() {
    count = 0
  }
}

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
  /// Emptying the log keeps writers out for as long as the rest takes, and the connection's busy timeout at most.
  /// - Returns: what was in the way; `nil` where the log is empty.
  func emptyLog() throws(SQLiteError) -> LogObstacle? {
    let brought = try checkpoint(.passive)
    guard !brought.isBusy else { return .inUse }
    guard brought.isWhole else { return .olderReader }
    let emptied = try checkpoint(.truncate)
    if !emptied.isBusy { return nil }
    return emptied.isWhole ? .inUse : .olderReader
  }

  private func checkpoint(
    _ mode: CheckpointMode
  ) throws(SQLiteError) -> (isBusy: Bool, isWhole: Bool) {
    let checkpoint = try statement("PRAGMA wal_checkpoint(\(mode.rawValue))")
    defer { checkpoint.reset() }
    guard try checkpoint.step() else { return (true, false) }
    return (checkpoint.integer(0) != 0, checkpoint.integer(2) >= checkpoint.integer(1))
  }
}
