import CSQLite
public import Eventually

/// A connection to a database file. It is used from one thread at a time, by whoever made it.
public final class SQLiteConnection {
  /// What a connection may do.
  public enum Mode: Sendable {
    /// Read and write; the file is created where there is none.
    case create
    /// Read and write a file that exists.
    case readWrite
    /// Only read a file that exists.
    case readOnly
  }

  /// The database file.
  public let path: String
  private let handle: OpaquePointer
  private var statements = StatementCache()

  /// Nobody asks how much memory SQLite has, and each allocation would take a lock that all threads share. Somebody else in the
  /// process may use SQLite already: then it stays as it is.
  private static let countNoMemory: Void = { _ = csqlite_count_no_memory() }()

  /// Opens a database file.
  ///
  /// A lock that another connection holds is waited for, for at most `busyTimeout` milliseconds.
  public init(
    path: String, mode: Mode, busyTimeout: Int32 = 10_000
  ) throws(SQLiteError) {
    Self.countNoMemory
    // A reader needs to create the shared-memory file where no other process has the database open.
    let flags =
      switch mode {
      case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      case .readWrite, .readOnly: SQLITE_OPEN_READWRITE
      }
    var handle: OpaquePointer?
    let code = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX, nil)
    guard code == SQLITE_OK, let handle else {
      let message = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close_v2(handle)
      throw SQLiteError(code: code, message: message, operation: "open \(path)")
    }
    self.path = path
    self.handle = handle
    sqlite3_extended_result_codes(handle, 1)
    sqlite3_busy_timeout(handle, busyTimeout)
    if mode == .readOnly { try execute("PRAGMA query_only = ON") }
  }

  deinit {
    statements.removeAll()
    sqlite3_close_v2(handle)
  }

  /// From now on, a lock that another connection holds is waited for, for at most so many milliseconds.
  func setBusyTimeout(_ milliseconds: Int32) {
    sqlite3_busy_timeout(handle, milliseconds)
  }

  /// How many prepared statements are kept.
  var statementCount: Int { statements.count }

  /// How many rows the last statement changed.
  public var changes: Int { Int(sqlite3_changes(handle)) }

  /// Runs statements that give no rows.
  public func execute(_ sql: String) throws(SQLiteError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(code, sql) }
  }

  /// Switches the database to a write-ahead log, where it has none yet.
  ///
  /// The switch needs the file alone for a moment, and SQLite does not wait for that by itself: where several
  /// processes make the same database, all but one of them find it locked.
  public func useWriteAheadLog() throws(SQLiteError) {
    let deadline = ContinuousClock.now + .seconds(10)
    while true {
      do {
        return try execute("PRAGMA journal_mode = WAL")
      } catch {
        guard error.isBusy, ContinuousClock.now < deadline else { throw error }
      }
      sqlite3_sleep(5)
    }
  }

  /// A prepared statement, kept for the next time, as the 128 that were used last are. It is reset and without bindings.
  public func statement(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
    if let statement = statements.find(sql) {
      statement.prepareForReuse()
      return statement
    }
    let statement = try prepare(sql)
    statements.keep(statement, for: sql)
    return statement
  }

  /// A prepared statement for its owner alone, who may keep it as long as the connection.
  func prepare(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
    var prepared: OpaquePointer?
    let code = sqlite3_prepare_v3(
      handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
    guard code == SQLITE_OK, let prepared else { throw error(code, sql) }
    return SQLiteStatement(handle: prepared, database: handle)
  }

  /// Runs `body` in a transaction that holds the write lock from the beginning, and commits; rolls back
  /// where `body` or the commit throws.
  public func write<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result, mapping: (SQLiteError) -> Failure
  ) throws(Failure) -> Result {
    do { try execute("BEGIN IMMEDIATE") } catch { throw mapping(error) }
    let result: Result
    do {
      result = try body()
    } catch {
      rollback()
      throw error
    }
    do {
      try execute("COMMIT")
    } catch {
      rollback()
      throw mapping(error)
    }
    return result
  }

  /// Runs `body` in a transaction that holds the write lock from the beginning.
  public func write<Result>(_ body: () throws -> Result) throws -> Result {
    try write(body, mapping: { $0 as any Error })
  }

  /// Runs `body` with all of its reads from one state of the database.
  public func snapshot<Result>(_ body: () throws -> Result) throws -> Result {
    try execute("BEGIN")
    do {
      let result = try body()
      try execute("COMMIT")
      return result
    } catch {
      rollback()
      throw error
    }
  }

  /// Runs `body`, whose statements fail as interrupted once the time is up.
  func interrupted<Result>(after limit: Duration, _ body: () throws -> Result) rethrows -> Result {
    let deadline = ContinuousClock.now + limit
    return try interrupted(where: { ContinuousClock.now >= deadline }, body)
  }

  /// Runs `body`, whose statements ask every 10,000 steps of SQLite's whether to fail as interrupted.
  func interrupted<Result>(
    where isEnd: () -> Bool, _ body: () throws -> Result
  ) rethrows -> Result {
    try withoutActuallyEscaping(isEnd) { isEnd in
      let question = Question(isEnd)
      sqlite3_progress_handler(
        handle, 10_000,
        { context in
          guard let context else { return 0 }
          // The question lives until the handler is taken off, below.
          return Unmanaged<Question>.fromOpaque(context).takeUnretainedValue().isEnd() ? 1 : 0
        }, Unmanaged.passUnretained(question).toOpaque())
      defer { withExtendedLifetime(question) { sqlite3_progress_handler(handle, 0, nil, nil) } }
      return try body()
    }
  }

  private final class Question {
    let isEnd: () -> Bool
    init(_ isEnd: @escaping () -> Bool) { self.isEnd = isEnd }
  }

  /// After a failure SQLite may have rolled back by itself; a rollback without a transaction is then
  /// the one thing that can fail here, and there is nothing left to undo.
  private func rollback() {
    if sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
  }

  /// The first column of the first row, as an integer; `nil` where there is no row or no value.
  public func integer(_ sql: String, _ values: ColumnValue...) throws(SQLiteError) -> Int64? {
    let statement = try statement(sql)
    statement.bind(values)
    defer { statement.reset() }
    guard try statement.step(), !statement.isNull(0) else { return nil }
    return statement.integer(0)
  }

  /// The first column of the first row, as text; `nil` where there is no row or no value.
  public func text(_ sql: String, _ values: ColumnValue...) throws(SQLiteError) -> String? {
    let statement = try statement(sql)
    statement.bind(values)
    defer { statement.reset() }
    guard try statement.step(), !statement.isNull(0) else { return nil }
    return statement.text(0)
  }

  /// Runs a statement that gives no rows, with values for its parameters.
  public func run(_ sql: String, _ values: ColumnValue...) throws(SQLiteError) {
    let statement = try statement(sql)
    statement.bind(values)
    try statement.run()
  }

  /// All rows that a query gives, each made by `row`.
  public func rows<Row>(
    _ sql: String, _ values: [ColumnValue] = [], _ row: (SQLiteStatement) throws -> Row
  ) throws -> [Row] {
    let statement = try statement(sql)
    statement.bind(values)
    defer { statement.reset() }
    var rows: [Row] = []
    while try statement.step() { rows.append(try row(statement)) }
    return rows
  }

  /// Copies the whole database, as it stands at one moment, over that of another connection. Others may write meanwhile.
  public func copy(to destination: SQLiteConnection) throws(SQLiteError) {
    guard let backup = sqlite3_backup_init(destination.handle, "main", handle, "main") else {
      throw destination.error(SQLITE_ERROR, "copy \(path)")
    }
    // All pages in one step: in several, each write of another process would begin the copy anew.
    var code = sqlite3_backup_step(backup, -1)
    while code == SQLITE_BUSY || code == SQLITE_LOCKED {
      sqlite3_sleep(5)
      code = sqlite3_backup_step(backup, -1)
    }
    let end = sqlite3_backup_finish(backup)
    guard code == SQLITE_DONE, end == SQLITE_OK else {
      throw destination.error(code == SQLITE_DONE ? end : code, "copy \(path)")
    }
  }

  private func error(_ code: Int32, _ sql: String) -> SQLiteError {
    SQLiteError(
      code: sqlite3_extended_errcode(handle) == 0 ? code : sqlite3_extended_errcode(handle),
      message: String(cString: sqlite3_errmsg(handle)),
      operation: "\(sql.prefix(80)) on \(path)")
  }
}
