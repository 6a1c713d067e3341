/// The kinds of databases that read models are kept in.
public enum SQLDialect: String, Sendable, Hashable, CustomStringConvertible {
  /// SQLite.
  case sqlite
  /// PostgreSQL.
  case postgres

  /// The database's name.
  public var description: String {
    switch self {
    case .sqlite: "SQLite"
    case .postgres: "PostgreSQL"
    }
  }
}

/// Reads a read model's database for a query: rows by their types, and by SQL that is written by hand.
///
/// Rows by their types can be read in memory too, where queries are tested; SQL needs a database.
public protocol SQLRows: RowReader {
  /// Whose SQL it is; `nil` in memory, where there is none.
  var dialect: SQLDialect? { get }

  /// All rows that a `SELECT` gives.
  /// - Parameters:
  ///   - sql: one statement, with `?` for each value. In PostgreSQL, a `?` that is an operator is written `??`.
  ///   - values: as many as there are `?`.
  ///   - row: makes something of each row, which is valid during the call.
  /// - Throws: ``NeedsDatabase`` in memory, what the database says of the statement, and what `row` throws.
  func rows<Element>(
    _ sql: String, _ values: [ColumnValue], _ row: (any SQLRow) throws -> Element
  ) throws -> [Element]
}

extension SQLRows {
  /// All rows that a `SELECT` without values gives.
  public func rows<Element>(
    _ sql: String, _ row: (any SQLRow) throws -> Element
  ) throws -> [Element] {
    try rows(sql, [], row)
  }

  /// The first column of the first row, as an integer; `nil` where there is no row or no value. PostgreSQL's sum of integers is no integer:
  /// `CAST(sum(…) AS bigint)` is one everywhere.
  public func integer(_ sql: String, _ values: ColumnValue...) throws -> Int64? {
    try rows(sql, values) { $0.optionalInteger(0) }.first ?? nil
  }

  /// The first column of the first row, as text; `nil` where there is no row or no value.
  public func text(_ sql: String, _ values: ColumnValue...) throws -> String? {
    try rows(sql, values) { $0.optionalText(0) }.first ?? nil
  }
}

/// A row that a `SELECT` has given. Columns are counted from 0; one that there is not holds nothing.
public protocol SQLRow {
  /// How many columns the row has.
  var columnCount: Int { get }
  /// A column's name.
  func name(_ column: Int) -> String
  /// What a column holds; what is neither an integer nor nothing, as text.
  func value(_ column: Int) -> ColumnValue
  /// A column as an integer; 0 where it holds none.
  func integer(_ column: Int) -> Int64
  /// A column as text; empty where it holds nothing.
  func text(_ column: Int) -> String
}

extension SQLRow {
  /// A column as an integer; text that is one counts.
  public func integer(_ column: Int) -> Int64 {
    switch value(column) {
    case .integer(let value): value
    case .text(let text): Int64(text) ?? 0
    case .null: 0
    }
  }

  /// A column as text; an integer by its digits.
  public func text(_ column: Int) -> String {
    switch value(column) {
    case .integer(let value): String(value)
    case .text(let text): text
    case .null: ""
    }
  }

  /// Whether a column holds nothing.
  public func isNull(_ column: Int) -> Bool { value(column) == .null }

  /// A column as an integer, or `nil`.
  public func optionalInteger(_ column: Int) -> Int64? { isNull(column) ? nil : integer(column) }

  /// A column as text, or `nil`.
  public func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
}

/// SQL was to be run in memory.
public struct NeedsDatabase: Error, Sendable, CustomStringConvertible {
  /// The statement.
  public var sql: String

  /// A statement that can't be run.
  public init(sql: String) {
    self.sql = sql
  }

  /// The message.
  public var description: String {
    "'\(sql.prefix(80))' needs a database: in memory, rows are read by their types alone"
  }
}

extension MemoryRowReader: SQLRows {
  /// None.
  package var dialect: SQLDialect? { nil }

  /// - Throws: ``NeedsDatabase``.
  package func rows<Element>(
    _ sql: String, _ values: [ColumnValue], _ row: (any SQLRow) throws -> Element
  ) throws -> [Element] {
    throw NeedsDatabase(sql: sql)
  }
}
