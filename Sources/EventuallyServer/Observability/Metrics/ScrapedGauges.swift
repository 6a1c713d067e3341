import CoreMetrics
import Eventually

/// Gauges that are set when metrics are asked for. One whose value is not known any more is removed.
final class ScrapedGauges: Sendable {
  struct Key: Hashable {
    var label: String
    var store: String?
    var readModel: String?
    var partition: Partition?

    fileprivate var dimensions: [(String, String)] {
      var dimensions: [(String, String)] = []
      if let store { dimensions.append(("store", store)) }
      if let readModel { dimensions.append(("read_model", readModel)) }
      if let partition { dimensions.append(("partition", "\(partition)")) }
      return dimensions
    }
  }

  private let gauges = Locked<[Key: Gauge]>([:])

  func set(_ values: [Key: Double]) {
    gauges.withLock { gauges in
      // Made anew each time: another part of the process may have the same gauge, and have removed it.
      var next: [Key: Gauge] = [:]
      for (key, value) in values {
        let gauge = Gauge(label: key.label, dimensions: key.dimensions)
        gauge.record(value)
        next[key] = gauge
      }
      for (key, gauge) in gauges where next[key] == nil { gauge.destroy() }
      gauges = next
    }
  }
}
