import CSQLite
public import Eventually

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Something that SQLite refused or failed at.
public struct SQLiteError: DatabaseError {
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

  /// What metrics call an error: SQLite's extended result code, or `_OTHER` for what is not of SQLite.
  static func type(of error: any Error) -> String {
    (error as? SQLiteError).map { "\($0.code)" } ?? "_OTHER"
  }

  /// SQLite's primary result code.
  public var primaryCode: Int32 { code & 0xFF }
  /// There is no space left on the disk.
  public var isFull: Bool { primaryCode == SQLITE_FULL }
  /// The time that was allowed is up.
  public var isInterrupted: Bool { primaryCode == SQLITE_INTERRUPT }
  /// Another connection held a lock for longer than the time limit.
  public var isBusy: Bool { primaryCode == SQLITE_BUSY }

  /// The file is not what SQLite wrote: its pages contradict each other, or what these tables must have is not there.
  public var isDamage: Bool {
    switch primaryCode {
    case SQLITE_CORRUPT, SQLITE_NOTADB: true
    // What the header or the schema say has changed.
    case SQLITE_ERROR:
      ["malformed database schema", "unsupported file format", "unsupported encoding"]
        .contains { message.hasPrefix($0) }
    default: false
    }
  }
  /// The same, or SQLite takes a file for read-only that this user may write to: its header says so.
  func isDamage(of path: String) -> Bool {
    isDamage || (primaryCode == SQLITE_READONLY && access(path, W_OK) == 0)
  }
  /// A statement names a table or a column that is not there, or makes one that is. Of a statement of this library it says the
  /// same as ``isDamage``.
  var isOfOtherTables: Bool {
    guard primaryCode == SQLITE_ERROR else { return false }
    return ["no such table", "no such column", "no such index", "duplicate column name"]
      .contains { message.hasPrefix($0) } || message.hasSuffix("already exists")
  }

  /// The message.
  public var description: String { "\(operation): \(message) (SQLite \(code))" }
}

/// It is no fault of an event that was being projected.
extension SQLiteError: RowStorageError {}
