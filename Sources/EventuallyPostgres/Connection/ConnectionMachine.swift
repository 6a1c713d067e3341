/// Decides what a connection does next. It performs nothing: the shell tells it what libpq answered, and carries its actions
/// out in their order.
///
/// The connection is in pipeline mode all the time: all that an exchange has is sent together. Statements up to a synchronization
/// are one transaction, unless they say otherwise; after it the server has forgotten an error among them.
struct ConnectionMachine {
  /// What the answers to an exchange stand for, in the order in which they come.
  enum Step: Hashable {
    case prepare(String)
    case execute
    case synchronize
  }

  enum Polling: Hashable {
    case reading
    case writing
    case ready
    case failed(String, isLasting: Bool)
  }

  /// One answer of the server.
  enum Answer: Hashable {
    /// A statement was carried out, or prepared.
    case done
    case refused(PostgresError)
    /// Left out, since an earlier statement was refused.
    case skipped
    case synchronized
    /// The same, but the commit was kept from waiting for synchronous standbys.
    case synchronizedHereOnly
  }

  enum Action: Hashable {
    case watch(reading: Bool, writing: Bool)
    case enterPipeline
    /// Send the steps of the exchange.
    case send([Step])
    /// Keep the answer at hand for the exchange.
    case keep
    /// Ask the server, beside the connection, to stop what it does.
    case cancel
    /// A transaction of the exchange has ended, and another one follows.
    case next(PostgresError?)
    /// The connection is made, or could not be.
    case opened
    /// The last transaction has ended; or with the connection, all that have not.
    case finish(PostgresError?)
    /// Give the connection up, for this reason.
    case close(PostgresError)
  }

  private enum State {
    case connecting
    case idle
    case exchanging(Exchange)
    case closed
  }

  private struct Exchange {
    var steps: ArraySlice<Step>
    var operation: String
    /// Of the transaction at hand.
    var error: PostgresError?
    /// Why the server was told to stop.
    var stop: PostgresError?
  }

  private var state = State.connecting
  /// Each takes memory of the server: a connection that has prepared so many is closed when nobody uses it.
  static let mostPrepared = 500
  /// The texts of statements that the server has prepared.
  private(set) var prepared: Set<String> = []

  var isIdle: Bool { if case .idle = state { true } else { false } }
  var isClosed: Bool { if case .closed = state { true } else { false } }

  /// libpq has gone on with connecting.
  mutating func polled(_ polling: Polling) -> [Action] {
    guard case .connecting = state else { return [] }
    switch polling {
    case .reading: return [.watch(reading: true, writing: false)]
    case .writing: return [.watch(reading: false, writing: true)]
    case .ready:
      state = .idle
      return [.enterPipeline, .watch(reading: true, writing: false), .opened]
    case .failed(let message, let isLasting):
      return close(
        isLasting ? .lasting(message) : PostgresError(.unreachable, message, operation: "connect"))
    }
  }

  /// Somebody has an exchange to make. One at a time: who uses a connection has it alone.
  /// - Parameter transactions: the texts of their statements.
  mutating func submit(_ transactions: [[String]], operation: String) -> [Action] {
    switch state {
    case .idle:
      var steps: [Step] = []
      var unknown: Set<String> = []
      for statements in transactions {
        // Where others follow, which may use it too, a statement is prepared before anything that may be refused.
        let isOneOfSome = transactions.count > 1
        var executions: [Step] = []
        for sql in statements {
          if !prepared.contains(sql), unknown.insert(sql).inserted { steps.append(.prepare(sql)) }
          if isOneOfSome { executions.append(.execute) } else { steps.append(.execute) }
        }
        steps += executions + [.synchronize]
      }
      state = .exchanging(Exchange(steps: steps[...], operation: operation))
      return [.send(steps)]
    case .closed:
      return [
        .finish(PostgresError(.lost, "the connection is closed", operation: operation))
      ]
    case .connecting, .exchanging:
      return [
        .finish(PostgresError(.malformed, "the connection is in use", operation: operation))
      ]
    }
  }

