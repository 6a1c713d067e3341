import Digests
import Foundation

/// The digest of a read model's rows: SHA-256 over all of them in the order of tables and keys. Equal digests are equal
/// read models.
public struct ReadModelDigest: Sendable {
  private var hash = SHA256()
  /// How many rows it is of.
  public private(set) var rows = 0

  /// The digest of no rows.
  public init() {}

  /// Takes in the next row.
  public mutating func add(_ table: TableSchema, _ columns: [ColumnValue]) {
    rows += 1
    hash.update(data: Data(Self.text(table.name, columns).utf8))
  }

  /// The digest, as 64 hexadecimal digits.
  public var text: String {
    hash.finalize().map { byte in
      String(byte >> 4, radix: 16) + String(byte & 0xF, radix: 16)
    }.joined()
  }

  /// A row in a form that no other row has: a line of JSON.
  public static func text(_ table: String, _ columns: [ColumnValue]) -> String {
    var json = JSONWriter()
    json.beginArray()
    json.string(table)
    for column in columns {
      switch column {
      case .integer(let value): json.integer(value)
      case .text(let value): json.string(value)
      case .null: json.null()
      }
    }
    json.endArray()
    json.newline()
    return String(decoding: json.bytes, as: UTF8.self)
  }
}
