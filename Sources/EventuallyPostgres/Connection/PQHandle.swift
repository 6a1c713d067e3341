import CLibPQ
import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Owns libpq's connection, and is the only code that calls libpq with it. It is used on one executor, and none of its calls
/// blocks but ``start(_:)``, where libpq looks names up, and ``waitToRead(until:)``.
final class PQHandle {
  private let connection: OpaquePointer
  private var isFinished = false
  private let notices = Notices()

  private init(_ connection: OpaquePointer) { self.connection = connection }

  deinit { finish() }

  /// Closes the connection. Nothing else may be called after it, but ``message``.
  func finish() {
    if isFinished { return }
    isFinished = true
    PQfinish(connection)
  }

  /// Begins to connect.
  static func start(
    _ parameters: PostgresAddress.Parameters
  ) throws(PostgresError) -> PQHandle {
    let pairs = parameters.pairs
    let texts = (pairs.map(\.0) + pairs.map(\.1)).map { strdup($0) }
    defer { for text in texts { free(text) } }
    let keywords = texts.prefix(pairs.count).map { UnsafePointer($0) } + [nil]
    let values = texts.suffix(pairs.count).map { UnsafePointer($0) } + [nil]
    // The last one is the address, and what that says counts.
    guard let connection = PQconnectStartParams(keywords, values, 1) else {
      throw PostgresError(.unreachable, "no memory", operation: "connect")
    }
    let handle = PQHandle(connection)
    guard PQstatus(connection) != CONNECTION_BAD else {
      throw PostgresError(
        .unreachable, ConnectionHint.adding(to: handle.message), operation: "connect")
    }
    // Why a server refuses a connection is told by its words alone, and these have its code only so.
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
    // Where nobody takes notices, libpq prints them.
    PQsetNoticeReceiver(
      connection,
      { notices, notice in
        guard let notices, let notice else { return }
        Unmanaged<Notices>.fromOpaque(notices).takeUnretainedValue().take(notice)
      }, Unmanaged.passUnretained(handle.notices).toOpaque())
    return handle
  }

  /// libpq's words for what failed last.
  var message: String {
    if isFinished { return "the connection was closed" }
    let text = PQerrorMessage(connection).map { String(cString: $0) } ?? ""
    let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
    return trimmed.isEmpty ? "the server closed the connection" : trimmed
  }

  var socket: Int32 { PQsocket(connection) }
  /// The process of the server that this connection leads to, as it was told when it was made; a pooler makes it up.
  var processID: Int32 { PQbackendPID(connection) }
  var isBroken: Bool { PQstatus(connection) == CONNECTION_BAD }

  func poll() -> ConnectionMachine.Polling {
    switch PQconnectPoll(connection) {
    case PGRES_POLLING_READING: return .reading
    case PGRES_POLLING_WRITING: return .writing
    case PGRES_POLLING_OK:
      PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
      return .ready
    default:
      let refusal = ConnectionRefusal(message)
      return .failed(
        ConnectionHint.adding(to: refusal.message),
        isLasting: refusal.isLasting || PQconnectionNeedsPassword(connection) == 1)
    }
  }

  func enterPipeline() -> Bool {
    PQsetnonblocking(connection, 1) == 0 && PQenterPipelineMode(connection) == 1
  }

  /// - Parameter types: of the parameters; where there are none, or one is 0, the server decides.
  func prepare(_ sql: String, name: String, types: [UInt32] = []) -> Bool {
    PQsendPrepare(connection, name, sql, Int32(clamping: types.count), types) == 1
  }

  /// - Parameter asText: whether rows come as text, in place of their binary form.
  func execute(name: String, _ parameters: [PostgresValue], asText: Bool = false) -> Bool {
    var bytes: [UInt8] = []
    var ends: [Int] = []
    for parameter in parameters {
      parameter.encode(into: &bytes)
      ends.append(bytes.count)
    }
    // An empty value has an address, too: without one it would be null.
    bytes.append(0)
    return bytes.withUnsafeBytes { bytes in
      var values: [UnsafePointer<CChar>?] = []
      var lengths: [Int32] = []
      var start = 0
      for (parameter, end) in zip(parameters, ends) {
        let address = bytes.baseAddress?.advanced(by: start).assumingMemoryBound(to: CChar.self)
        values.append(parameter == .null ? nil : address)
        lengths.append(Int32(clamping: end - start))
        start = end
      }
      let formats = [Int32](repeating: 1, count: parameters.count)
      return PQsendQueryPrepared(
        connection, name, Int32(clamping: parameters.count), values, lengths, formats,
        asText ? 0 : 1)
        == 1
    }
  }

  func synchronize() -> Bool { PQpipelineSync(connection) == 1 }

