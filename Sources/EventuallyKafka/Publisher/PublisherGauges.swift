import CoreMetrics
import Eventually

/// The gauges of a publisher: there are none while it does not run. There is none of the backlog until the store has told up
/// to where it was published, nor while another process publishes.
final class PublisherGauges: Sendable {
  /// What they show.
  struct Values {
    /// How many events the bus has not acknowledged, where that is known and is this process's concern.
    var backlog: UInt64?
    /// Whether the topic can't be published to.
    var isBlocked: Bool
    /// Whether another process publishes.
    var isStandby: Bool
    /// The number of the term.
    var epoch: UInt64
  }

  private let gauges = Locked<[String: Gauge]>([:])

  /// Sets the gauges.
  /// - Parameter current: asked under the lock, so that what was true earlier is never set after what is true now.
  func refresh(_ current: () -> Values) {
    gauges.withLock { gauges in
      func set(_ label: String, _ value: UInt64?) {
        guard let value else {
          gauges.removeValue(forKey: label)?.destroy()
          return
        }
        let gauge = gauges[label] ?? Gauge(label: label)
        gauge.record(value)
        gauges[label] = gauge
      }
      let values = current()
      set(MetricName.publishBacklog, values.backlog)
      set(MetricName.publishBlocked, values.isBlocked ? 1 : 0)
      set(MetricName.publishStandby, values.isStandby ? 1 : 0)
      set(MetricName.publishEpoch, values.epoch)
    }
  }

  /// Removes the gauges.
  func end() {
    gauges.withLock { gauges in
      for gauge in gauges.values { gauge.destroy() }
      gauges = [:]
    }
  }
}
