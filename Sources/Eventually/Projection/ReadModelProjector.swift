/// Keeps a read model's rows and checkpoints, and applies deliveries to both in one transaction.
public protocol ReadModelStore<Event>: PartitionCheckpointStore {
  /// What is taken in.
  associatedtype Event: Sendable

  /// Applies deliveries and moves their checkpoints, all in one transaction.
  /// - Returns: the leases that have been overtaken, of whose deliveries nothing was applied.
  func apply(_ deliveries: [Delivery<Event>]) async throws -> [PartitionLease]
}

/// What a ``ReadModelProjector`` is doing.
public struct ReadModelProjectorStatus: Sendable, Hashable {
  /// Events that were applied since the start.
  public var applied: UInt64 = 0
  /// Transactions that were committed since the start.
  public var transactions: UInt64 = 0
  /// Failures that something was tried again after, since the start.
  public var retries: UInt64 = 0
  /// Why nothing can be applied at the moment.
  public var failure: String?
}

/// A worker: drives a read model from its share of a partitioned subscription.
///
/// Rows and checkpoint are one transaction, so an event has its effect exactly once, whenever the worker is
/// killed. Whatever fails is tried again, with growing pauses, from the same place; nothing is skipped.
public final class ReadModelProjector<S: PartitionedSubscription, Store: ReadModelStore>: Sendable
where S.Event == Store.Event {
  private let subscription: S
  private let store: Store
  private let retry: RetryPolicy
  private let state = Locked(ReadModelProjectorStatus())
  private let onFailure: @Sendable (any Error) -> Void

  /// A worker of the read model in `store`.
  /// - Parameter onFailure: hears of each failure before it is tried again.
  public init(
    _ subscription: S, into store: Store,
    retry: RetryPolicy = RetryPolicy(firstPause: .milliseconds(100), longestPause: .seconds(5)),
    onFailure: @escaping @Sendable (any Error) -> Void = { _ in }
  ) {
    self.subscription = subscription
    self.store = store
    self.retry = retry
    self.onFailure = onFailure
  }

  /// What the worker is doing.
  public var status: ReadModelProjectorStatus { state.withLock { $0 } }

  /// Works until the task is cancelled.
  public func run() async {
    var failures = 0
    while !Task.isCancelled {
      do {
        for try await deliveries in try await subscription.resume() {
          guard let overtaken = await apply(deliveries) else { return }
          try await committed(deliveries, overtaken: overtaken)
          failures = 0
        }
      } catch {
        failures += 1
        await pause(after: error, failures: failures)
      }
    }
  }

  /// Tries until it succeeds; `nil` where the task is cancelled first.
  private func apply(_ deliveries: [Delivery<S.Event>]) async -> [PartitionLease]? {
    var failures = 0
    while !Task.isCancelled {
      do {
        return try await store.apply(deliveries)
      } catch {
        failures += 1
        await pause(after: error, failures: failures)
      }
    }
    return nil
  }

  private func committed(
    _ deliveries: [Delivery<S.Event>], overtaken: [PartitionLease]
  ) async throws {
    let applied = deliveries.filter { delivery in
      !overtaken.contains { $0.partition == delivery.partition }
    }
    state.withLock {
      $0.applied += applied.reduce(0) { $0 + UInt64($1.entries.count) }
      $0.transactions += 1
      $0.failure = nil
    }
    if !overtaken.isEmpty { await subscription.abandon(overtaken) }
    try await subscription.checkpoint(applied)
  }

  private func pause(after error: any Error, failures: Int) async {
    guard !Task.isCancelled else { return }
    state.withLock {
      $0.retries += 1
      $0.failure = "\(error)"
    }
    onFailure(error)
    var generator = SystemRandomNumberGenerator()
    // A cancelled pause ends the caller's loop by its condition.
    try? await Task.sleep(for: retry.pause(afterFailures: failures, using: &generator))
  }
}
