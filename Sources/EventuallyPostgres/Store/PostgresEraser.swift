import CoreMetrics
import Eventually

/// Has the server clean its tables after removals, and notes when it has: see ``Erasure``. What is pending is in the store, and is gone
/// on with after a restart.
actor PostgresEraser {
  private let log: PostgresEventLog
  private let owner: PostgresAddress
  private let schema: String
  /// What is pending, as last counted.
  nonisolated let pending = Locked(PendingErasures())
  /// Rises with each removal and each attempt.
  private nonisolated let news = PositionSignal(at: 0)
  private var task: Task<Void, Never>?
  /// How often an attempt was in vain since the last removal.
  private var failures = 0
  private var tried: UInt64 = 0
  private let gauge = Gauge(label: MetricName.pendingErasures)

  init(log: PostgresEventLog, owner: PostgresAddress, schema: String) {
    self.log = log
    self.owner = owner
    self.schema = schema
  }

  func start() {
    task = Task { [weak self] in
      while !Task.isCancelled {
        guard let seen = self?.news.position, let pause = await self?.step() else { return }
        guard let news = self?.news else { return }
        await withTaskGroup(of: Void.self) { group in
          group.addTask { await news.wait(past: seen) }
          // A cancelled pause means that something was removed, or that the store is closed.
          group.addTask { try? await Task.sleep(for: pause) }
          await group.next()
          group.cancelAll()
        }
      }
    }
  }

  /// A removal is committed.
  nonisolated func removed() {
    pending.withLock { $0.count += 1 }
    news.advance(to: news.position &+ 1)
  }

  func close() async {
    task?.cancel()
    await task?.value
    task = nil
  }

  /// Waits until nothing of what was removed up to a sequence number is pending.
  nonisolated func wait(through sequence: UInt64, atMost limit: Duration) async -> Bool {
    let end = ContinuousClock.now + limit
    while true {
      // Where the store can't be asked, nobody knows.
      let found = try? await log.reader.read(
        "count the removals",
        [
          PostgresStatement(
            "SELECT count(*) FROM erasures WHERE erased IS NULL AND sequence <= $1",
            .position(sequence))
        ]
      ) { .init(try $0[0].unsigned(0, 0), newest: 0) }
      if found == 0 { return true }
      if ContinuousClock.now >= end || Task.isCancelled { return false }
      try? await Task.sleep(for: min(.milliseconds(50), end - .now))
    }
  }

  private static let longestPause = Duration.seconds(60)

  /// One attempt.
  /// - Returns: after how long the next one is due.
  private func step() async -> Duration {
    guard let found = try? await log.pendingErasures() else { return .seconds(5) }
    guard found.count > 0 else {
      note(found)
      return Self.longestPause
    }
    let newest = news.position
    failures = newest > tried ? 0 : failures + 1
    tried = newest
    var counted = found
    do {
      if let reason = try await Erasure.attempt(owner, schema: schema) {
        counted.reason = reason
      } else {
        counted = try await log.pendingErasures()
      }
    } catch {
      counted.reason = "\(error)"
    }
    note(counted)
    return counted.count == 0
      ? Self.longestPause : min(Self.longestPause, .milliseconds(250) * (1 << min(failures, 10)))
  }

  private func note(_ counted: PendingErasures) {
    pending.withLock { $0 = counted }
    gauge.record(counted.count)
  }
}
