import CoreMetrics
import Eventually

/// Looks for what gauges are to be set to, one look at a time: who comes while one is under way gets what that finds.
final class GaugeLook: Sendable {
  typealias Values = [ScrapedGauges.Key: Double]

  private let look: @Sendable () async -> Values
  private let running = Locked<Task<Values, Never>?>(nil)

  init(_ look: @escaping @Sendable () async -> Values) {
    self.look = look
  }

  /// What was found; nothing where that takes longer than `limit`. Then the look goes on, and none is begun beside it.
  func values(within limit: Duration) async -> Values {
    let task = running.withLock { running in
      if let running { return running }
      let task = Task {
        defer { self.running.withLock { $0 = nil } }
        return await self.look()
      }
      running = task
      return task
    }
    return await task.value(within: limit) ?? [:]
  }
}

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
