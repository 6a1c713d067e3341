/// PostgreSQL's code of an error, five characters, the first two of which are its class (appendix A of its manual).
public struct SQLState: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
  /// Such as `23505`.
  public var rawValue: String

  /// A code.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// The code.
  public var description: String { rawValue }

  static let uniqueViolation = SQLState(rawValue: "23505")
  static let serializationFailure = SQLState(rawValue: "40001")
  static let deadlock = SQLState(rawValue: "40P01")
  static let readOnly = SQLState(rawValue: "25006")
  static let diskFull = SQLState(rawValue: "53100")
  static let tooManyConnections = SQLState(rawValue: "53300")
  static let lockNotAvailable = SQLState(rawValue: "55P03")
  static let queryCancelled = SQLState(rawValue: "57014")
  static let undefinedTable = SQLState(rawValue: "42P01")
  static let undefinedColumn = SQLState(rawValue: "42703")
  static let undefinedSchema = SQLState(rawValue: "3F000")
  static let datatypeMismatch = SQLState(rawValue: "42804")
  static let noSuchDatabase = SQLState(rawValue: "3D000")
  static let noSuchStatement = SQLState(rawValue: "26000")
  static let statementExists = SQLState(rawValue: "42P05")
  static let insufficientPrivilege = SQLState(rawValue: "42501")
  /// A prepared statement's table has other columns now, for example.
  static let featureNotSupported = SQLState(rawValue: "0A000")
  static let idleInTransaction = SQLState(rawValue: "25P03")
  static let ioError = SQLState(rawValue: "58030")
  static let dataCorrupted = SQLState(rawValue: "XX001")
  static let indexCorrupted = SQLState(rawValue: "XX002")

  /// What is wrong where a connection's statements are not those that it has prepared, and what to do.
  static let sharedSessions =
    "a pooler gives each transaction another session, such as PgBouncer with pool_mode = transaction: "
    + "take pool_mode = session, or connect to the server itself"

  /// Whether the server has ended the session, whatever it did.
  var endsSession: Bool { rawValue.hasPrefix("08") || rawValue.hasPrefix("57P") }

  /// What a caller can do about an error.
  enum Reaction: Hashable {
    /// The transaction lost against another one: repeat it at once.
    case repeatTransaction
    /// The server can't at the moment: connect anew, with a growing pause.
    case reconnect
    /// The server can't at the moment, and says why: wait, and tell that.
    case wait
    /// Repeating comes to the same.
    case fail
  }

  var reaction: Reaction {
    switch self {
    case .serializationFailure, .deadlock, .lockNotAvailable: .repeatTransaction
    // A standby, or a primary that was made one: another host may be the primary by now.
    case .readOnly: .reconnect
    default:
      switch rawValue.prefix(2) {
      // Of connections; the administrator ends the server, or it starts.
      case "08", "57": self == .queryCancelled ? .fail : .reconnect
      // Disk, memory, connections.
      case "53": .wait
      // Files that can't be read or written.
      case "58": .wait
      default: .fail
      }
    }
  }
}
