import Foundation

/// Makes a subscription to some partitions that ends at given positions, one for each partition of the store. Its leases are taken
/// from `checkpoints`.
public typealias ReplaySource<Event: Sendable> =
  @Sendable (
    _ checkpoints: any PartitionCheckpointStore, _ partitions: [Partition], _ through: [UInt64]
  ) throws -> any PartitionedSubscription<Event>

/// How far applying a store's events has come.
public struct ReplayProgress: Sendable, Hashable {
  /// How many events have been applied.
  public var applied: UInt64
  /// How many there were to be applied.
  public var total: UInt64
  /// Since when.
  public var elapsed: Duration
}

/// How often something may fail in a row before a driver gives up.
private let failureLimit = 8
/// How long nothing may come from a source that knows why.
private let patience = Duration.seconds(10)

/// Applies a store's events to a read model's database, from where it is up to given positions.
public struct ReplayDriver<Model: ReadModel>: Sendable {
  private let database: any GenerationStore<Model.Event>
  private let partitionCount: Partition
  private let workers: Int
  private let source: ReplaySource<Model.Event>

  /// A driver of a database that nobody else writes to.
  /// - Parameters:
  ///   - database: what events are applied to.
  ///   - codec: decodes the log's events.
  ///   - log: the log of the store.
  ///   - workers: how many workers share the partitions; at least 1.
  ///   - source: where events are read; from `log` where it is `nil`.
  public init(
    _ database: any GenerationStore<Model.Event>, codec: any EventCodec<Model.Event>,
    log: any EventLog, workers: Int = 1, source: ReplaySource<Model.Event>? = nil
  ) {
    self.database = database
    partitionCount = log.partitionCount
    self.workers = max(workers, 1)
    self.source = source ?? Self.source(log, codec)
  }

  private static func source<Codec: EventCodec<Model.Event>>(
    _ log: any EventLog, _ codec: Codec
  ) -> ReplaySource<Model.Event> {
    let owner = "replay-\(ProcessInfo.processInfo.processIdentifier)"
    return { checkpoints, partitions, through in
      LogSubscription(
        log, codec: codec, checkpoints: checkpoints, partitions: partitions, through: through,
        owner: owner)
    }
  }

  /// A worker with a share of the partitions.
  private struct Work: Sendable {
    var run: @Sendable () async -> Void
    /// How many events it has dealt with.
    var done: @Sendable () -> UInt64
    var stallReason: @Sendable () -> String?
  }

  /// What failed since something succeeded.
  private final class Failures: Sendable {
    private let state = Locked<(count: Int, last: (any Error)?)>((0, nil))

    func add(_ error: any Error) {
      // The events that a read model's code fails on are parked after a few attempts.
      guard !(error is ProjectionFailures) else { return }
      state.withLock { $0 = ($0.count + (Self.isFinal(error) ? failureLimit : 1), error) }
    }

    func clear() { state.withLock { $0 = (0, nil) } }

    /// The last failure, where there were too many.
    var final: (any Error)? { state.withLock { $0.count >= failureLimit ? $0.last : nil } }

    /// Whether to try again makes no difference.
    private static func isFinal(_ error: any Error) -> Bool {
      if error is EventLogError { return true }
      guard let error = error as? EventStoreError, case .undecodable = error else { return false }
      return true
    }
  }

  /// Applies events until the positions are reached.
  /// - Parameters:
  ///   - through: the partition offset in each partition up to which events are applied.
  ///   - progress: called now and then; what it throws ends the work.
  /// - Returns: the positions of the database, which may have been further.
  /// - Throws: ``ReplayError`` where something fails again and again, ``ReadModelError``, and `CancellationError`. What has been applied is
  ///   kept.
  @discardableResult
  public func run(
    through: [UInt64], progress: @escaping @Sendable (ReplayProgress) throws -> Void = { _ in }
  ) async throws -> [UInt64] {
    let positions = try await database.positions()
    guard through.count == Int(partitionCount), positions.count == through.count else {
      throw ReadModelError.partitionCount(
        location: database.location, found: Partition(clamping: positions.count),
        expected: Partition(clamping: through.count))
    }
    let total = eventCount(from: positions, through: through)
    let failures = Failures()
    let works = try (0..<workers).compactMap { worker -> Work? in
      let share = (0..<partitionCount).filter {
        Int($0) % workers == worker && positions[Int($0)] < through[Int($0)]
      }
      return share.isEmpty ? nil : work(try source(database, share, through), database, failures)
    }
    guard !works.isEmpty else { return positions }
    let start = ContinuousClock.now
    let tell: @Sendable (UInt64) throws -> Void = { applied in
      try progress(ReplayProgress(applied: applied, total: total, elapsed: .now - start))
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for work in works { group.addTask { await work.run() } }
      group.addTask { try await Self.watch(failures, works, tell) }
      var left = works.count
      while left > 0, try await group.next() != nil { left -= 1 }
      group.cancelAll()
    }
    try Task.checkCancellation()
    try tell(works.reduce(0) { $0 + $1.done() })
    let reached = try await database.positions()
    // Whoever makes it live relies on that.
    guard zip(reached, through).allSatisfy({ $0 >= $1 }) else { throw ReplayError.partitionsTaken }
    return reached
  }

  private func work<S: PartitionedSubscription<Model.Event>, Store: GenerationStore<Model.Event>>(
    _ subscription: S, _ database: Store, _ failures: Failures
  ) -> Work {
    let projector = ReadModelProjector(subscription, into: database) { failures.add($0) }
    return Work(
      run: {
        await projector.run()
        await subscription.stop()
      },
      done: {
        let status = projector.status
        return status.applied + status.parked
      }, stallReason: { subscription.stallReason })
  }

  /// Tells the progress, and gives up where nothing succeeds any more.
  private static func watch(
    _ failures: Failures, _ works: [Work], _ progress: @Sendable (UInt64) throws -> Void
  ) async throws {
    var applied: UInt64 = 0
    var lastProgress = ContinuousClock.now
    while !Task.isCancelled {
      let now = works.reduce(0) { $0 + $1.done() }
      if now > applied {
        applied = now
        lastProgress = .now
        failures.clear()
        try progress(applied)
      }
      if let error = failures.final { throw ReplayError.failing(error) }
      if ContinuousClock.now - lastProgress > patience,
        let reason = works.lazy.compactMap({ $0.stallReason() }).first
      {
        throw ReplayError.stalled(patience, reason: reason)
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }
}

/// Why a replay does not come to its end. What has been applied is kept: the same replay goes on with it.
public enum ReplayError: Error, Sendable, CustomStringConvertible {
  /// Something fails again and again.
  case failing(any Error)
  /// Nothing has come for a while from a source that knows why.
  case stalled(Duration, reason: String)
  /// Another process writes to the same database.
  case partitionsTaken
  /// The savepoint to begin from is beyond where the replay is to end.
  case savepointBeyondEnd(String)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .failing(let cause):
      "it does not go on: \(cause). What has been applied is kept: run it again once that is fixed"
    case .stalled(let duration, let reason):
      "nothing has come for \(duration.components.seconds) s: \(reason). What has been applied is kept: run it again "
        + "once that is fixed, or read from the store"
    case .partitionsTaken:
      "it ended before its end: another process has taken its partitions; run it again"
    case .savepointBeyondEnd(let name):
      "the savepoint '\(name)' is beyond where the replay is to end"
    }
  }
}
