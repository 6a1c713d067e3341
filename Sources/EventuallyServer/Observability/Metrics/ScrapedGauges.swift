import CoreMetrics
import Eventually

/// Looks at one source for what gauges are to be set to, one look at a time: who comes while one is under way gets what that finds.
private final class GaugeLook: Sendable {
  private let look: GaugeLooks.Source
  private let running = Locked<Task<GaugeLooks.Values, Never>?>(nil)

  init(_ look: @escaping GaugeLooks.Source) {
    self.look = look
  }

  /// What was found; nothing where that takes longer than `limit`. Then the look goes on, and none is begun beside it.
  func values(within limit: Duration) async -> GaugeLooks.Values {
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

/// Looks at several sources at the same time, of which any may hang.
struct GaugeLooks {
  typealias Values = [ScrapedGauges.Key: Double]
  typealias Source = @Sendable () async -> Values

  private let looks: [GaugeLook]

  init(_ sources: [Source]) { looks = sources.map { GaugeLook($0) } }

  /// What was found by those that took no longer than `limit`.
  func values(within limit: Duration) async -> Values {
    await withTaskGroup(of: Values.self) { group in
      for look in looks { group.addTask { await look.values(within: limit) } }
      return await group.reduce(into: [:]) { $0.merge($1) { $1 } }
    }
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
