import Eventually

/// One read-only connection on a thread of its own.
actor SQLiteReader {
  private let executor: BlockingExecutor
  private let connection: SQLiteConnection

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(path: String, label: String) throws(SQLiteError) {
    executor = BlockingExecutor(label: label)
    connection = try SQLiteConnection(path: path, mode: .readOnly)
  }

  func read<Result: Sendable>(
    atMost limit: Duration?, _ body: @Sendable (SQLiteConnection) throws -> Result
  ) throws -> Result {
    guard let limit else { return try body(connection) }
    return try connection.interrupted(after: limit) { try body(connection) }
  }
}

/// A few read-only connections, of which each reads for one caller at a time.
public final class SQLiteReaderPool: Sendable {
  private let readers: [SQLiteReader]
  private let timeLimit: Duration?
  /// How many callers each reader has: the one that reads, and those that wait for it.
  private let callers: Locked<[Int]>

  /// Opens connections to a database that exists.
  /// - Parameters:
  ///   - path: the database file.
  ///   - count: how many connections, at least 1.
  ///   - timeLimit: how long one call may read, without the time that it waits for a connection; `nil` for as long as it
  ///     takes. SQLite looks at the time every few thousand steps.
  public init(path: String, count: Int = 4, timeLimit: Duration? = nil) throws(SQLiteError) {
    precondition(count >= 1, "a pool has at least one connection")
    var readers: [SQLiteReader] = []
    for index in 0..<count {
      readers.append(try SQLiteReader(path: path, label: "sqlite.reader.\(index)"))
    }
    self.readers = readers
    self.timeLimit = timeLimit
    callers = Locked(Array(repeating: 0, count: count))
  }

  /// Runs `body` on one of the connections, the one with the fewest callers.
  /// - Throws: what `body` throws; ``SQLiteError`` with ``SQLiteError/isInterrupted`` where the time is up.
  public func read<Result: Sendable>(
    _ body: @Sendable (SQLiteConnection) throws -> Result
  ) async throws -> Result {
    let index = callers.withLock { callers in
      var best = 0
      for index in callers.indices where callers[index] < callers[best] { best = index }
      callers[best] += 1
      return best
    }
    defer { callers.withLock { $0[index] -= 1 } }
    return try await readers[index].read(atMost: timeLimit, body)
  }
}
