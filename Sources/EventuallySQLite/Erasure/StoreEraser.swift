import CoreMetrics
import Eventually

/// Empties a store's write-ahead log after removals: until then it holds the removed events as they were.
///
/// It has a connection and a thread of its own, so that no append waits for readers of the log. What is pending is in
/// the store, and is gone on with after a restart.
actor StoreEraser {
  private struct State {
    var schedule: ErasureSchedule
    var pending = PendingErasures()
    var isClosed = false
  }

  private let executor = BlockingExecutor(label: "store.eraser")
  private let path: String
  private let writer: StoreWriter
  private var connection: SQLiteConnection?
  private var hold = LogHold()
  private nonisolated let state: Locked<State>
  /// Everything that was removed up to here is erased.
  private nonisolated let erased: PositionSignal
  private let gauge = Gauge(label: MetricName.pendingErasures)

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// - Throws: `StoreOpenError` where it can't be read what is pending.
  init(writer: StoreWriter, path: String) throws(StoreOpenError) {
    self.writer = writer
    self.path = path
    do {
      let connection = try SQLiteConnection(path: path, mode: .readWrite)
      let bounds = try connection.rows(
        "SELECT min(sequence), max(sequence) FROM erasures WHERE erased IS NULL"
      ) { ($0.optionalInteger(0), $0.optionalInteger(1)) }.first
      let first = bounds?.0.map { UInt64(clamping: $0) }
      let erased = first.map { max($0, 1) - 1 } ?? writer.head.position
      self.erased = PositionSignal(at: erased)
      state = Locked(
        State(
          schedule: ErasureSchedule(
            erased: erased, newest: bounds?.1.map { UInt64(clamping: $0) }),
          pending: try Self.pending(connection)))
      self.connection = connection
      gauge.record(state.withLock { $0.pending.count })
    } catch {
      throw .unreadable(at: path, cause: error)
    }
  }

  /// What is pending, as last counted.
  nonisolated var pending: PendingErasures { state.withLock { $0.pending } }

  /// Goes on with what was pending when the store was opened.
  nonisolated func start() {
    if state.withLock({ $0.schedule.start() }) { work() }
  }

  /// A request to remove a stream is committed.
  nonisolated func removed(_ outcome: StoreOutcome) {
    guard case .added(let removal) = outcome else { return }
    if state.withLock({ $0.schedule.removed(at: removal.sequenceNumber) }) { work() }
  }

  /// Waits until everything that was removed up to a sequence number is erased.
  /// - Returns: whether it is.
  nonisolated func wait(through sequence: UInt64, atMost limit: Duration) async -> Bool {
    guard sequence > 0 else { return true }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.erased.wait(past: sequence - 1) }
      // A cancelled pause means that the other task was first.
      group.addTask { try? await Task.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
    return erased.position >= sequence
  }

  /// Attempts nothing more.
  func close() {
    state.withLock { $0.isClosed = true }
    connection = nil
  }

  /// Works until nothing is pending, or nothing uses the store any more.
  private nonisolated func work() {
    Task { [weak self] in
      while let pause = await self?.step() {
        // Nobody cancels this task: it ends with what is pending.
        try? await Task.sleep(for: pause)
      }
    }
  }

  /// One attempt.
  /// - Returns: after how long the next one is due; `nil` where nothing is pending any more.
  private func step() async -> Duration? {
    guard !state.withLock({ $0.isClosed }),
      case .attempt(let through) = state.withLock({ $0.schedule.next() })
    else { return nil }
    var reason: String?
    do {
      let connection =
        try self.connection
        ?? SQLiteConnection(path: path, mode: .readWrite)
      self.connection = connection
      FaultPoint.storeErasing.pass()
      if let obstacle = try connection.emptyLog(&hold) {
        reason = obstacle.description
      } else {
        FaultPoint.storeErased.pass()
        _ = try await writer.perform(.erased(through: through))
        erased.advance(to: through)
      }
    } catch {
      reason = "\(error)"
    }
    count(reason)
    let isErased = reason == nil
    let action = state.withLock {
      isErased ? $0.schedule.emptied(through: through) : $0.schedule.failed()
    }
    guard case .wait(let pause) = action else { return nil }
    return isErased ? pause : max(pause, hold.pause)
  }

  /// Counts what is pending. Where that fails, what was counted before stands.
  private func count(_ reason: String?) {
    guard let connection, var pending = try? Self.pending(connection) else { return }
    if pending.count > 0 { pending.reason = reason ?? self.pending.reason }
    let counted = pending
    state.withLock { $0.pending = counted }
    gauge.record(counted.count)
  }

  /// What is pending, as the store says.
  static func pending(_ connection: SQLiteConnection) throws -> PendingErasures {
    var pending = PendingErasures()
    let found = try connection.rows(
      "SELECT count(*), min(removed) FROM erasures WHERE erased IS NULL"
    ) { (Int($0.integer(0)), $0.optionalInteger(1)) }
    guard let (count, since) = found.first else { return pending }
    pending.count = count
    pending.since = since.map { Timestamp(microseconds: $0) }
    return pending
  }
}
