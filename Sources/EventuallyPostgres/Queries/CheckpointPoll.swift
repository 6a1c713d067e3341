import Eventually

/// Watches checkpoints for all who wait for them.
///
/// What others commit gives no signal, and none would come from a replica: so the database is asked again and again, but once for all
/// who wait for the same generation.
actor CheckpointPoll {
  private struct Waiter {
    var schema: String
    var partition: Partition
    var position: UInt64
    var begun: ContinuousClock.Instant
    var deadline: ContinuousClock.Instant
    var continuation: CheckedContinuation<UInt64?, any Error>
  }

  private let pool: PostgresPool
  private let clock: any Clock<Duration>
  private var waiters: [Int: Waiter] = [:]
  private var nextWaiter = 0
  private var isPolling = false

  /// What has just happened is visible in a moment; what is not by then may take long.
  private static let (soon, pause, longPause) = (
    Duration.milliseconds(100), Duration.milliseconds(5), Duration.milliseconds(20)
  )

  init(_ pool: PostgresPool, clock: any Clock<Duration> = ContinuousClock()) {
    self.pool = pool
    self.clock = clock
  }

  /// Waits until a partition has been applied up to a position, or the time is up.
  /// - Returns: how far the partition has been applied; `nil` for never.
  func wait(
    for position: UInt64, in partition: Partition, of schema: String, atMost limit: Duration
  ) async throws -> UInt64? {
    let reached = try await positions(of: schema)[partition]
    if reached ?? 0 >= position || limit <= .zero { return reached }
    let id = nextWaiter
    nextWaiter += 1
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
        let now = ContinuousClock.now
        waiters[id] = Waiter(
          schema: schema, partition: partition, position: position, begun: now,
          deadline: now + limit, continuation: continuation)
        poll()
      }
    } onCancel: {
      Task { await self.giveUp(id) }
    }
  }

  private func giveUp(_ id: Int) {
    waiters.removeValue(forKey: id)?.continuation.resume(throwing: CancellationError())
  }

  private func positions(of schema: String) async throws(PostgresError) -> [Partition: UInt64] {
    let rows = try await pool.run(
      [
        PostgresStatement(
          "SELECT partition, position FROM \(SQLText.name(schema)).checkpoints WHERE position IS NOT NULL"
        )
      ], "read checkpoints")
    var positions: [Partition: UInt64] = [:]
    guard let rows = rows.first else { return positions }
    for row in 0..<rows.count {
      positions[Partition(clamping: try rows.integer(row, 0))] = try rows.unsigned(row, 1)
    }
    return positions
  }

  /// Polls for as long as anybody waits.
  private func poll() {
    guard !isPolling else { return }
    isPolling = true
    Task {
      while !waiters.isEmpty {
        let now = ContinuousClock.now
        let isSoon = waiters.values.contains { now - $0.begun < Self.soon }
        // Nobody cancels this task: it ends with the last who waits.
        try? await clock.sleep(for: isSoon ? Self.pause : Self.longPause)
        for schema in Set(waiters.values.map(\.schema)) { await look(at: schema) }
      }
      isPolling = false
    }
  }

  private func look(at schema: String) async {
    do throws(PostgresError) {
      let positions = try await positions(of: schema)
      let now = ContinuousClock.now
      for (id, waiter) in waiters where waiter.schema == schema {
        let reached = positions[waiter.partition]
        guard reached ?? 0 >= waiter.position || now >= waiter.deadline else { continue }
        waiters[id] = nil
        waiter.continuation.resume(returning: reached)
      }
    } catch {
      for (id, waiter) in waiters where waiter.schema == schema {
        waiters[id] = nil
        waiter.continuation.resume(throwing: error)
      }
    }
  }
}
