import CLibPQ
import Eventually

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A connection for queries, whose code reads rows by calls that return them. Its calls wait for the server, so it is used on a
/// thread of its own.
final class QueryConnection {
  private let handle: PQHandle
  private var machine = ConnectionMachine()
  private var names: [String: String] = [:]
  private var timers = DatabaseTimers("postgresql")

  /// Connects.
  /// - Parameter deadline: until then.
  init(
    _ parameters: PostgresAddress.Parameters, until deadline: ContinuousClock.Instant
  ) throws(PostgresError) {
    handle = try PQHandle.start(parameters)
    // libpq wants the socket to be writable first.
    var (reading, writing) = (false, true)
    while !machine.isIdle {
      guard try wait(reading: reading, writing: writing, until: deadline) else {
        _ = machine.timeLimitPassed()
        handle.finish()
        throw PostgresError(.unreachable, "no connection in time", operation: "connect")
      }
      for action in machine.polled(handle.poll()) {
        switch action {
        case .watch(let isReading, let isWriting): (reading, writing) = (isReading, isWriting)
        case .enterPipeline:
          guard handle.enterPipeline() else { throw end(handle.message, "connect") }
        case .close(let error):
          handle.finish()
          throw error
        default: break
        }
      }
    }
  }

  /// Whether it waits for a statement.
  var isIdle: Bool { machine.isIdle }
  /// Whether it can be used for another query.
  var isUsable: Bool { machine.isIdle && names.count < ConnectionMachine.mostPrepared }

  /// A statement, and how it is to be carried out.
  struct Statement {
    var sql: String
    var parameters: [PostgresValue] = []
    /// Whether rows come as text, in place of their binary form.
    var isText = false

    /// What it is prepared as: the parameters' types are given, so that a number is one in any place.
    fileprivate var key: String {
      parameters.reduce(into: sql) { $0 += "\0\($1.type)" }
    }
  }

  /// Sends statements together, and waits for their answers.
  /// - Parameters:
  ///   - deadline: where it passes, the connection is given up; the server is to have its own time limit.
  ///   - operation: what is being done, for the error.
  func run(
    _ statements: [Statement], until deadline: ContinuousClock.Instant, _ operation: String
  ) throws(PostgresError) -> [PostgresRows] {
    let start = ContinuousClock.now
    do throws(PostgresError) {
      let rows = try exchange(statements, until: deadline, operation)
      timers.ended(operation, in: .now - start)
      return rows
    } catch {
      timers.ended(operation, in: .now - start, error: error.type)
      throw error
    }
  }

  private func exchange(
    _ statements: [Statement], until deadline: ContinuousClock.Instant, _ operation: String
  ) throws(PostgresError) -> [PostgresRows] {
    var outcome = Outcome()
    apply(machine.submit([statements.map(\.key)], operation: operation), statements, &outcome)
    while outcome.result == nil {
      guard let isSent = handle.flush() else { throw end(handle.message, operation) }
      guard try wait(reading: true, writing: !isSent, until: deadline) else {
        handle.finish()
        _ = machine.failed("the time is up")
        throw PostgresError(
          .timedOut, "the server did not answer in time", operation: operation)
      }
      let isThere = handle.consume()
      while !machine.isClosed, outcome.result == nil,
        let (answer, rows) = handle.answer(operation: operation)
      {
        outcome.current = rows
        apply(machine.answered(answer), statements, &outcome)
      }
      if !isThere, outcome.result == nil { throw end(handle.message, operation) }
    }
    guard let result = outcome.result else { throw end("there is no answer", operation) }
    return try result.get()
  }

  private struct Outcome {
    var rows: [PostgresRows] = []
    var current: PostgresRows?
    var result: Result<[PostgresRows], PostgresError>?
  }

  private func apply(
    _ actions: [ConnectionMachine.Action], _ statements: [Statement], _ outcome: inout Outcome
  ) {
    for action in actions {
      switch action {
      case .send(let steps): send(steps, statements)
      case .keep:
        if let rows = outcome.current { outcome.rows.append(rows) }
      case .finish(let error):
        outcome.result = outcome.result ?? error.map { .failure($0) } ?? .success(outcome.rows)
      case .close(let error):
        handle.finish()
        outcome.result = outcome.result ?? .failure(error)
      case .watch, .enterPipeline, .opened, .next, .cancel: break
      }
    }
  }

  /// Where libpq can't, it says so when it is asked to send.
  private func send(_ steps: [ConnectionMachine.Step], _ statements: [Statement]) {
    var left = statements.makeIterator()
    for step in steps {
      switch step {
      case .prepare(let key):
        let name = names[key] ?? "s\(names.count)"
        names[key] = name
        guard let statement = statements.first(where: { $0.key == key }) else { continue }
        _ = handle.prepare(statement.sql, name: name, types: statement.parameters.map(\.type))
      case .execute:
        guard let statement = left.next(), let name = names[statement.key] else { continue }
        _ = handle.execute(name: name, statement.parameters, asText: statement.isText)
      case .synchronize: _ = handle.synchronize()
      }
    }
  }

  private func end(_ message: String, _ operation: String) -> PostgresError {
    // The machine knows what the server said last.
    let actions = machine.failed(message)
    handle.finish()
    for case .close(let error) in actions { return error }
    return PostgresError(.lost, message, operation: operation)
  }

  /// - Returns: whether the socket is ready; not, where the time is up.
  private func wait(
    reading: Bool, writing: Bool, until deadline: ContinuousClock.Instant
  ) throws(PostgresError) -> Bool {
    while true {
      let left = (deadline - .now).milliseconds
      if left <= 0 { return false }
      var descriptor = pollfd(
        fd: handle.socket, events: Int16((reading ? POLLIN : 0) | (writing ? POLLOUT : 0)),
        revents: 0)
      switch poll(&descriptor, 1, Int32(clamping: left + 1)) {
      case 0: continue
      case 1...: return true
      default:
        guard errno == EINTR else {
          throw PostgresError(
            .lost, "poll: \(String(cString: strerror(errno)))", operation: "wait")
        }
      }
    }
  }
}
