import Eventually
import Foundation

/// Something in a read model's database that no worker has put there.
struct ReadModelDamage: Error, Sendable, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

extension ReadModelError {
  /// What a failed call on a read model's database tells its caller, where the statements were this library's own.
  static func failed(_ path: String, _ cause: any Error) -> ReadModelError {
    switch cause {
    case let error as ReadModelError: error
    case let error as TooManyParked: .tooManyParked(limit: error.limit, reason: error.reason)
    case is ReadModelDamage: .damaged(location: path, cause: cause)
    case let error as SQLiteError where error.isFull: .full(location: path)
    case let error as SQLiteError where error.isDamage(of: path):
      .damaged(location: path, cause: cause)
    case let error as SQLiteError where error.isOfOtherTables:
      .damaged(location: path, cause: cause)
    default: .unavailable(location: path, cause: cause)
    }
  }
}

extension ReadModelError {
  /// What a crash journal that can't be opened tells.
  static func failed(_ error: CrashJournalError) -> ReadModelError {
    error.code == ENOSPC
      ? .full(location: error.path)
      : .unavailable(location: error.path, cause: SystemError(code: error.code))
  }

  /// What a failed call on a checkpoint's file tells its caller.
  static func failedSavepoint(
    _ name: String, _ path: String, _ cause: any Error
  ) -> ReadModelError {
    guard let error = cause as? ReadModelError else {
      return .damagedSavepoint(name, location: path, reason: "\(cause)")
    }
    guard case .damaged(_, let reason) = error else { return error }
    return .damagedSavepoint(name, location: path, reason: "\(reason)")
  }
}

/// What a row of `checkpoints` can say.
enum Checkpoints {
  /// The last position that is taken for one: more events than SQLite has room for. The sum over all partitions is a number too.
  static let last: Int64 = 1 << 48

  /// A column as a position; `nil` for never.
  /// - Throws: ``ReadModelDamage`` where it is neither. To take it for 0 would apply all events once more.
  static func position(
    _ row: SQLiteStatement, _ column: Int32, _ partition: Partition
  ) throws(ReadModelDamage) -> UInt64? {
    guard let value = row.optionalInteger(column) else { return nil }
    guard (0...last).contains(value), row.isInteger(column) else {
      throw ReadModelDamage("the position of partition \(partition) is \(row.text(column))")
    }
    return UInt64(value)
  }

  /// A column as the number of a partition of the store.
  static func partition(
    _ row: SQLiteStatement, _ column: Int32, of count: Int64
  ) throws(ReadModelDamage) -> Partition {
    guard let partition = Partition(exactly: row.integer(column)),
      (0..<count).contains(Int64(partition))
    else { throw ReadModelDamage("it has a checkpoint of partition \(row.integer(column))") }
    return partition
  }
}

extension ReadModelReader {
  /// Looks for damage: reads the whole file, its pages and its indexes.
  ///
  /// SQLite keeps no checksums of what rows hold: a row in which a bit has changed is found by comparing it with what the
  /// store's events come to.
  /// - Parameter limit: at most so many findings are told.
  /// - Returns: what was found, in SQLite's words; empty for a file that is sound.
  public func findDamage(limit: Int = 10) async throws -> [String] {
    try await withConnection { connection in
      try connection.rows("PRAGMA integrity_check(\(limit))") { $0.text(0) }.filter { $0 != "ok" }
    }
  }
}
