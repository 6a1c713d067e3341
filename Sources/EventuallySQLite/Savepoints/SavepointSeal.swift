import Digests
import Foundation

/// The digest of what a savepoint holds beside the read model's rows: positions, what is parked, and what it says of itself.
///
/// A bit that has changed in a position would have a replay from the savepoint leave events out, or apply them twice.
enum SavepointSeal {
  static let key = "seal"

  /// - Parameter rows: the tables that have a digest of their own.
  static func text(
    _ connection: SQLiteConnection, without rows: Set<String>
  ) throws(SQLiteError) -> String {
    var hash = SHA256()
    for table in try tables(connection) where !rows.contains(table) {
      add(table, to: &hash)
      // No table here is without a key, by which its rows are in order.
      let condition = table == "readmodel" ? " WHERE key != '\(key)'" : ""
      let select = try connection.statement("SELECT * FROM \"\(table)\"\(condition) ORDER BY 1, 2")
      defer { select.reset() }
      while try select.step() {
        for column in 0..<select.columnCount { select.add(column, to: &hash) }
      }
    }
    return hash.finalize().map { byte in
      String(byte >> 4, radix: 16) + String(byte & 0xF, radix: 16)
    }.joined()
  }

  private static func tables(_ connection: SQLiteConnection) throws(SQLiteError) -> [String] {
    let select = try connection.statement(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
    )
    defer { select.reset() }
    var names: [String] = []
    while try select.step() { names.append(select.text(0)) }
    return names
  }

  fileprivate static func add(_ text: String, to hash: inout SHA256) {
    hash.update(data: Data("\(text.utf8.count):\(text)".utf8))
  }
}

extension SQLiteStatement {
  /// Takes a column in, so that no other value and no other kind of value comes to the same.
  fileprivate func add(_ column: Int32, to hash: inout SHA256) {
    if isNull(column) {
      hash.update(data: [0])
    } else if isInteger(column) {
      hash.update(data: [1])
      withUnsafeBytes(of: integer(column).bigEndian) { hash.update(bufferPointer: $0) }
    } else {
      let bytes = bytes(column)
      hash.update(data: [2])
      withUnsafeBytes(of: Int64(bytes.count).bigEndian) { hash.update(bufferPointer: $0) }
      hash.update(data: bytes)
    }
  }
}
