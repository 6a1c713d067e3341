import Eventually

/// Something in a store's tables that no writer has put there.
struct StoreDamage: Error, Sendable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// What there is to do.
  static let wayBack =
    "stop its writers, look into the server's log, and restore a backup of the database"
}

extension SQLState {
  /// Of the store's own functions.
  static let moved = SQLState(rawValue: "ZV002")
  static let isolation = SQLState(rawValue: "ZV003")
  static let missingEvent = SQLState(rawValue: "ZV004")
  static let undefinedFunction = SQLState(rawValue: "42883")
  static let outOfMemory = SQLState(rawValue: "53200")
  static let notInEncoding = SQLState(rawValue: "22021")

  /// Whether the tables, or what they hold, are not what the program works with.
  var isDamage: Bool {
    [.missingEvent, .dataCorrupted, .indexCorrupted].contains(self)
  }

  /// Whether the schema is of another version, or is not there.
  var isOfOtherTables: Bool {
    [.undefinedFunction, .undefinedColumn, .undefinedTable, .undefinedSchema].contains(self)
  }
}

/// What was attempted.
enum StoreAttempt: String {
  case read = "could not be read"
  case write = "could not be written"
}

extension EventStoreError {
  /// The store's tables are damaged.
  static func damaged(_ location: String, _ cause: any Error) -> EventStoreError {
    .unavailable("the store \(location) is damaged; \(StoreDamage.wayBack)", cause: cause)
  }

  /// What a failed exchange with the store's server tells its caller.
  static func failed(
    _ location: String, _ attempt: StoreAttempt, _ cause: any Error
  ) -> EventStoreError {
    switch cause {
    case let error as EventStoreError: return error
    case is StoreDamage: return .damaged(location, cause)
    case let error as PostgresError: return failed(location, attempt, error)
    default: return .unavailable("the store \(location) \(attempt.rawValue)", cause: cause)
    }
  }

  private static func failed(
    _ location: String, _ attempt: StoreAttempt, _ error: PostgresError
  ) -> EventStoreError {
    let plain = EventStoreError.unavailable(
      "the store \(location) \(attempt.rawValue)", cause: error)
    if error.isInDoubt, attempt == .write {
      return .unavailable(
        "the connection to the store \(location) was lost; what was under way may or may not have been carried out",
        cause: error)
    }
    guard let state = error.state else { return plain }
    if error.isFull {
      return .full("\(location) can't grow; free some space on its server's disk")
    }
    switch state {
    case .moved:
      return .unavailable("the store \(location) was moved: name its new place", cause: error)
    case .readOnly:
      return .unavailable("the server of \(location) is read-only (a standby?)", cause: error)
    case .lockNotAvailable:
      return .unavailable(
        "another writer or session holds a lock of the store \(location)", cause: error)
    case .notInEncoding:
      return .invalid("a text has characters that the store can't keep: \(error.message)")
    case _ where state.isDamage: return .damaged(location, error)
    case _ where state.isOfOtherTables:
      return .unavailable(
        "the store \(location) has the tables of another version of the program: start it anew",
        cause: error)
    default: return plain
    }
  }
}

extension StoreOpenError {
  /// Why a store can't be opened, where an exchange with its server has failed.
  static func failed(_ location: String, _ cause: any Error) -> StoreOpenError {
    switch cause {
    case let error as StoreOpenError: error
    case is StoreDamage: .damaged(at: location, cause: cause, advice: StoreDamage.wayBack)
    case let error as PostgresError where error.state?.isDamage == true:
      .damaged(at: location, cause: cause, advice: StoreDamage.wayBack)
    default: .unreadable(at: location, cause: cause)
    }
  }
}

/// The schema is not there, or is older than the program, and the role may not change that.
struct SchemaMissing: Error, CustomStringConvertible {
  var schema: String
  /// `nil` where there is none.
  var version: Int64?

  var description: String {
    let what =
      version.map { "its schema '\(schema)' has version \($0), older than this program's" }
      ?? "it has no schema '\(schema)'"
    return
      "\(what), and the role that connects may not change that: have the owner make it, with the "
      + "administrative command 'schema --store postgres://OWNER@…', or PostgresSchema.install"
  }
}
