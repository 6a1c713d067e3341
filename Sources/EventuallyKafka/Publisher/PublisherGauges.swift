import CoreMetrics
import Eventually

/// The gauges of a publisher: there are none while it does not run, and none of the backlog until the store has told up to
/// where it was published.
final class PublisherGauges: Sendable {
  private struct State {
    var backlog: Gauge?
    var blocked: Gauge?
  }

  private let state = Locked(State())

  /// Sets the gauges.
  /// - Parameter current: how many events the bus has not acknowledged, where that is known, and whether the topic can't be
  ///   published to. Asked under the lock, so that what was true earlier is never set after what is true now.
  func refresh(_ current: () -> (backlog: UInt64?, isBlocked: Bool)) {
    state.withLock { state in
      let (backlog, isBlocked) = current()
      if let backlog {
        let gauge = state.backlog ?? Gauge(label: MetricName.publishBacklog)
        gauge.record(backlog)
        state.backlog = gauge
      }
      let gauge = state.blocked ?? Gauge(label: MetricName.publishBlocked)
      gauge.record(isBlocked ? 1 : 0)
      state.blocked = gauge
    }
  }

  /// Removes the gauges.
  func end() {
    state.withLock { state in
      state.backlog?.destroy()
      state.blocked?.destroy()
      state = State()
    }
  }
}
