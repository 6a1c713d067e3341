import Eventually

/// Something in a store's file that no writer has put there.
struct StoreDamage: Error, Sendable, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }

  /// An event that must be there is not.
  static func missing(sequenceNumber: UInt64) -> StoreDamage {
    StoreDamage("the event at sequence number \(sequenceNumber) is missing")
  }

  /// What there is to do.
  static let wayBack =
    "stop its writer and put a backup in its place, or save what can be read with sqlite3's .recover"
}

extension EventStoreError {
  /// The store's file is damaged.
  static func damaged(_ path: String, _ cause: any Error) -> EventStoreError {
    .unavailable("the store \(path) is damaged; \(StoreDamage.wayBack)", cause: cause)
  }

  /// What a failed call on the store's file tells its caller.
  /// - Parameter attempt: what failed, such as `could not be read`.
  static func failed(_ path: String, _ attempt: String, _ cause: any Error) -> EventStoreError {
    switch cause {
    case let error as EventStoreError: error
    case is StoreDamage: .damaged(path, cause)
    case let error as SQLiteError where error.isFull:
      .full("\(path) can't grow; free some space on its disk")
    case let error as SQLiteError where error.isDamage(of: path): .damaged(path, cause)
    default: .unavailable("the store \(path) \(attempt)", cause: cause)
    }
  }
}

extension StoreOpenError {
  /// The store's file is damaged.
  static func damaged(_ path: String, _ cause: any Error) -> StoreOpenError {
    .damaged(at: path, cause: cause, advice: StoreDamage.wayBack)
  }

  /// Why a store can't be opened, where a call on its file has failed.
  static func failed(_ path: String, _ cause: any Error) -> StoreOpenError {
    switch cause {
    case let error as StoreOpenError: error
    case is StoreDamage: .damaged(path, cause)
    case let error as SQLiteError where error.isDamage(of: path): .damaged(path, cause)
    case let error as SQLiteError where error.isOfOtherTables: .damaged(path, cause)
    default: .unreadable(at: path, cause: cause)
    }
  }
}

/// A stream's events, found by the links from each to the one before it.
enum StreamChain {
  /// The sequence numbers of a stream's events from `version` on, oldest first.
  /// - Parameters:
  ///   - key: the stream's row.
  ///   - last: the version of its last event; 0 for none.
  ///   - head: the sequence number of its last event; 0 for none.
  ///   - known: those from the first version on that were found before: where the links lead to one, they are not followed further.
  /// - Throws: ``StoreDamage`` where the links do not lead through each version once.
  static func sequenceNumbers(
    _ connection: SQLiteConnection, stream key: Int64, last: Version, head: UInt64,
    from version: Version, known: [UInt64] = []
  ) throws -> [UInt64] {
    let select = try connection.statement(
      "SELECT version, previous, stream FROM events WHERE sequence = ?")
    defer { select.reset() }
    var numbers: [UInt64] = []
    var (expected, sequence) = (last, head)
    while expected >= max(version, 1) {
      if let index = Int(exactly: expected), index <= known.count, known[index - 1] == sequence {
        numbers.reverse()
        return known[Int(max(version, 1)) - 1..<index] + numbers
      }
      select.reset()
      select.bind(1, sequence)
      guard sequence > 0, try select.step() else {
        throw StoreDamage.missing(sequenceNumber: sequence)
      }
      // A link that led forwards could lead round in a circle.
      guard select.unsigned(0) == expected, select.integer(2) == key,
        select.unsigned(1) < sequence
      else {
        throw StoreDamage(
          "the event at sequence number \(sequence) is not version \(expected) of its stream")
      }
      numbers.append(sequence)
      sequence = select.unsigned(1)
      expected -= 1
    }
    guard expected > 0 || sequence == 0 else {
      throw StoreDamage("a stream goes on before its first version, at sequence number \(sequence)")
    }
    numbers.reverse()
    return numbers
  }
}
