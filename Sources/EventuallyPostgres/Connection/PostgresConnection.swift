import Eventually

/// A connection to PostgreSQL over libpq. The caller's thread sends, and a thread of the connection's own waits for an answer, for 10 ms
/// at most; where the server is as fast as ``AnswerPace`` wants it, the caller's thread waits first.
///
/// One exchange goes on at a time: who uses a connection has it alone, from a ``PostgresPool`` for example. What to do next
/// is decided by ``ConnectionMachine``.
actor PostgresConnection {
  /// How long things may take.
  struct Limits: Sendable, Hashable {
    /// Connecting, with all hosts that the address names.
    var connecting = Duration.seconds(10)
    /// An exchange, after which the server is told to stop.
    var exchange = Duration.seconds(30)
    /// What the server may take to stop, after which the connection is given up.
    var stopping = Duration.seconds(5)
  }

  private let executor: BlockingExecutor
  private let limits: Limits
  private let handle: PQHandle
  private var machine = ConnectionMachine()
  private var pace = AnswerPace()
  private var watch: SocketWatch?
  /// What the socket is to be watched for, and whether that is left to the thread that waits for an answer.
  private var watched = (reading: false, writing: false)
  private var isAwaiting = false
  private let alarm: Alarm
  /// While an answer is awaited, the socket is looked at every second: that a server has ended was seen not to be told of. A connection
  /// that nobody has used for a second is watched again.
  private let look: Alarm
  private var canceller: PQCanceller?
  private var names: [String: String] = [:]
  private var timers = DatabaseTimers("postgresql")
  private let wornOut = Locked(false)

  private var opening: CheckedContinuation<Result<Void, PostgresError>, Never>?
  private var exchange: PostgresExchange?
  private let listeners = Locked<[AsyncStream<PostgresNotification>.Continuation]>([])
  /// Why the connection ended; `nil` while it is there.
  nonisolated let ending = Locked<PostgresError?>(nil)

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Connects.
  /// - Parameter url: `postgres://…`, or `key=value` pairs; what it leaves out is taken from libpq's variables and files.
  init(_ url: String, limits: Limits = Limits()) async throws(PostgresError) {
    try await self.init(PostgresAddress(url).reading, limits: limits)
  }

  /// Connects.
  init(
    _ parameters: PostgresAddress.Parameters, limits: Limits = Limits()
  ) async throws(PostgresError) {
    let executor = BlockingExecutor(label: "postgres.connection")
    self.executor = executor
    self.limits = limits
    alarm = Alarm(on: executor)
    look = Alarm(on: executor)
    let handle = Locked<Result<SendableHandle, PostgresError>?>(nil)
    // Names are looked up, which blocks.
    await withCheckedContinuation { continuation in
      executor.run {
        let result: Result<SendableHandle, PostgresError>
        do throws(PostgresError) {
          result = .success(SendableHandle(handle: try PQHandle.start(parameters)))
        } catch {
          result = .failure(error)
        }
        handle.withLock { $0 = result }
        continuation.resume()
      }
    }
    guard let started = handle.withLock({ $0 }) else {
      throw PostgresError(.unreachable, "it was not begun", operation: "connect")
    }
    self.handle = try started.get().handle
    try await open()
  }

  /// Sendable: it is handed over, and nobody else has it.
  private struct SendableHandle: @unchecked Sendable { let handle: PQHandle }

  private func open() async throws(PostgresError) {
    alarm.start { [weak self] in
      self?.assumeIsolated {
        if $0.alarm.fired() { $0.perform($0.machine.timeLimitPassed()) }
      }
    }
    look.start { [weak self] in
      self?.assumeIsolated { if $0.look.fired() { $0.lookAtSocket() } }
    }
    alarm.set(limits.connecting)
    let result = await withCheckedContinuation { continuation in
      opening = continuation
      // libpq wants the socket to be writable first.
      perform([.watch(reading: false, writing: true)])
    }
    try result.get()
  }

  /// Sends statements together, and waits for all their answers. They are one transaction, unless they say otherwise: where one is
  /// refused, none is carried out.
  /// - Parameter operation: what is being done, for the error.
  /// - Returns: what each statement returned.
  nonisolated func run(
    _ statements: [PostgresStatement], _ operation: String
  ) async throws(PostgresError) -> [PostgresRows] {
    let results = await withTaskCancellationHandler {
      await exchange([statements], operation, isCancellable: true)
    } onCancel: {
      cancel()
    }
    guard let result = results.first else { return [] }
    return try result.get()
  }

  /// Sends transactions together, and waits for all their answers, whether or not the caller is cancelled. Each is carried out or
  /// refused by itself, one after the other.
  /// - Returns: of each transaction, what its statements returned.
  nonisolated func run(
    transactions: [[PostgresStatement]], _ operation: String
  ) async -> [Result<[PostgresRows], PostgresError>] {
    await exchange(transactions, operation, isCancellable: false)
  }

  private nonisolated func cancel() {
    executor.run { [weak self] in
      self?.assumeIsolated { $0.perform($0.machine.cancelled()) }
    }
  }

  private nonisolated func exchange(
    _ transactions: [[PostgresStatement]], _ operation: String, isCancellable: Bool
  ) async -> [Result<[PostgresRows], PostgresError>] {
    await withCheckedContinuation { continuation in
      let isDone = executor.runHere {
        assumeIsolated {
          $0.begin(
            PostgresExchange(
              transactions: transactions, operation: operation, completion: continuation))
        }
      }
      if isDone { return }
      // The server has begun while the thread that waits for it is woken.
      executor.run { self.assumeIsolated { $0.awaitAnswers() } }
      // A cancellation before the exchange has begun had nothing to stop.
      if isCancellable, Task.isCancelled { cancel() }
    }
  }

  /// - Returns: whether the exchange is over.
  private func begin(_ exchange: PostgresExchange) -> Bool {
    guard self.exchange == nil else {
      let error = PostgresError(
        .malformed, "the connection is in use", operation: exchange.operation)
      exchange.completion.resume(returning: exchange.transactions.map { _ in .failure(error) })
      return true
    }
    self.exchange = exchange
    // An answer is to wake one thread, and not another one that watches as well.
    isAwaiting = true
    watch?.watch(reading: false, writing: false)
    perform(
      machine.submit(
        exchange.transactions.map { $0.map(\.sql) }, operation: exchange.operation))
    if pace.isBrisk { wait(atMost: AnswerPace.brisk) }
    guard self.exchange == nil else { return false }
    endAwaiting()
    return true
  }

  /// Most answers come within milliseconds: this thread waits for them itself, which takes fewer changes of threads than to be woken by
  /// the socket's watch. It does so for a moment only, since a cancellation waits for it.
  private func awaitAnswers() {
    wait(atMost: .milliseconds(10))
    endAwaiting()
  }

  private func wait(atMost time: Duration) {
    let end = ContinuousClock.now + time
    while exchange != nil, !machine.isClosed, handle.waitToRead(until: end) { ready() }
  }

  private func endAwaiting() {
    isAwaiting = false
    // Who comes again and again need not have it watched in between; who is to be notified must.
    if exchange != nil || !listeners.withLock({ $0.isEmpty }) { watchSocket() }
  }

  /// Whether the connection is there, as far as its socket tells.
  nonisolated var isThere: Bool {
    executor.runHere {
      assumeIsolated { connection in
        // What a server says when it ends a session comes before the end.
        while connection.exchange == nil, !connection.machine.isClosed,
          connection.handle.canRead()
        {
          connection.ready()
        }
      }
    }
    return ending.withLock { $0 } == nil
  }

  /// What `NOTIFY` sends on channels that this connection listens at; it ends with the connection.
  nonisolated func notifications() -> AsyncStream<PostgresNotification> {
    // Who listens reads what has changed: of many that come at once, the newest is enough.
    let (stream, continuation) = AsyncStream.makeStream(
      of: PostgresNotification.self, bufferingPolicy: .bufferingNewest(16))
    listeners.withLock { $0.append(continuation) }
    if ending.withLock({ $0 }) != nil { continuation.finish() }
    return stream
  }

  /// Whether it has prepared so many statements that another connection is to take its place.
  nonisolated var isWornOut: Bool { wornOut.withLock { $0 } }

  /// The server's process for this connection, as it was told when it was made.
  var announcedProcess: Int64 { Int64(handle.processID) }

  /// Ends the connection. An exchange that is under way is lost.
  func close() { perform(machine.failed("the connection was closed")) }

  // MARK: - The shell

  /// The socket can be read or written.
  private func ready() {
    if machine.isClosed { return }
    if opening != nil {
      let polling = handle.poll()
      // libpq may have closed its socket and made another one, with the same number.
      watch = nil
      perform(machine.polled(polling))
      return
    }
    guard handle.consume() else {
      takeAnswers()
      perform(machine.failed(handle.message))
      return
    }
    takeAnswers()
    if machine.isClosed { return }
    flush()
    if machine.isClosed { return }
    let notifications = handle.notifications()
    if !notifications.isEmpty {
      listeners.withLock { listeners in
        for listener in listeners { for one in notifications { listener.yield(one) } }
      }
    }
    if handle.isBroken { perform(machine.failed(handle.message)) }
  }

  private func lookAtSocket() {
    guard exchange != nil else { return watchSocket() }
    look.set(.seconds(1))
    ready()
  }

  private func takeAnswers() {
    while !machine.isClosed,
      let (answer, rows) = handle.answer(operation: exchange?.operation ?? "read")
    {
      for action in machine.answered(answer) {
        if action == .keep, let rows { exchange?.rows.append(rows) } else { perform([action]) }
      }
    }
  }

  private func flush() {
    guard let isDone = handle.flush() else {
      perform(machine.failed(handle.message))
      return
    }
    perform(machine.flushed(isDone: isDone))
  }

  private func perform(_ actions: [ConnectionMachine.Action]) {
    for action in actions {
      switch action {
      case .watch(let reading, let writing):
        watched = (reading, writing)
        if !isAwaiting { watchSocket() }
      case .enterPipeline:
        if !handle.enterPipeline() { perform(machine.failed(handle.message)) }
      case .opened:
        if machine.isClosed { continue }
        alarm.set(nil)
        canceller = handle.canceller()
        opening?.resume(returning: .success(()))
        opening = nil
      case .send(let steps): send(steps)
      case .keep: break
      case .next(let error): exchange?.ended(error)
      case .cancel:
        alarm.set(limits.stopping)
        // A thread of its own for each: one whose server can't be reached holds no other up.
        if let canceller { BlockingExecutor(label: "postgres.cancel").run { canceller.cancel() } }
      case .finish(let error):
        alarm.set(nil)
        guard var exchange = exchange.take() else { continue }
        let duration = ContinuousClock.now - exchange.start
        pace.answered(after: duration)
        exchange.ended(error)
        // Where the connection has ended, nothing is known of those that follow either.
        while exchange.results.count < exchange.transactions.count { exchange.ended(error) }
        timers.ended(exchange.operation, in: duration, error: exchange.errorType)
        exchange.completion.resume(returning: exchange.results)
      case .close(let error): end(error)
      }
    }
  }

  private func send(_ steps: [ConnectionMachine.Step]) {
    guard let exchange else { return }
    alarm.set(limits.exchange)
    look.set(.seconds(1))
    var statements = exchange.transactions.joined().makeIterator()
    var isSent = true
    for step in steps where isSent {
      switch step {
      case .prepare(let sql):
        let name = names[sql] ?? "s\(names.count)"
        names[sql] = name
        if names.count >= ConnectionMachine.mostPrepared { wornOut.withLock { $0 = true } }
        isSent = handle.prepare(sql, name: name)
      case .execute:
        guard let statement = statements.next(), let name = names[statement.sql] else {
          continue
        }
        isSent = handle.execute(name: name, statement.parameters)
      case .synchronize: isSent = handle.synchronize()
      }
    }
    if isSent { flush() } else { perform(machine.failed(handle.message)) }
  }

  private func watchSocket() {
    if machine.isClosed { return }
    let socket = handle.socket
    if watch?.socket != socket {
      watch = SocketWatch(socket, on: executor) { [weak self] in
        self?.assumeIsolated { $0.ready() }
      }
    }
    guard let watch else {
      perform(machine.failed("there is no descriptor left to watch the connection by"))
      return
    }
    watch.watch(reading: watched.reading, writing: watched.writing)
  }

  private func end(_ error: PostgresError) {
    ending.withLock { $0 = $0 ?? error }
    alarm.set(nil)
    watch = nil
    // The server is told at once, whoever still has the connection.
    handle.finish()
    opening?.resume(returning: .failure(error))
    opening = nil
    listeners.withLock { listeners in
      for listener in listeners { listener.finish() }
      listeners.removeAll()
    }
  }
}
