import CLibPQ
import Eventually

/// A statement's rows, in PostgreSQL's binary form.
///
/// Sendable: libpq does not change a result once it is made, and nobody else has it.
final class PostgresRows: @unchecked Sendable {
  private let result: OpaquePointer
  let count: Int

  /// Takes a `PGresult` over.
  init(_ result: OpaquePointer) {
    self.result = result
    count = Int(PQntuples(result))
  }

  deinit { PQclear(result) }

  /// How many rows the statement changed, where it is one that changes.
  var changed: Int { PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0 }

  var columnCount: Int { Int(PQnfields(result)) }

  func name(_ column: Int) -> String {
    PQfname(result, Int32(clamping: column)).map { String(cString: $0) } ?? ""
  }

  /// The number of a column's type in `pg_type`.
  func type(_ column: Int) -> UInt32 { PQftype(result, Int32(clamping: column)) }

  func isNull(_ row: Int, _ column: Int) -> Bool {
    PQgetisnull(result, Int32(row), Int32(column)) == 1
  }

  /// An integer of two, four or eight bytes.
  func integer(_ row: Int, _ column: Int) throws(PostgresError) -> Int64 {
    try bytes(row, column) { bytes throws(PostgresError) in
      switch bytes.count {
      case 8: Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
      case 4: Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
      case 2: Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
      default: throw malformed(column, "an integer")
      }
    }
  }

  /// A number that can't be negative.
  func unsigned(_ row: Int, _ column: Int) throws(PostgresError) -> UInt64 {
    guard let value = UInt64(exactly: try integer(row, column)) else {
      throw malformed(column, "a number from 0")
    }
    return value
  }

  func bool(_ row: Int, _ column: Int) throws(PostgresError) -> Bool {
    try bytes(row, column) { bytes throws(PostgresError) in
      guard bytes.count == 1 else { throw malformed(column, "a truth value") }
      return bytes[0] != 0
    }
  }

  func text(_ row: Int, _ column: Int) throws(PostgresError) -> String {
    try bytes(row, column) { bytes throws(PostgresError) in String(decoding: bytes, as: UTF8.self) }
  }

  func bytes(_ row: Int, _ column: Int) throws(PostgresError) -> [UInt8] {
    try bytes(row, column) { bytes throws(PostgresError) in Array(bytes) }
  }

  func uuid(_ row: Int, _ column: Int) throws(PostgresError) -> EventID {
    try bytes(row, column) { bytes throws(PostgresError) in
      guard bytes.count == 16 else { throw malformed(column, "a UUID") }
      return EventID(
        high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
        low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }

  func timestamp(_ row: Int, _ column: Int) throws(PostgresError) -> Timestamp {
    let (microseconds, overflow) = try integer(row, column)
      .addingReportingOverflow(PostgresValue.epoch)
    guard !overflow, let time = Timestamp(exactly: microseconds) else {
      throw malformed(column, "a time of the years 1 to 9999")
    }
    return time
  }

  /// The bytes of a value, which are empty where it is null.
  func bytes<Value>(
    _ row: Int, _ column: Int,
    _ body: (UnsafeRawBufferPointer) throws(PostgresError) -> Value
  ) throws(PostgresError) -> Value {
    guard row < count, column < Int(PQnfields(result)) else { throw malformed(column, "there") }
    let size = Int(PQgetlength(result, Int32(row), Int32(column)))
    return try body(
      UnsafeRawBufferPointer(start: PQgetvalue(result, Int32(row), Int32(column)), count: size))
  }

  private func malformed(_ column: Int, _ what: String) -> PostgresError {
    PostgresError(.malformed, "column \(column) of a row is not \(what)", operation: "read")
  }
}
