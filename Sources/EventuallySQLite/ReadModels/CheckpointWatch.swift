import Eventually

/// Watches a read model's checkpoints for all who wait for them.
///
/// Other processes' commits give no signal, so the database is asked again and again; but once for all who wait, and for more than its
/// version only where that has changed.
actor CheckpointWatch {
  private struct Waiter {
    var partition: Partition
    var position: UInt64
    var begun: ContinuousClock.Instant
    var deadline: ContinuousClock.Instant
    var continuation: CheckedContinuation<UInt64?, any Error>
  }

  private let executor = BlockingExecutor(label: "readmodel.watch")
  private let path: String
  private var connection: SQLiteConnection?
  /// SQLite's number for what others have written, when the positions were read.
  private var version: Int64?
  private var positions: [Partition: UInt64] = [:]
  private var waiters: [Int: Waiter] = [:]
  private var nextWaiter = 0
  private var isWatching = false

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(path: String) {
    self.path = path
  }

  /// Waits until a partition has been applied up to a position, or the time is up.
  /// - Returns: how far the partition has been applied; `nil` for never.
  func wait(
    for position: UInt64, in partition: Partition, atMost limit: Duration
  ) async throws -> UInt64? {
    try refresh()
    if positions[partition] ?? 0 >= position || limit <= .zero { return positions[partition] }
    let id = nextWaiter
    nextWaiter += 1
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let now = ContinuousClock.now
        waiters[id] = Waiter(
          partition: partition, position: position, begun: now, deadline: now + limit,
          continuation: continuation)
        watch()
      }
    } onCancel: {
      Task { await self.giveUp(id) }
    }
  }

  private func giveUp(_ id: Int) {
    waiters.removeValue(forKey: id)?.continuation.resume(throwing: CancellationError())
  }

  /// Watches for as long as anybody waits.
  private func watch() {
    guard !isWatching else { return }
    isWatching = true
    Task {
      while !waiters.isEmpty {
        // What has just happened is visible in a moment; what is not by then may take long.
        let now = ContinuousClock.now
        let isSoon = waiters.values.contains { now - $0.begun < .milliseconds(50) }
        // Nobody cancels this task: it ends with the last who waits.
        try? await Task.sleep(for: isSoon ? .milliseconds(1) : .milliseconds(10))
        look()
      }
      isWatching = false
    }
  }

  private func look() {
    do {
      try refresh()
    } catch {
      for (_, waiter) in waiters { waiter.continuation.resume(throwing: error) }
      waiters.removeAll()
      return
    }
    let now = ContinuousClock.now
    for (id, waiter) in waiters {
      let reached = positions[waiter.partition]
      guard reached ?? 0 >= waiter.position || now >= waiter.deadline else { continue }
      waiters[id] = nil
      waiter.continuation.resume(returning: reached)
    }
  }

  /// Reads the positions, where anything has been written since they were read last.
  private func refresh() throws {
    do { try read() } catch { throw ReadModelError.failed(path, error) }
  }

  /// SQLite's number for what others have written: it differs from the one before where anything was.
  func dataVersion() throws -> Int64? {
    do { return try opened().integer("PRAGMA data_version") } catch {
      throw ReadModelError.failed(path, error)
    }
  }

  private func opened() throws -> SQLiteConnection {
    let connection =
      try self.connection ?? SQLiteConnection(path: path, mode: .readOnly)
    self.connection = connection
    return connection
  }

  private func read() throws {
    let connection = try opened()
    let current = try connection.integer("PRAGMA data_version")
    guard current != version || version == nil else { return }
    for checkpoint in try ReadModelReader.checkpoints(connection) {
      positions[checkpoint.partition] = checkpoint.position
    }
    version = current
  }
}
