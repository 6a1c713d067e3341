import Eventually

/// One connection on a thread of its own, which its queries wait on.
actor QueryWorker {
  private let executor: BlockingExecutor
  private let parameters: PostgresAddress.Parameters
  private var connection: QueryConnection? {
    didSet { isConnected.withLock { $0 = connection != nil } }
  }
  nonisolated let isConnected = Locked(false)

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(_ parameters: PostgresAddress.Parameters, label: String) {
    self.parameters = parameters
    executor = BlockingExecutor(label: label)
  }

  /// Lends the connection to `body`, which is made where there is none that works.
  func run<Result: Sendable>(
    _ body: @Sendable (QueryConnection) throws -> Result
  ) throws -> Result {
    let connection = try usable()
    defer { if !connection.isUsable { self.connection = nil } }
    do {
      return try body(connection)
    } catch let error as PostgresError where error.state == .featureNotSupported {
      // What it has prepared is of tables with other columns.
      self.connection = nil
      throw error
    }
  }

  /// Ends the connection. Another one is made where it is used again.
  func close() { connection = nil }

  private func usable() throws(PostgresError) -> QueryConnection {
    if let connection { return connection }
    let made = try QueryConnection(parameters, until: .now + .seconds(10))
    let settings = QueryConnection.Statement(
      sql: """
        SELECT set_config('default_transaction_isolation', 'repeatable read', false),
          set_config('default_transaction_read_only', 'on', false), set_config('lock_timeout', '10s', false),
          set_config('idle_in_transaction_session_timeout', '60s', false),
          set_config('client_connection_check_interval', '2s', false), set_config('TimeZone', 'UTC', false),
          set_config('client_min_messages', 'warning', false), \(ClientLoss.settings)
        """)
    _ = try made.run([settings], until: .now + .seconds(10), "prepare a session")
    connection = made
    return made
  }
}

/// A few connections for queries, of which each answers one at a time.
final class QueryPool: Sendable {
  private let workers: [QueryWorker]
  /// How many callers each has: the one that reads, and those that wait for it.
  private let callers: Locked<[Int]>
  private let metrics: PoolMetrics

  init(_ parameters: PostgresAddress.Parameters, count: Int, label: String) {
    workers = (0..<max(1, count)).map { QueryWorker(parameters, label: "\(label).\($0)") }
    callers = Locked(Array(repeating: 0, count: workers.count))
    metrics = PoolMetrics(label, size: workers.count)
  }

  /// Lends one of the connections to `body`, the one with the fewest callers.
  func run<Result: Sendable>(
    _ body: @Sendable (QueryConnection) throws -> Result
  ) async throws -> Result {
    let index = callers.withLock { callers in
      var best = 0
      for index in callers.indices where callers[index] < callers[best] { best = index }
      callers[best] += 1
      tell(callers)
      return best
    }
    defer {
      callers.withLock { callers in
        callers[index] -= 1
        tell(callers)
      }
    }
    let start = ContinuousClock.now
    return try await workers[index].run { [metrics] connection in
      metrics.waited(.now - start)
      return try body(connection)
    }
  }

  private func tell(_ callers: [Int]) {
    var figures = PoolMetrics.Figures()
    for (worker, count) in zip(workers, callers) {
      if count > 0 { figures.used += 1 }
      if count == 0, worker.isConnected.withLock({ $0 }) { figures.idle += 1 }
      figures.waiting += max(0, count - 1)
    }
    metrics.set(figures)
  }

  /// Ends the connections that nobody uses.
  func close() async {
    for worker in workers { await worker.close() }
    callers.withLock { tell($0) }
  }
}
