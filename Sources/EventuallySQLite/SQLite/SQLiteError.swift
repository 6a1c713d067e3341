import CSQLite

/// Something that SQLite refused or failed at.
public struct SQLiteError: Error, Sendable, CustomStringConvertible {
  /// SQLite's extended result code.
  public var code: Int32
  /// SQLite's words for it.
  public var message: String
  /// What was being done.
  public var operation: String

  /// An error from its parts.
  public init(code: Int32, message: String, operation: String) {
    self.code = code
    self.message = message
    self.operation = operation
  }

  /// SQLite's primary result code.
  public var primaryCode: Int32 { code & 0xFF }
  /// There is no space left on the disk.
  public var isFull: Bool { primaryCode == SQLITE_FULL }
  /// The time that was allowed is up.
  public var isInterrupted: Bool { primaryCode == SQLITE_INTERRUPT }
  /// Another connection held a lock for longer than the time limit.
  public var isBusy: Bool { primaryCode == SQLITE_BUSY }

  /// What happened, for people.
  public var description: String { "\(operation): \(message) (SQLite \(code))" }
}
