import CoreMetrics
import Eventually

/// What a pool tells of its connections, by the names of OpenTelemetry's semantic conventions for database clients. Several parts of a
/// process may have pools of one name: the gauges have the sum of them.
final class PoolMetrics: Sendable {
  /// How a pool's connections are.
  struct Figures: Equatable {
    var used = 0
    var idle = 0
    /// Callers that wait for one.
    var waiting = 0
  }

  private let name: String
  private let size: Int
  private let current = Locked(Figures())
  private let wait: Timer
  private let timeouts: Counter

  init(_ name: String, size: Int) {
    self.name = name
    self.size = size
    let dimensions = [("db_client_connection_pool_name", name)]
    wait = Timer(label: MetricName.poolSeconds, dimensions: dimensions)
    timeouts = Counter(label: MetricName.poolTimeouts, dimensions: dimensions)
    Sums.change(name, pools: 1, size: size, from: Figures(), to: Figures())
  }

  deinit {
    Sums.change(
      name, pools: -1, size: -size, from: current.withLock { $0 }, to: Figures())
  }

  /// Tells how the connections are now.
  func set(_ figures: Figures) {
    current.withLock { current in
      if figures == current { return }
      Sums.change(name, from: current, to: figures)
      current = figures
    }
  }

  /// A caller has its connection.
  func waited(_ duration: Duration) { wait.recordNanoseconds(duration.nanoseconds) }

  /// A caller's time was over.
  func timedOut() { timeouts.increment() }
}

/// The pools of this process, by their names.
private enum Sums {
  private struct Pools {
    var count = 0
    var size = 0
    var figures = PoolMetrics.Figures()
    let gauges: [Gauge]

    init(_ name: String) {
      let pool = ("db_client_connection_pool_name", name)
      gauges = [
        Gauge(
          label: MetricName.poolConnections,
          dimensions: [pool, ("db_client_connection_state", "used")]),
        Gauge(
          label: MetricName.poolConnections,
          dimensions: [pool, ("db_client_connection_state", "idle")]),
        Gauge(label: MetricName.poolRequests, dimensions: [pool]),
        Gauge(label: MetricName.poolSize, dimensions: [pool]),
      ]
    }
  }

  private static let pools = Locked<[String: Pools]>([:])

  /// - Parameters:
  ///   - count: how many pools of the name there are more.
  ///   - size: how many connections more they may have.
  static func change(
    _ name: String, pools count: Int = 0, size: Int = 0, from before: PoolMetrics.Figures,
    to now: PoolMetrics.Figures
  ) {
    pools.withLock { pools in
      var sum = pools[name] ?? Pools(name)
      sum.count += count
      sum.size += size
      sum.figures.used += now.used - before.used
      sum.figures.idle += now.idle - before.idle
      sum.figures.waiting += now.waiting - before.waiting
      guard sum.count > 0 else {
        pools[name] = nil
        for gauge in sum.gauges { gauge.destroy() }
        return
      }
      pools[name] = sum
      let values = [sum.figures.used, sum.figures.idle, sum.figures.waiting, sum.size]
      for (gauge, value) in zip(sum.gauges, values) { gauge.record(value) }
    }
  }
}