  /// - Returns: whether all is sent; `nil` where the connection is broken.
  func flush() -> Bool? {
    switch PQflush(connection) {
    case 0: true
    case 1: false
    default: nil
    }
  }

  /// Blocks until something can be read.
  /// - Returns: whether it can; `false` as well where something is left to be sent.
  func waitToRead(until end: ContinuousClock.Instant) -> Bool {
    let left = end - .now
    return left > .zero && flush() == true && canRead(within: left)
  }

  /// Whether something can be read at once, or comes in time.
  func canRead(within time: Duration = .zero) -> Bool {
    clibpq_can_read(socket, Int(clamping: time.nanoseconds / 1_000)) == 1
  }

  /// Reads what is there.
  func consume() -> Bool { PQconsumeInput(connection) == 1 }

  /// The next answer, and its rows; `nil` where it has not come yet.
  func answer(operation: String) -> (ConnectionMachine.Answer, PostgresRows?)? {
    // A `nil` comes between the answers of two statements; two of them tell that nothing is under way.
    var ends = 0
    while ends < 2, PQisBusy(connection) == 0 {
      guard let result = PQgetResult(connection) else {
        ends += 1
        continue
      }
      switch PQresultStatus(result) {
      case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
        return (.done, PostgresRows(result))
      case PGRES_PIPELINE_SYNC:
        PQclear(result)
        let isHereOnly = notices.isCommitHereOnly
        notices.isCommitHereOnly = false
        return (isHereOnly ? .synchronizedHereOnly : .synchronized, nil)
      case PGRES_PIPELINE_ABORTED:
        PQclear(result)
        return (.skipped, nil)
      default:
        defer { PQclear(result) }
        return (.refused(Self.error(result, operation: operation)), nil)
      }
    }
    return nil
  }

  private static func error(_ result: OpaquePointer, operation: String) -> PostgresError {
    func field(_ letter: Character) -> String? {
      guard let code = letter.asciiValue else { return nil }
      return clibpq_field(result, CChar(bitPattern: code)).map { String(cString: $0) }
    }
    var message = field("M") ?? PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
    if let detail = field("D") { message += "; \(detail)" }
    if let hint = field("H") { message += "; \(hint)" }
    guard let state = field("C") else {
      return PostgresError(.lost, message, operation: operation)
    }
    let code = SQLState(rawValue: state)
    if code == .noSuchStatement || code == .statementExists {
      message += ": is it that \(SQLState.sharedSessions)?"
    }
    return PostgresError(.refused(code), message, operation: operation)
  }

  /// What `NOTIFY` sent since it was asked last: channels and payloads.
  func notifications() -> [PostgresNotification] {
    var notifications: [PostgresNotification] = []
    while let notification = PQnotifies(connection) {
      notifications.append(
        PostgresNotification(
          channel: String(cString: notification.pointee.relname),
          payload: String(cString: notification.pointee.extra)))
      PQfreemem(notification)
    }
    return notifications
  }

  /// What the server said beside its answers. It lives as long as the handle, which closes the connection before.
  private final class Notices {
    /// Whether a commit has not waited for the standbys that it should wait for: all that tells of it is a warning, whose
    /// text depends on the server's language.
    var isCommitHereOnly = false

    func take(_ notice: OpaquePointer) {
      guard let source = clibpq_field(notice, CChar(0x52)) else { return }
      if String(cString: source) == "SyncRepWaitForLSN" { isCommitHereOnly = true }
    }
  }

  /// What stops the server's work for this connection, from any thread.
  func canceller() -> PQCanceller? { PQCanceller(PQgetCancel(connection)) }
}

/// What a session sent by `NOTIFY`.
struct PostgresNotification: Sendable, Hashable {
  var channel: String
  var payload: String
}

/// Asks a server to stop what it does for a connection.
///
/// It makes another connection to the same host, which is not encrypted before libpq 17 whatever the first one is: what goes over it, the
/// number of the server's process and a secret of the session, can do nothing but stop a statement. `pg_cancel_backend` would need a
/// session of its own, which a server without free connections refuses just when statements take long.
///
/// Sendable: libpq's manual says that it may be used in another thread than the connection; it is never changed.
final class PQCanceller: @unchecked Sendable {
  private let handle: OpaquePointer

  init?(_ handle: OpaquePointer?) {
    guard let handle else { return nil }
    self.handle = handle
  }

  deinit { PQfreeCancel(handle) }

  /// Connects to the server, and blocks until it has been told.
  func cancel() {
    var message = [CChar](repeating: 0, count: 256)
    // Where it fails, the connection is given up when the server has not stopped in time.
    _ = PQcancel(handle, &message, Int32(message.count))
  }
}
