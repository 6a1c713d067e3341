import CSQLite
public import Eventually

/// A prepared statement of a ``SQLiteConnection``, valid as long as that is.
public final class SQLiteStatement {
  private let handle: OpaquePointer
  private let database: OpaquePointer

  init(handle: OpaquePointer, database: OpaquePointer) {
    self.handle = handle
    self.database = database
  }

  deinit { sqlite3_finalize(handle) }

  /// Makes the statement as new.
  func prepareForReuse() {
    reset()
    sqlite3_clear_bindings(handle)
  }

  /// Makes the statement ready to be run again. The error of the last run, if any, has been thrown
  /// by it already.
  public func reset() {
    sqlite3_reset(handle)
  }

  /// Binds an integer; parameters count from 1.
  public func bind(_ index: Int32, _ value: Int64) {
    check(sqlite3_bind_int64(handle, index, value))
  }

  /// Binds an unsigned integer; one beyond 2⁶³ - 1, where no position is, counts as that.
  public func bind(_ index: Int32, _ value: UInt64) {
    check(sqlite3_bind_int64(handle, index, Int64(clamping: value)))
  }

  /// Binds text.
  public func bind(_ index: Int32, _ value: String) {
    var value = value
    value.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) { characters in
        // SQLite takes a null pointer for NULL, and an empty string has no address of its own.
        if let start = characters.baseAddress {
          check(csqlite_bind_text(handle, index, start, Int32(utf8.count)))
        } else {
          check(csqlite_bind_text(handle, index, "", 0))
        }
      }
    }
  }

  /// Binds bytes.
  public func bind(_ index: Int32, _ bytes: Span<UInt8>) {
    if bytes.isEmpty {
      check(sqlite3_bind_zeroblob(handle, index, 0))
    } else {
      bytes.withUnsafeBytes { bytes in
        check(csqlite_bind_blob(handle, index, bytes.baseAddress, Int32(bytes.count)))
      }
    }
  }

  /// Binds bytes without copying them: they must stay where they are until the statement has been run.
  func bindUntilRun(_ index: Int32, _ bytes: Span<UInt8>) {
    if bytes.isEmpty {
      check(sqlite3_bind_zeroblob(handle, index, 0))
    } else {
      bytes.withUnsafeBytes { bytes in
        check(csqlite_bind_static_blob(handle, index, bytes.baseAddress, Int32(bytes.count)))
      }
    }
  }

  /// Binds an event's id, as its sixteen bytes.
  func bind(_ index: Int32, _ id: EventID) {
    withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { bytes in
      bind(index, bytes.bindMemory(to: UInt8.self).span)
    }
  }

  /// Binds no value.
  public func bindNull(_ index: Int32) {
    check(sqlite3_bind_null(handle, index))
  }

  /// Binding fails only where the statement has no such parameter, or is running: both are mistakes in
  /// the code around it.
  private func check(_ code: Int32) {
    precondition(code == SQLITE_OK, "a value could not be bound (SQLite \(code))")
  }

  /// Binds values to the parameters from 1 on.
  public func bind(_ values: [ColumnValue], from first: Int32 = 1) {
    for (offset, value) in values.enumerated() {
      let index = first + Int32(offset)
      switch value {
      case .integer(let value): bind(index, value)
      case .text(let value): bind(index, value)
      case .null: bindNull(index)
      }
    }
  }

  /// Goes to the next row; `false` when there is none.
  public func step() throws(SQLiteError) -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    case let code:
      let sql = sqlite3_sql(handle).map { String(cString: $0) } ?? "a statement"
      let error = SQLiteError(
        code: sqlite3_extended_errcode(database) == 0 ? code : sqlite3_extended_errcode(database),
        message: String(cString: sqlite3_errmsg(database)), operation: String(sql.prefix(80)))
      reset()
      throw error
    }
  }

  /// Runs a statement that gives no rows, and resets it.
  public func run() throws(SQLiteError) {
    while try step() {}
    reset()
  }

  /// Whether a column, counted from 0, holds no value.
  public func isNull(_ column: Int32) -> Bool {
    sqlite3_column_type(handle, column) == SQLITE_NULL
  }

  /// Whether a column holds an integer, and not something that can be taken for one.
  func isInteger(_ column: Int32) -> Bool {
    sqlite3_column_type(handle, column) == SQLITE_INTEGER
  }

  /// A column as an integer.
  public func integer(_ column: Int32) -> Int64 {
    sqlite3_column_int64(handle, column)
  }

  /// A column as an unsigned integer, 0 where it is below that.
  public func unsigned(_ column: Int32) -> UInt64 {
    UInt64(clamping: sqlite3_column_int64(handle, column))
  }

  /// A column as text, empty where it holds no value.
  public func text(_ column: Int32) -> String {
    guard let characters = sqlite3_column_text(handle, column) else { return "" }
    let count = Int(sqlite3_column_bytes(handle, column))
    return String(
      decoding: UnsafeBufferPointer(start: characters, count: count), as: UTF8.self)
  }

  /// A column as text, or `nil`.
  public func optionalText(_ column: Int32) -> String? {
    isNull(column) ? nil : text(column)
  }

  /// A column as an integer, or `nil`.
  public func optionalInteger(_ column: Int32) -> Int64? {
    isNull(column) ? nil : integer(column)
  }

  /// A copy of a column's bytes, empty where it holds no value.
  public func bytes(_ column: Int32) -> [UInt8] {
    guard let start = sqlite3_column_blob(handle, column) else { return [] }
    let count = Int(sqlite3_column_bytes(handle, column))
    return Array(UnsafeRawBufferPointer(start: start, count: count))
  }

  /// A column as an event's id; `nil` where it does not have sixteen bytes.
  func optionalEventID(_ column: Int32) -> EventID? {
    guard let start = sqlite3_column_blob(handle, column),
      sqlite3_column_bytes(handle, column) == 16
    else { return nil }
    return EventID(
      high: UInt64(bigEndian: start.loadUnaligned(as: UInt64.self)),
      low: UInt64(bigEndian: start.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
  }

  /// The same, zero where it is none.
  func eventID(_ column: Int32) -> EventID {
    optionalEventID(column) ?? EventID(high: 0, low: 0)
  }

  /// A column's value as it is stored; a blob or a real number counts as its text.
  public func value(_ column: Int32) -> ColumnValue {
    switch sqlite3_column_type(handle, column) {
    case SQLITE_NULL: .null
    case SQLITE_INTEGER: .integer(integer(column))
    default: .text(text(column))
    }
  }

  /// How many columns a row has.
  public var columnCount: Int32 { sqlite3_column_count(handle) }

  /// A column's name.
  public func name(_ column: Int32) -> String {
    sqlite3_column_name(handle, column).map { String(cString: $0) } ?? ""
  }
}
