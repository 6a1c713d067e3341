import Eventually

/// Learns of events that other writers append: by `NOTIFY`, which they send unless their own process publishes the store, and by
/// asking, since that is lost where nobody listens at the time.
///
/// It has a connection of its own, which it makes anew.
actor HeadWatch {
  /// How often the store is asked.
  struct Pauses: Sendable, Hashable {
    /// While others' events came within the last second.
    var busy = Duration.milliseconds(20)
    var idle = Duration.milliseconds(250)
    /// After a failure.
    var failed = Duration.milliseconds(500)
  }

  private let parameters: PostgresAddress.Parameters
  private let schema: String
  private let reader: StoreReader
  private let head: PositionSignal
  private let pauses: Pauses
  private var task: Task<Void, Never>?
  private var connection: PostgresConnection?
  /// Rises with each notification.
  private nonisolated let woken = PositionSignal(at: 0)
  /// Why the store could not be asked last; `nil` where it could.
  private nonisolated let failure = Locked<String?>(nil)
  private nonisolated let answered = Locked(ContinuousClock.now)

  init(
    parameters: PostgresAddress.Parameters, schema: String, reader: StoreReader,
    head: PositionSignal, pauses: Pauses = Pauses()
  ) {
    self.parameters = parameters
    self.schema = schema
    self.reader = reader
    self.head = head
    self.pauses = pauses
  }

  /// Why the store can't be asked; `nil` where it can. It is asked so often that no answer tells something long before the
  /// connection is found to be lost.
  nonisolated var problem: String? {
    if let failure = failure.withLock({ $0 }) { return failure }
    let silence = ContinuousClock.now - answered.withLock { $0 }
    guard silence > .seconds(3) else { return nil }
    return "the store \(reader.location) has not answered for \(silence.components.seconds) s"
  }

  func start() {
    task = Task { [weak self] in
      while !Task.isCancelled, let pause = await self?.watch() {
        // Cancelled where the store is closed, which ends the loop.
        try? await Task.sleep(for: pause)
      }
    }
  }

  func close() async {
    task?.cancel()
    task = nil
    await connection?.close()
    connection = nil
  }

  /// Watches until something fails, or the store is closed.
  private func watch() async -> Duration? {
    do throws(PostgresError) {
      let connection = try await PostgresConnection(parameters)
      if Task.isCancelled {
        await connection.close()
        return nil
      }
      self.connection = connection
      try await StoreSession.prepare(connection, schema: schema, server: reader.server)
      let notifications = connection.notifications()
      let listening = Task { [woken] in
        for await _ in notifications { woken.advance(to: woken.position &+ 1) }
      }
      defer { listening.cancel() }
      _ = try await connection.run(
        [PostgresStatement("LISTEN \(SQLText.name(schema))")], "listen")
      try await follow(connection)
      return nil
    } catch {
      await connection?.close()
      connection = nil
      if Task.isCancelled { return nil }
      failure.withLock { $0 = "\(EventStoreError.failed(reader.location, .read, error))" }
      return pauses.failed
    }
  }

  private func follow(_ connection: PostgresConnection) async throws(PostgresError) {
    var lastRise = ContinuousClock.now - .seconds(2)
    while !Task.isCancelled {
      let notified = woken.position
      let known = head.position
      let found = try await connection.run(
        [PostgresStatement(PostgresEventLog.headText)], "look for new events")[0].unsigned(0, 0)
      answered.withLock { $0 = .now }
      failure.withLock { $0 = nil }
      if found < known {
        // It is another server, or was restored, and lacks what was known before it was asked.
        try await reader.wait(for: found)
        head.fall(to: found)
      }
      if found > head.position {
        try await reader.wait(for: found)
        head.advance(to: found)
        lastRise = .now
      }
      let pause = ContinuousClock.now - lastRise < .seconds(1) ? pauses.busy : pauses.idle
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.woken.wait(past: notified) }
        // A cancelled pause means that a notification was first, or that the store is closed.
        group.addTask { try? await Task.sleep(for: pause) }
        await group.next()
        group.cancelAll()
      }
    }
  }
}

/// Tells other processes that there are new events: at most one notification is under way, and the newest head wins.
final class HeadAnnouncer: Sendable {
  private struct State {
    var newest: UInt64 = 0
    var isSending = false
  }

  private let state = Locked(State())
  private let pool: PostgresPool
  private let schema: String

  init(pool: PostgresPool, schema: String) {
    self.pool = pool
    self.schema = schema
  }

  func announce(_ head: UInt64) {
    let begins = state.withLock { state in
      state.newest = max(state.newest, head)
      defer { state.isSending = true }
      return !state.isSending
    }
    if begins { Task { await self.send() } }
  }

  private func send() async {
    var sent: UInt64 = 0
    while let head = next(after: sent) {
      sent = head
      // A notification that is lost costs others a moment: they ask as well. It waits for no flush.
      _ = try? await pool.run(
        [
          PostgresStatement(
            "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)",
            .text(schema), .text("\(head)"))
        ], "tell of new events")
    }
  }

  private func next(after sent: UInt64) -> UInt64? {
    state.withLock { state in
      if state.newest > sent { return state.newest }
      state.isSending = false
      return nil
    }
  }
}
