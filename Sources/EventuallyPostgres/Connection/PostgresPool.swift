import Eventually

/// Connections to one database, made when they are needed, and made anew where they end.
actor PostgresPool {
  /// How a pool works.
  struct Options: Sendable, Hashable {
    /// What metrics call it.
    var name = "postgres"
    /// How many connections there are at most.
    var size = 8
    /// How long a caller waits for a connection.
    var waiting = Duration.seconds(10)
    /// A connection that nobody used for so long is closed.
    var idle = Duration.seconds(300)
    var limits = PostgresConnection.Limits()
    /// The first pause after a failed attempt to connect; it doubles up to the longest.
    var firstPause = Duration.milliseconds(100)
    var longestPause = Duration.seconds(5)
  }

  private let parameters: PostgresAddress.Parameters
  private let options: Options
  private let clock: any Clock<Duration>
  private let greet: Greeting?
  private let metrics: PoolMetrics
  private var machine: PoolMachine<ContinuousClock.Instant>
  private var connections: [Int: PostgresConnection] = [:]
  private var callers:
    [Int: CheckedContinuation<Result<(Int, PostgresConnection), PostgresError>, Never>] = [:]
  private var lastCaller = 0

  /// Prepares a new connection for its callers, beside what ``ClientLoss`` does for each; one that it fails for is none.
  typealias Greeting = @Sendable (PostgresConnection) async throws(PostgresError) -> Void

  init(
    _ parameters: PostgresAddress.Parameters, options: Options = Options(),
    clock: any Clock<Duration> = ContinuousClock(), greet: Greeting? = nil
  ) {
    self.parameters = parameters
    self.greet = greet
    self.options = options
    self.clock = clock
    machine = PoolMachine(size: options.size)
    metrics = PoolMetrics(options.name, size: options.size)
  }

  init(_ url: String, options: Options = Options()) {
    self.init(PostgresAddress(url).reading, options: options)
  }

  /// Why no connection can be made; `nil` where the last attempt did not fail.
  var failure: PostgresError? { machine.failure }

  /// Lends a connection for as long as `body` goes on.
  func withConnection<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws(PostgresError) -> Value
  ) async throws(PostgresError) -> Value {
    let (id, connection) = try await checkOut()
    let result: Result<Value, PostgresError>
    do throws(PostgresError) {
      result = .success(try await body(connection))
    } catch {
      result = .failure(error)
    }
    if connection.isWornOut { await connection.close() }
    if connection.ending.withLock({ $0 }) == nil {
      perform(machine.giveBack(id, now: .now))
    } else {
      forget(id)
    }
    perform(machine.expire(before: .now - options.idle))
    return try result.get()
  }

  /// Runs transactions on a connection of its own choice, whether or not the caller is cancelled then.
  /// - Throws: only where there is no connection, so that nothing was sent.
  func run(
    transactions: [[PostgresStatement]], _ operation: String
  ) async throws(PostgresError) -> [Result<[PostgresRows], PostgresError>] {
    try await withConnection { connection throws(PostgresError) in
      await connection.run(transactions: transactions, operation)
    }
  }

  /// Runs statements on a connection of its own choice, as one transaction.
  func run(
    _ statements: [PostgresStatement], _ operation: String
  ) async throws(PostgresError) -> [PostgresRows] {
    try await withConnection { connection throws(PostgresError) in
      try await connection.run(statements, operation)
    }
  }

  /// Closes all connections; those that are lent, when they come back.
  func close() { perform(machine.close()) }

  private func checkOut() async throws(PostgresError) -> (Int, PostgresConnection) {
    lastCaller += 1
    let caller = lastCaller
    let start = ContinuousClock.now
    let actions = machine.want(caller)
    metrics.set(machine.figures)
    // One that is free costs neither a timer nor a change of threads.
    if case .give(let id, caller)? = actions.first, let connection = connections[id],
      connection.isThere
    {
      metrics.waited(.now - start)
      return (id, connection)
    }
    let timeout = Task { [clock, options] in
      try await clock.sleep(for: options.waiting)
      self.leave(caller, .timedOut)
    }
    defer { timeout.cancel() }
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        callers[caller] = continuation
        perform(actions)
      }
    } onCancel: {
      Task { await self.leave(caller, .cancelled) }
    }
    if case .success = result { metrics.waited(.now - start) }
    return try result.get()
  }

  private func leave(
    _ caller: Int, _ departure: PoolMachine<ContinuousClock.Instant>.Departure
  ) {
    perform(machine.leave(caller, departure))
  }

  private func perform(_ actions: [PoolMachine<ContinuousClock.Instant>.Action]) {
    metrics.set(machine.figures)
    for action in actions {
      switch action {
      case .connect(let id): Task { await self.connect(id) }
      case .give(let id, let caller):
        guard let connection = connections[id], connection.isThere else {
          // It ended while nobody used it.
          connections[id] = nil
          perform(machine.lost(id, givenTo: caller))
          continue
        }
        callers.removeValue(forKey: caller)?.resume(returning: .success((id, connection)))
      case .refuse(let caller, let refusal):
        if case .timedOut = refusal { metrics.timedOut() }
        callers.removeValue(forKey: caller)?.resume(returning: .failure(error(of: refusal)))
      case .close(let id):
        if let connection = connections.removeValue(forKey: id) {
          Task { await connection.close() }
        }
      case .pause(let attempt):
        let pause = min(options.longestPause, options.firstPause * (1 << min(attempt - 1, 10)))
        Task { [clock] in
          // Where the task is cancelled, which nobody does, the next attempt comes sooner.
          try? await clock.sleep(for: pause)
          self.perform(self.machine.pauseIsOver())
        }
      }
    }
  }

  private func error(of refusal: PoolMachine<ContinuousClock.Instant>.Refusal) -> PostgresError {
    switch refusal {
    case .lasting(let error), .timedOut(let error?): error
    case .timedOut(nil):
      PostgresError(
        .timedOut, "no connection was free within \(options.waiting)", operation: "connect")
    case .cancelled:
      PostgresError(.cancelled, "the caller was cancelled", operation: "connect")
    case .closed: PostgresError(.unreachable, "the pool is closed", operation: "connect")
    }
  }

  private func connect(_ id: Int) async {
    do throws(PostgresError) {
      let connection = try await PostgresConnection(parameters, limits: options.limits)
      do throws(PostgresError) {
        try await ClientLoss.greet(connection)
        try await greet?(connection)
      } catch {
        await connection.close()
        throw error
      }
      connections[id] = connection
      perform(machine.connected(id, now: .now))
    } catch {
      perform(machine.failedToConnect(id, error))
    }
  }

  private func forget(_ id: Int) {
    connections[id] = nil
    perform(machine.lost(id))
  }
}
