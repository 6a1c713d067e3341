/// What a ``ReadModelProjector`` is doing.
public struct ReadModelProjectorStatus: Sendable, Hashable {
  /// Events that were applied since the start.
  public var applied: UInt64 = 0
  /// Transactions that were committed since the start.
  public var transactions: UInt64 = 0
  /// Events that were set aside since the start, because their streams are parked.
  public var parked: UInt64 = 0
  /// Failures that something was tried again after, since the start.
  public var retries: UInt64 = 0
  /// Why nothing can be applied at the moment.
  public var failure: String?
}

/// A worker: drives a read model from its share of a partitioned subscription.
///
/// Rows and checkpoint are one transaction, so an event has its effect exactly once, whenever the worker is
/// killed. Whatever fails is tried again, with growing pauses, from the same place; nothing is skipped. An event
/// that the read model's own code fails on again and again is parked, together with the later events of its
/// stream, and other streams go on.
public final class ReadModelProjector<S: PartitionedSubscription, Store: ReadModelStore>: Sendable
where S.Event == Store.Event {
  private let subscription: S
  private let store: Store
  private let retry: RetryPolicy
  private let parking: RetryPolicy
  private let heartbeat: Heartbeat
  private let state = Locked(ReadModelProjectorStatus())
  private let onFailure: @Sendable (any Error) -> Void

  /// A worker of the read model in `store`.
  /// - Parameters:
  ///   - retry: the pauses after failures of the database or the subscription, which are tried again for as
  ///     long as it takes.
  ///   - parking: how often, and after which pauses, an event that can't be projected is tried before its
  ///     stream is parked.
  ///   - onFailure: hears of each failure before it is tried again.
  public init(
    _ subscription: S, into store: Store,
    retry: RetryPolicy = RetryPolicy(firstPause: .milliseconds(100), longestPause: .seconds(5)),
    parking: RetryPolicy = RetryPolicy(
      attempts: 5, firstPause: .milliseconds(100), longestPause: .seconds(2)),
    heartbeats: Heartbeats = Heartbeats(),
    onFailure: @escaping @Sendable (any Error) -> Void = { _ in }
  ) {
    self.subscription = subscription
    self.store = store
    self.retry = retry
    self.parking = parking
    heartbeat = heartbeats.loop("readmodel.apply")
    self.onFailure = onFailure
  }

  /// What the worker is doing.
  public var status: ReadModelProjectorStatus { state.withLock { $0 } }

  /// Works until the task is cancelled, or the subscription ends.
  public func run() async {
    var failures = 0
    while !Task.isCancelled {
      do {
        for try await deliveries in try await subscription.resume() {
          guard let outcome = await apply(deliveries) else { return }
          try await committed(deliveries, outcome)
          failures = 0
        }
        return
      } catch {
        failures += 1
        await pause(after: error, failures: failures, retry)
      }
    }
  }

  /// Tries until it succeeds; `nil` where the task is cancelled first.
  private func apply(_ deliveries: [Delivery<S.Event>]) async -> ApplyOutcome? {
    defer { heartbeat.idle() }
    var decision = ParkingDecision(attempts: parking.attempts)
    var failures = 0
    while !Task.isCancelled {
      heartbeat.beat()
      do {
        return try await store.apply(deliveries, parking: decision.parked)
      } catch let error as ProjectionFailures {
        if case .retry(let pauses) = decision.failed(error.failures) {
          await pause(after: error, failures: pauses, parking)
        }
      } catch {
        failures += 1
        await pause(after: error, failures: failures, retry)
      }
    }
    return nil
  }

  private func committed(
    _ deliveries: [Delivery<S.Event>], _ outcome: ApplyOutcome
  ) async throws {
    let applied = deliveries.filter { delivery in
      !outcome.overtaken.contains { $0.partition == delivery.partition }
    }
    state.withLock {
      $0.applied += applied.reduce(0) { $0 + UInt64($1.entries.count) } - UInt64(outcome.parked)
      $0.parked += UInt64(outcome.parked)
      $0.transactions += 1
      $0.failure = nil
    }
    if !outcome.overtaken.isEmpty { await subscription.abandon(outcome.overtaken) }
    try await subscription.checkpoint(applied)
  }

  private func pause(after error: any Error, failures: Int, _ policy: RetryPolicy) async {
    guard !Task.isCancelled else { return }
    state.withLock {
      $0.retries += 1
      $0.failure = "\(error)"
    }
    onFailure(error)
    var generator = SystemRandomNumberGenerator()
    // A cancelled pause ends the caller's loop by its condition.
    try? await Task.sleep(for: policy.pause(afterFailures: failures, using: &generator))
  }
}
