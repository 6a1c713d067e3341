public import Eventually
import Foundation

extension ReadModelReader {
  /// Writes a copy of the read model as it stands, rows and checkpoints of one moment, while workers go on.
  /// - Throws: `ReadModelError` where there is a file at `destination`, or no space for it.
  public func copy(to destination: String) async throws(ReadModelError) {
    guard !FileManager.default.fileExists(atPath: destination) else {
      throw .unavailable(location: destination, cause: SystemError(code: EEXIST))
    }
    do {
      // A connection of its own: the copy must not wait in line behind queries, nor they behind it.
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      try DiskSpace.require(
        try DiskSpace.size(of: connection),
        in: URL(filePath: destination).deletingLastPathComponent().path())
      try connection.copy(to: try SQLiteConnection(path: destination, mode: .create))
    } catch let error as SQLiteError where error.isFull {
      throw .full(location: destination)
    } catch {
      throw .failed(path, error)
    }
  }
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

extension ReadModelDigest {
  /// The digest of a database.
  static func of(
    _ connection: SQLiteConnection, tables: [TableSchema]
  ) throws(SQLiteError) -> ReadModelDigest {
    var digest = ReadModelDigest()
    for table in tables {
      var cursor = try TableCursor(connection, table)
      while let row = cursor.row {
        digest.add(table, row.key + row.values)
        try cursor.advance()
      }
    }
    return digest
  }
}
