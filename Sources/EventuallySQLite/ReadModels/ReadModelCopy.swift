public import Eventually
import Foundation

extension ReadModelReader {
  /// Writes a copy of the read model as it stands, rows and checkpoints of one moment, while workers go on.
  /// - Throws: ``ReadModelError`` where there is a file at `destination`, or no space for it.
  public func copy(to destination: String) async throws(ReadModelError) {
    guard !FileManager.default.fileExists(atPath: destination) else {
      throw .unavailable(path: destination, cause: POSIXError(.EEXIST))
    }
    do {
      // A connection of its own: the copy must not wait in line behind queries, nor they behind it.
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      try DiskSpace.require(
        try DiskSpace.size(of: connection),
        in: URL(filePath: destination).deletingLastPathComponent().path())
      try connection.copy(to: try SQLiteConnection(path: destination, mode: .create))
    } catch let error as SQLiteError where error.isFull {
      throw .full(path: destination)
    } catch {
      throw .failed(path, error)
    }
  }
}

/// A difference between two databases of the same read model.
public struct RowDifference: Sendable, Hashable {
  /// The table.
  public var table: String
  /// The row's key.
  public var key: [ColumnValue]
  /// The other columns as they should be; `nil` where there should be no such row.
  public var expected: [ColumnValue]?
  /// The other columns as they are; `nil` where there is no such row.
  public var found: [ColumnValue]?
}

/// Walks a table's rows in the order of their keys.
struct TableCursor {
  private let statement: SQLiteStatement
  private let keyCount: Int32
  /// The row that the cursor is at; `nil` behind the last.
  private(set) var row: (key: [ColumnValue], values: [ColumnValue])?

  init(_ connection: SQLiteConnection, _ table: TableSchema) throws(SQLiteError) {
    let key = table.key.map(\.name).joined(separator: ", ")
    let columns = (table.key + table.values).map(\.name).joined(separator: ", ")
    statement = try connection.statement(
      "SELECT \(columns) FROM \(table.name) ORDER BY \(key)")
    keyCount = Int32(table.key.count)
    try advance()
  }

  mutating func advance() throws(SQLiteError) {
    guard try statement.step() else {
      row = nil
      statement.reset()
      return
    }
    row = (
      (0..<keyCount).map { statement.value($0) },
      (keyCount..<statement.columnCount).map { statement.value($0) }
    )
  }
}

/// Compares two databases of the same read model row by row, in constant memory.
///
/// - Parameters:
///   - expected: the database as it should be.
///   - found: the database that is checked.
///   - tables: the tables that are compared.
///   - visit: sees every row of the database that is checked, in the order of tables and keys.
///   - visitExpected: sees every row of the other one, in the same order.
///   - differ: called with each difference.
public func compareReadModels(
  expected: String, found: String, tables: [TableSchema],
  visit: (TableSchema, _ key: [ColumnValue], _ values: [ColumnValue]) -> Void,
  visitExpected: (TableSchema, _ key: [ColumnValue], _ values: [ColumnValue]) -> Void = { _, _, _ in
  },
  differ: (RowDifference) -> Void
) throws {
  try compareReadModels(
    expected: try SQLiteConnection(path: expected, mode: .readOnly),
    found: try SQLiteConnection(path: found, mode: .readOnly), tables: tables, visit: visit,
    visitExpected: visitExpected, differ: differ)
}

/// The same on connections, which may have snapshots.
func compareReadModels(
  expected left: SQLiteConnection, found right: SQLiteConnection, tables: [TableSchema],
  visit: (TableSchema, _ key: [ColumnValue], _ values: [ColumnValue]) -> Void,
  visitExpected: (TableSchema, _ key: [ColumnValue], _ values: [ColumnValue]) -> Void = { _, _, _ in
  },
  differ: (RowDifference) -> Void
) throws {
  for table in tables {
    var a = try TableCursor(left, table)
    var b = try TableCursor(right, table)
    while a.row != nil || b.row != nil {
      switch order(a.row?.key, b.row?.key) {
      case .orderedSame:
        if let x = a.row, let y = b.row {
          visitExpected(table, x.key, x.values)
          visit(table, y.key, y.values)
          if x.values != y.values {
            differ(
              RowDifference(table: table.name, key: y.key, expected: x.values, found: y.values))
          }
        }
        try a.advance()
        try b.advance()
      case .orderedAscending:
        if let x = a.row {
          visitExpected(table, x.key, x.values)
          differ(RowDifference(table: table.name, key: x.key, expected: x.values, found: nil))
        }
        try a.advance()
      case .orderedDescending:
        if let y = b.row {
          visit(table, y.key, y.values)
          differ(RowDifference(table: table.name, key: y.key, expected: nil, found: y.values))
        }
        try b.advance()
      }
    }
  }
}

/// The order of two keys as SQLite's default collation has it; a key that is missing comes last.
private func order(_ a: [ColumnValue]?, _ b: [ColumnValue]?) -> ComparisonResult {
  guard let a else { return b == nil ? .orderedSame : .orderedDescending }
  guard let b else { return .orderedAscending }
  for (x, y) in zip(a, b) {
    switch (x, y) {
    case (.null, .null): continue
    case (.null, _): return .orderedAscending
    case (_, .null): return .orderedDescending
    case (.integer(let x), .integer(let y)):
      if x != y { return x < y ? .orderedAscending : .orderedDescending }
    case (.integer, .text): return .orderedAscending
    case (.text, .integer): return .orderedDescending
    case (.text(let x), .text(let y)):
      // Bytes, not Swift's own order of strings, which goes by canonical equivalence.
      if x.utf8.lexicographicallyPrecedes(y.utf8) { return .orderedAscending }
      if y.utf8.lexicographicallyPrecedes(x.utf8) { return .orderedDescending }
    }
  }
  return .orderedSame
}
