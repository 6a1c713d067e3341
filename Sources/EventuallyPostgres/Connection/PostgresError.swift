/// Something that PostgreSQL refused, or that kept it from answering.
public struct PostgresError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is.
  public enum Kind: Sendable, Hashable {
    /// No connection could be made.
    case unreachable
    /// The connection ended. What was under way may have been carried out or not.
    case lost
    /// The server refused; nothing of the transaction was carried out.
    case refused(SQLState)
    /// The time that was allowed is up; the server was told to stop.
    case timedOut
    /// The caller was cancelled before the request began, or while it waited.
    case cancelled
    /// The server answered what it does not answer.
    case malformed
  }

  /// What kind of failure it is.
  public var kind: Kind
  /// PostgreSQL's words, with its detail and its hint.
  public var message: String
  /// What was being done.
  public var operation: String
  /// Whether trying again comes to the same until somebody changes the address, the password, or the server.
  package var isLasting = false

  /// An error from its parts.
  public init(_ kind: Kind, _ message: String, operation: String) {
    self.kind = kind
    self.message = message
    self.operation = operation
  }

  /// No connection is made, whoever tries again.
  static func lasting(_ message: String) -> PostgresError {
    var error = PostgresError(.unreachable, message, operation: "connect")
    error.isLasting = true
    return error
  }

  /// The code, where the server refused.
  public var state: SQLState? {
    if case .refused(let state) = kind { return state }
    return nil
  }

  /// What metrics call it: the code, where the server refused, or else the kind of failure.
  var type: String {
    switch kind {
    case .refused(let state): state.rawValue
    case .unreachable: "unreachable"
    case .lost: "lost"
    case .timedOut: "timeout"
    case .cancelled: "cancelled"
    case .malformed: "malformed"
    }
  }

  /// Whether it is unknown if the transaction was committed.
  public var isInDoubt: Bool { kind == .lost || state?.endsSession == true }

  /// Whether the server's disk is full.
  var isFull: Bool {
    state == .diskFull || (state == .ioError && message.contains("No space left"))
  }

  /// The message.
  public var description: String {
    let code = state.map { " (SQLSTATE \($0))" } ?? ""
    return "\(operation): \(message)\(code)"
  }
}

extension PostgresError {
  /// Whether the transaction may be tried again: another one was in its way, or the connection has ended.
  var isPassing: Bool {
    switch kind {
    case .lost: true
    case .refused(let state):
      // Of a session that was ended since it stood still within a transaction.
      state == .idleInTransaction || [.repeatTransaction, .reconnect].contains(state.reaction)
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
