import ServiceContextModule
public import ServiceLifecycle

/// What a ``ReadModelProjector`` is doing.
public struct ReadModelProjectorStatus: Sendable, Hashable {
  /// Events that were applied since the start.
  public var applied: UInt64 = 0
  /// Transactions that were committed since the start.
  public var transactions: UInt64 = 0
  /// Events that were parked since the start.
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
public final class ReadModelProjector<S: PartitionedSubscription, Store: ReadModelStore>: Service
where S.Event == Store.Event {
  private let subscription: S
  private let store: Store
  private let retry: RetryPolicy
  private let parking: RetryPolicy
  private let absence: Duration?
  private let heartbeat: Heartbeat
  private let name: String
  private let metrics: ProjectorMetrics
  private let state = Locked(ReadModelProjectorStatus())
  private let figures = Locked(ProjectorFigures())
  private let onFailure: @Sendable (any Error) -> Void
  private let onParking: @Sendable (ProjectionFailure) -> Void

  /// A worker of the read model in `store`.
  /// - Parameters:
  ///   - subscription: where events come from.
  ///   - store: keeps the read model's rows and checkpoints.
  ///   - retry: the pauses after failures of the database or the subscription, which are tried again for as
  ///     long as it takes.
  ///   - parking: how often, and after which pauses, an event that can't be projected is tried before its
  ///     stream is parked.
  ///   - absence: for how long the database may fail until the subscription is stopped, so that other workers get the partitions; it is
  ///     begun again once the database answers. `nil` for ever: where others would have no more luck. What the subscription fails with
  ///     counts where a ``ReadModelWorker`` has made it; of others it is not known whether the database failed or the bus.
  ///   - heartbeats: told that the loops are alive.
  ///   - name: the read model's name, in traces and metrics.
  ///   - onFailure: called with each failure before it is tried again.
  ///   - onParking: called with each event whose stream is parked from there on.
  public init(
    _ subscription: S, into store: Store,
    retry: RetryPolicy = RetryPolicy(firstPause: .milliseconds(100), longestPause: .seconds(5)),
    parking: RetryPolicy = RetryPolicy(
      attempts: 5, firstPause: .milliseconds(100), longestPause: .seconds(2)),
    absence: Duration? = nil, heartbeats: Heartbeats = Heartbeats(), name: String = "",
    onFailure: @escaping @Sendable (any Error) -> Void = { _ in },
    onParking: @escaping @Sendable (ProjectionFailure) -> Void = { _ in }
  ) {
    self.subscription = subscription
    self.store = store
    self.retry = retry
    self.parking = parking
    self.absence = absence
    self.name = name
    metrics = ProjectorMetrics(readModel: name, subscription.endpoint)
    heartbeat = heartbeats.loop("readmodel.apply")
    self.onFailure = onFailure
    self.onParking = onParking
  }

  /// What the worker is doing.
  public var status: ReadModelProjectorStatus { state.withLock { $0 } }

  /// What a report tells of the batches; those that were applied are told once.
  package func takeFigures() -> ProjectorFigures {
    figures.withLock { figures in
      defer { _ = figures.applied.take() }
      return figures
    }
  }

  /// Works until the task is cancelled, its service group shuts down gracefully, or the subscription ends.
  public func run() async {
    await cancelWhenGracefulShutdown { await self.work() }
  }

  private func work() async {
    var failures = 0
    var absence = DatabaseAbsence(limit: absence)
    var hasLeft = false
    while !Task.isCancelled {
      do {
        if hasLeft {
          // Whoever joins the group is given partitions, which it must be able to take.
          _ = try await store.claim([], owner: name)
          hasLeft = false
          state.withLock { $0.failure = nil }
        }
        for try await deliveries in try await subscription.resume() {
          // They were read under leases, which the database has given since it failed.
          absence.answered()
          let spans =
            TraceContext.isActive ? BatchSpans(deliveries, name, subscription.endpoint) : nil
          let start = ContinuousClock.now
          let applied: ApplyOutcome?
          do {
            applied = try await apply(deliveries, &absence)
          } catch {
            spans?.fail(error.cause)
            throw error
          }
          guard let outcome = applied else {
            spans?.fail(CancellationError())
            return
          }
          spans?.end(outcome)
          let duration = ContinuousClock.now - start
          figures.withLock { $0.add(deliveries, outcome, in: duration, at: .now()) }
          if let context = spans?.context {
            // For the backend's exemplars.
            ServiceContext.withValue(context) { metrics.applied(deliveries, outcome, in: duration) }
          } else {
            metrics.applied(deliveries, outcome, in: duration)
          }
          try await committed(deliveries, outcome)
          failures = 0
        }
        return
      } catch let left as DatabaseAbsence.Left {
        (hasLeft, failures) = (true, 1)
        await leave(left)
      } catch let failure as WatchedCheckpoints.Failure {
        failures += 1
        if failure.hasAnswered { absence.answered() }
        if let limit = absence.limit, absence.failed(at: .now) {
          hasLeft = true
          await leave(.init(limit: limit, cause: failure.cause))
        } else {
          await pause(after: failure.cause, failures: failures, retry)
        }
      } catch {
        // The bus has failed, or the database of a worker that has left already.
        failures += 1
        await pause(after: error, failures: failures, retry)
      }
    }
  }

  /// Nothing was applied of what was delivered last: whoever gets its partition goes on behind the checkpoint.
  private func leave(_ left: DatabaseAbsence.Left) async {
    await subscription.stop()
    await pause(after: left, failures: 1, retry)
  }

  /// Tries until it succeeds; `nil` where the task is cancelled first.
  private func apply(
    _ deliveries: [Delivery<S.Event>], _ absence: inout DatabaseAbsence
  ) async throws(DatabaseAbsence.Left) -> ApplyOutcome? {
    defer { heartbeat.idle() }
    var decision = ParkingDecision(attempts: parking.attempts)
    var failures = 0
    while !Task.isCancelled {
      heartbeat.beat()
      do {
        let outcome = try await store.apply(deliveries, parking: decision.parked)
        absence.answered()
        for failure in decision.parked {
          TraceContext.within(metadata(at: failure.position, in: deliveries)) { onParking(failure) }
        }
        return outcome
      } catch let error as ProjectionFailures {
        absence.answered()
        if case .retry(let pauses) = decision.failed(error.failures) {
          let metadata =
            error.failures.first.map { self.metadata(at: $0.position, in: deliveries) }
            ?? EventMetadata()
          await pause(after: error, failures: pauses, parking, within: metadata)
        }
      } catch {
        if let limit = absence.limit, absence.failed(at: .now) {
          throw DatabaseAbsence.Left(limit: limit, cause: error)
        }
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
      !outcome.fenced.contains { $0.partition == delivery.partition }
    }
    state.withLock {
      $0.applied += applied.reduce(0) { $0 + UInt64($1.entries.count) } - UInt64(outcome.parked)
      $0.parked += UInt64(outcome.parked)
      $0.transactions += 1
      $0.failure = nil
    }
    if !outcome.fenced.isEmpty { await subscription.release(outcome.fenced) }
    try await subscription.acknowledge(applied)
  }

  /// That of an event, for logs.
  private func metadata(
    at position: EventPosition, in deliveries: [Delivery<S.Event>]
  ) -> EventMetadata {
    for delivery in deliveries where delivery.partition == position.partition {
      for entry in delivery.entries where entry.position == position {
        switch entry {
        case .event(let event): return event.metadata
        case .unreadable(let event): return event.metadata
        case .removed, .erased, .other: break
        }
      }
    }
    return EventMetadata()
  }

  /// - Parameter metadata: that of the event that failed.
  private func pause(
    after error: any Error, failures: Int, _ policy: RetryPolicy,
    within metadata: EventMetadata = EventMetadata()
  ) async {
    guard !Task.isCancelled else { return }
    state.withLock {
      $0.retries += 1
      $0.failure = "\(error)"
    }
    metrics.retried()
    TraceContext.within(metadata) { onFailure(error) }
    var generator = SystemRandomNumberGenerator()
    // A cancelled pause ends the caller's loop by its condition.
    try? await Task.sleep(for: policy.pause(afterFailures: failures, using: &generator))
  }
}
