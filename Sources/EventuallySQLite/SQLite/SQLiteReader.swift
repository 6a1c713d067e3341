import Eventually
import Synchronization

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
    _ body: @Sendable (SQLiteConnection) throws -> Result
  ) throws -> Result {
    try body(connection)
  }
}

/// A few read-only connections that take turns.
public final class SQLiteReaderPool: Sendable {
  private let readers: [SQLiteReader]
  private let next = Atomic<Int>(0)

  /// Opens `count` connections to a database that exists.
  public init(path: String, count: Int = 4) throws(SQLiteError) {
    var readers: [SQLiteReader] = []
    for index in 0..<count {
      readers.append(try SQLiteReader(path: path, label: "sqlite.reader.\(index)"))
    }
    self.readers = readers
  }

  /// Runs `body` on one of the connections.
  public func read<Result: Sendable>(
    _ body: @Sendable (SQLiteConnection) throws -> Result
  ) async throws -> Result {
    let turn = next.wrappingAdd(1, ordering: .relaxed).oldValue
    return try await readers[turn % readers.count].read(body)
  }
}
