public import Eventually

/// Why a read model in PostgreSQL can't be used.
public enum PostgresReadModelError: Error, Sendable, CustomStringConvertible {
  /// The schema belongs to another read model, another version of it, or another store; the text says to which.
  case differs(schema: String, found: String, expected: String)
  /// The server has no space left, or can't write. Nothing is lost: the checkpoint stays where it is.
  case full(schema: String, cause: PostgresError)
  /// The server can't be reached, or refuses.
  case unavailable(schema: String, cause: any Error)
  /// The tables are not what workers wrote. Nothing is lost: they are built anew from the store.
  case damaged(schema: String, reason: String)
  /// So many streams are parked that the read model's code must be at fault. Nothing is applied until it is fixed, and
  /// streams are retried or dropped.
  case tooManyParked(limit: Int, reason: String)
  /// An event was applied or parked before.
  case alreadyApplied(partition: Partition, position: UInt64)
  /// A stream is not parked, so there is nothing to be retried or dropped.
  case notParked(streamID: String)

  /// The message.
  public var description: String {
    switch self {
    case .differs(let schema, let found, let expected):
      "the schema \(schema) is of \(found), not of \(expected): name another schema"
    case .full(let schema, let cause):
      "no space left for \(schema): free some on the server's disk (\(cause))"
    case .unavailable(let schema, let cause):
      "the read model in \(schema) can't be used: \(cause)"
    case .damaged(let schema, let reason):
      "the read model in \(schema) is damaged: drop the schema, then workers build it anew from the first event (\(reason))"
    case .tooManyParked(let limit, let reason):
      "\(limit) streams are parked already, and another one can't be projected (\(reason)): fix the "
        + "code, then retry or drop what is parked"
    case .alreadyApplied(let partition, let position):
      "the event at partition \(partition), partition offset \(position), was applied or parked before"
    case .notParked(let streamID):
      "the stream '\(streamID)' is not parked"
    }
  }

  static func failed(_ schema: String, _ cause: any Error) -> any Error {
    switch cause {
    case is ProjectionFailures, is PostgresReadModelError, is CancellationError: cause
    case let error as TooManyParked:
      PostgresReadModelError.tooManyParked(limit: error.limit, reason: error.reason)
    case let error as PostgresError where error.kind == .cancelled: CancellationError()
    case let error as PostgresError where error.state == .diskFull:
      PostgresReadModelError.full(schema: schema, cause: error)
    case let error as PostgresError where error.isDamage:
      PostgresReadModelError.damaged(schema: schema, reason: error.description)
    default: PostgresReadModelError.unavailable(schema: schema, cause: cause)
    }
  }
}

extension PostgresError {
  /// The server found its files damaged, or has tables that are not those of this library.
  fileprivate var isDamage: Bool {
    guard let state else { return false }
    return ["XX001", "XX002", "42P01", "42703", "42804", "3F000"].contains(state.rawValue)
  }

  /// Whether the transaction may be tried again: another one was in its way, or the connection has ended.
  var isPassing: Bool {
    switch kind {
    case .lost: true
    case .refused(let state):
      // Of a session that was ended since it stood still within a transaction.
      state.rawValue == "25P03" || [.repeatTransaction, .reconnect].contains(state.reaction)
    case .unreachable, .timedOut, .cancelled, .malformed: false
    }
  }

  /// Whether a commit that was answered so may have been carried out.
  var mayBeCommitted: Bool {
    switch kind {
    case .lost: true
    case .refused(let state): state.reaction == .reconnect
    case .unreachable, .timedOut, .cancelled, .malformed: false
    }
  }
}
