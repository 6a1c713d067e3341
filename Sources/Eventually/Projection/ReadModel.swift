/// A read model made of tables, described by a pure function from events to rows.
///
/// The same description runs in a database, where rows and checkpoint are committed together, and in
/// memory, where it is tested and where a rebuilt read model is compared with the live one.
///
/// The workers of a read model work on different partitions at the same time, so rows that streams of
/// several partitions touch must come out the same in whichever order the partitions are interleaved:
/// sums, counts and sets do; "the last one seen" does not.
public protocol ReadModel<Event>: Sendable {
  /// The events that are applied.
  associatedtype Event: Sendable

  /// The read model's name: of its files or schemas, its consumer group, its commands.
  var name: String { get }
  /// Raised whenever the tables or what goes into them change; a database of another version is refused.
  var schemaVersion: Int { get }
  /// The row types of all tables.
  var tables: [any ReadModelRow.Type] { get }

  /// Applies one event.
  func project(_ event: Persisted<String, Event>, into rows: Rows) throws

  /// Takes back everything that came from a stream, which has been removed for good; does nothing where there is nothing
  /// of it. What is left must be the rows that there would be had the stream never been: a read model that is built anew does not see
  /// the stream's events.
  func forget(_ streamID: String, in rows: Rows) throws
}

extension ReadModel {
  /// Applies one entry of the log.
  /// - Throws: what the projection throws, and ``UnreadableEventError`` for an event that can't be decoded.
  public func take(_ entry: LogEntry<String, Event>, into rows: Rows) throws {
    switch entry {
    case .event(let persisted): try project(persisted, into: rows)
    case .removed(let streamID, _, _): try forget(streamID, in: rows)
    case .erased, .other: break
    case .unreadable(let event): throw UnreadableEventError(event)
    }
  }
}

/// A value in a table. Text is the same where its bytes are, as in a database.
public enum ColumnValue: Sendable, Hashable {
  /// A 64-bit integer.
  case integer(Int64)
  /// Text.
  case text(String)
  /// No value.
  case null

  /// Whether a database would call them equal.
  public static func == (a: ColumnValue, b: ColumnValue) -> Bool {
    switch (a, b) {
    case (.integer(let a), .integer(let b)): a == b
    case (.text(let a), .text(let b)): a.hasSameBytes(as: b)
    case (.null, .null): true
    default: false
    }
  }

  /// Hashes an integer, or the bytes of text.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .integer(let value): hasher.combine(value)
    case .text(let text): ByteKey(text).hash(into: &hasher)
    case .null: hasher.combine(0)
    }
  }
}

/// A column of a table.
public struct TableColumn: Sendable, Hashable {
  /// What a column holds.
  public enum Kind: Sendable, Hashable {
    /// A 64-bit integer, or nothing.
    case integer
    /// Text, or nothing.
    case text
  }

  /// The column's name.
  public var name: String
  /// What it holds.
  public var kind: Kind

  /// A column of integers.
  public static func integer(_ name: String) -> TableColumn {
    TableColumn(name: name, kind: .integer)
  }

  /// A column of text.
  public static func text(_ name: String) -> TableColumn {
    TableColumn(name: name, kind: .text)
  }
}

/// A table's name and columns.
public struct TableSchema: Sendable, Hashable {
  /// The table's name.
  public var name: String
  /// The columns of the primary key, in order.
  public var key: [TableColumn]
  /// The other columns, in order.
  public var values: [TableColumn]
  /// Lists of columns by which queries look rows up.
  public var indexes: [[String]]
  /// Whether a row may be touched by events of several partitions, as a sum over streams is. `false` is a promise: each row is
  /// read and changed by the events of one partition only, as the row of one stream is. Then workers on a database
  /// server do not wait for each other to change the table's rows. Where the promise is broken, workers may undo each
  /// other's changes; a transaction in which that is seen fails with ``RowError``.
  public var isShared: Bool

  /// A table from its parts.
  public init(
    _ name: String, key: [TableColumn], values: [TableColumn], indexes: [[String]] = [],
    isShared: Bool = true
  ) {
    self.name = name
    self.key = key
    self.values = values
    self.indexes = indexes
    self.isShared = isShared
  }
}

/// A row of a read model's table.
public protocol ReadModelRow: Sendable, Equatable {
  /// What tells one row from another.
  associatedtype Key: Hashable & Sendable
  /// The table.
  static var schema: TableSchema { get }

  /// The row's key.
  var key: Key { get }
  /// The columns of a key, in the schema's order.
  static func columns(of key: Key) throws -> [ColumnValue]
  /// The key that columns are of, as ``columns(of:)`` gives them.
  /// - Throws: ``RowError`` where a column does not hold what the key needs.
  static func key(from columns: [ColumnValue]) throws -> Key
  /// Whether two keys have the same columns: those of text are the same where they have the same bytes, as in a database,
  /// while `==` of strings takes an `é` of one character for an `é` of two. The default compares the columns; a key of
  /// several columns is compared faster where it says so itself, with ``Swift/String/hasSameBytes(as:)``.
  static func isSame(_ a: Key, _ b: Key) -> Bool
  /// The other columns, in the schema's order.
  var values: [ColumnValue] { get throws }
  /// A row from its key and its other columns.
  /// - Throws: ``RowError`` where a column does not hold what the row needs.
  init(key: Key, values: [ColumnValue]) throws
}

extension ReadModelRow {
  /// By the columns; by `==` alone where a key has none, which saving its row reports.
  public static func isSame(_ a: Key, _ b: Key) -> Bool {
    guard a == b else { return false }
    guard let columnsOfA = try? columns(of: a), let columnsOfB = try? columns(of: b) else {
      return true
    }
    return columnsOfA == columnsOfB
  }
}

extension ReadModelRow where Key: BinaryInteger {
  /// By `==`: there is no text in it.
  @inlinable public static func isSame(_ a: Key, _ b: Key) -> Bool { a == b }
}

extension ReadModelRow where Key == String {
  /// A key of one column of text.
  public static func columns(of key: String) -> [ColumnValue] { [.text(key)] }
  /// The text.
  public static func key(from columns: [ColumnValue]) throws -> String {
    try columns.text(0, of: schema)
  }
  /// By the bytes.
  @inlinable public static func isSame(_ a: String, _ b: String) -> Bool { a.hasSameBytes(as: b) }
}

/// A column that does not hold what its row needs.
public struct RowError: Error, Sendable, CustomStringConvertible {
  /// The table.
  public var table: String
  /// What is wrong.
  public var reason: String

  /// Something wrong with a row of a table.
  public init(table: String, reason: String) {
    self.table = table
    self.reason = reason
  }

  /// The message.
  public var description: String { "table '\(table)': \(reason)" }
}

extension [ColumnValue] {
  /// The integer in a column.
  public func integer(_ index: Int, of table: TableSchema) throws(RowError) -> Int64 {
    guard index < count, case .integer(let value) = self[index] else {
      throw RowError(table: table.name, reason: "no integer in value column \(index)")
    }
    return value
  }

  /// The text in a column.
  public func text(_ index: Int, of table: TableSchema) throws(RowError) -> String {
    guard index < count, case .text(let value) = self[index] else {
      throw RowError(table: table.name, reason: "no text in value column \(index)")
    }
    return value
  }

  /// The text in a column, or `nil` where it holds nothing.
  public func optionalText(_ index: Int, of table: TableSchema) throws(RowError) -> String? {
    guard index < count else {
      throw RowError(table: table.name, reason: "no value column \(index)")
    }
    if case .null = self[index] { return nil }
    return try text(index, of: table)
  }
}
