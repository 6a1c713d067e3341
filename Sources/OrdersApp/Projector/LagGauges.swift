import CoreMetrics
import Eventually
import EventuallyKafka

/// The gauges of the lag: there is one of a partition only while the worker has it and its lag is known.
final class LagGauges: Sendable {
  private struct Key: Hashable {
    var label: String
    var partition: Partition
  }

  private let gauges = Locked<[Key: Gauge]>([:])

  /// Sets the gauges, and removes those of which nothing is known.
  func refresh(_ status: SubscriptionStatus, readModel: String) {
    let values = Self.values(status, now: .now())
    gauges.withLock { gauges in
      for (key, gauge) in gauges where values[key] == nil {
        gauge.destroy()
        gauges[key] = nil
      }
      for (key, value) in values {
        let gauge =
          gauges[key]
          ?? Gauge(
            label: key.label,
            dimensions: [("read_model", readModel), ("partition", "\(key.partition)")])
        gauge.record(value)
        gauges[key] = gauge
      }
    }
  }

  private static func values(_ status: SubscriptionStatus, now: Timestamp) -> [Key: Double] {
    var values: [Key: Double] = [:]
    for (partition, state) in status.partitions {
      guard let lag = status.lag(of: partition) else { continue }
      values[Key(label: MetricName.lagEvents, partition: partition)] = Double(lag)
      let age =
        lag == 0
        ? 0 : state.appliedTime.map { Double(max(0, now.microseconds - $0.microseconds)) / 1e6 }
      if let age { values[Key(label: MetricName.lagSeconds, partition: partition)] = age }
    }
    return values
  }
}
