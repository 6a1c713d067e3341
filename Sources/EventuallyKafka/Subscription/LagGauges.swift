import CoreMetrics
import Eventually

/// The gauges of a worker's lag. There is one of a partition only while the worker has the partition and its lag is known.
final class LagGauges: Sendable {
  struct Key: Hashable {
    var label: String
    var partition: Partition
  }

  private struct State {
    var gauges: [Key: Gauge] = [:]
    var isEnded = false
  }

  private let readModel: String
  private let status: @Sendable () -> SubscriptionStatus?
  private let state = Locked(State())

  /// - Parameters:
  ///   - readModel: the value of the dimension `read_model`.
  ///   - status: what the subscription does at the moment; `nil` where there is none any more.
  init(readModel: String, status: @escaping @Sendable () -> SubscriptionStatus?) {
    self.readModel = readModel
    self.status = status
  }

  /// Sets the gauges, and removes those of which nothing is known.
  func refresh() {
    state.withLock { state in
      guard !state.isEnded else { return }
      // Asked under the lock, so that what was known earlier is never set after what is known now.
      let values = status().map { Self.values($0, now: .now()) } ?? [:]
      for (key, gauge) in state.gauges where values[key] == nil {
        gauge.destroy()
        state.gauges[key] = nil
      }
      for (key, value) in values {
        let gauge =
          state.gauges[key]
          ?? Gauge(
            label: key.label,
            dimensions: [("read_model", readModel), ("partition", "\(key.partition)")])
        gauge.record(value)
        state.gauges[key] = gauge
      }
    }
  }

  /// Removes all gauges for good.
  func end() {
    state.withLock { state in
      state.isEnded = true
      for gauge in state.gauges.values { gauge.destroy() }
      state.gauges.removeAll()
    }
  }

  /// What is known of the lag.
  static func values(
    _ status: SubscriptionStatus, at instant: ContinuousClock.Instant = .now, now: Timestamp
  ) -> [Key: Double] {
    var values: [Key: Double] = [:]
    for (partition, state) in status.partitions where state.phase != .fenced {
      guard let lag = status.lag(of: partition, at: instant) else { continue }
      values[Key(label: MetricName.lagEvents, partition: partition)] = Double(lag)
      let age =
        lag == 0
        ? 0
        : state.appliedTime.map {
          max(0, Double(now.microseconds) - Double($0.microseconds)) / 1e6
        }
      if let age { values[Key(label: MetricName.lagSeconds, partition: partition)] = age }
    }
    return values
  }
}

/// Refreshes the gauges of the lag again and again: a lag grows, and what is known of it gets old, also while nothing is
/// consumed. When it is gone, so are the gauges.
final class LagReporter: Sendable {
  private let gauges: LagGauges
  private let task: Task<Void, Never>

  init(_ gauges: LagGauges, interval: Duration = .seconds(1)) {
    self.gauges = gauges
    task = Task {
      while !Task.isCancelled {
        gauges.refresh()
        // A cancelled pause ends the loop by its condition.
        try? await Task.sleep(for: interval)
      }
    }
  }

  /// Refreshes them now.
  func refresh() { gauges.refresh() }

  deinit {
    task.cancel()
    gauges.end()
  }
}