  /// What was to be sent has been handed to the system, or not all of it.
  mutating func flushed(isDone: Bool) -> [Action] {
    if case .exchanging = state { return [.watch(reading: true, writing: !isDone)] }
    return []
  }

  /// The server has answered.
  mutating func answered(_ answer: Answer) -> [Action] {
    guard case .exchanging(var exchange) = state, let step = exchange.steps.popFirst() else {
      return close(
        PostgresError(.malformed, "an answer came that nobody waits for", operation: "read"))
    }
    defer { if case .exchanging = state { state = .exchanging(exchange) } }
    switch (step, answer) {
    case (.prepare(let sql), .done):
      prepared.insert(sql)
      return []
    case (.execute, .done):
      return exchange.error == nil ? [.keep] : []
    case (.prepare, .refused(let error)), (.execute, .refused(let error)):
      if exchange.error == nil { exchange.error = error }
      return []
    case (.prepare, .skipped), (.execute, .skipped):
      return []
    case (.synchronize, .synchronized), (.synchronize, .synchronizedHereOnly):
      if answer == .synchronizedHereOnly, exchange.error == nil {
        exchange.error = PostgresError(
          .lost,
          "the commit was kept from waiting for the synchronous standbys: it is on this server, and may be lost with it",
          operation: exchange.operation)
      }
      let stop = exchange.stop
      let error =
        exchange.error?.state == .queryCancelled ? stop ?? exchange.error : exchange.error
      guard exchange.steps.isEmpty else {
        exchange.error = nil
        return [.next(error)]
      }
      guard let stop else {
        state = .idle
        return [.finish(error)]
      }
      // The request to stop may still be on its way, and would stop the next exchange.
      state = .closed
      return [.finish(error), .close(stop)]
    case (.synchronize, .refused(let error)):
      // The connection has ended: it is libpq that says so.
      return failed(error.message)
    case (.prepare, .synchronized), (.execute, .synchronized), (.prepare, .synchronizedHereOnly),
      (.execute, .synchronizedHereOnly), (.synchronize, _):
      return close(
        PostgresError(
          .malformed, "the server's answers are not those to what was sent",
          operation: exchange.operation))
    }
  }

  /// The time that connecting, an exchange, or the server's stopping may take is over.
  mutating func timeLimitPassed() -> [Action] {
    switch state {
    case .connecting:
      return close(PostgresError(.unreachable, "no connection in time", operation: "connect"))
    case .exchanging(let exchange):
      if exchange.stop == nil {
        return stop(.timedOut, "the server did not answer in time")
      }
      // It does not stop: nobody knows what comes of it.
      return close(
        PostgresError(.lost, "the server did not stop in time", operation: exchange.operation))
    case .idle, .closed: return []
    }
  }

  /// Nobody wants the exchange's outcome any more. It is waited for all the same.
  mutating func cancelled() -> [Action] { stop(.cancelled, "the caller was cancelled") }

  private mutating func stop(_ kind: PostgresError.Kind, _ message: String) -> [Action] {
    guard case .exchanging(var exchange) = state, exchange.stop == nil else { return [] }
    exchange.stop = PostgresError(kind, message, operation: exchange.operation)
    state = .exchanging(exchange)
    return [.cancel]
  }

  /// The connection has ended, or libpq can't go on with it.
  mutating func failed(_ message: String) -> [Action] {
    switch state {
    case .connecting:
      return close(PostgresError(.unreachable, message, operation: "connect"))
    case .exchanging(let exchange):
      // What the server said last tells more than that it hung up, as where an administrator ends it.
      if let error = exchange.error, error.state?.reaction == .reconnect { return close(error) }
      return close(PostgresError(.lost, message, operation: exchange.operation))
    case .idle: return close(PostgresError(.lost, message, operation: "wait"))
    case .closed: return []
    }
  }

  private mutating func close(_ error: PostgresError) -> [Action] {
    let isAwaited =
      switch state {
      case .exchanging: true
      case .connecting, .idle, .closed: false
      }
    state = .closed
    prepared = []
    return isAwaited ? [.close(error), .finish(error)] : [.close(error)]
  }
}
