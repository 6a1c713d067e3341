import Eventually

/// Takes a point of the charts every five seconds, for as long as the server serves.
final class Charts: Sendable {
  private struct State {
    var ring: ChartRing
    var append: Buckets?
    var publish: Buckets?
  }

  private let state: Locked<State>
  private let signal = PositionSignal(at: 0)

  init() {
    state = Locked(State(ring: ChartRing(boot: UInt32.random(in: 0 ... .max))))
  }

  /// - Parameter frame: looks at the pipeline.
  func run(_ frame: @Sendable () async -> OverviewFrame) async {
    var next = ContinuousClock.now
    while !Task.isCancelled {
      add(await frame())
      next = max(next + .seconds(ChartRing.step), .now)
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(until: next)
    }
  }

  func add(_ frame: OverviewFrame) {
    let metrics = Observability.metrics
    let (append, publish) = (
      metrics.buckets(of: MetricName.appendSeconds), metrics.buckets(of: MetricName.sendSeconds)
    )
    let tick = state.withLock { state in
      var values = Self.values(of: frame)
      for (name, now, before) in [
        ("append", append, state.append), ("publish", publish, state.publish),
      ] {
        let latest = now?.since(before)
        for (quantile, share) in [("p50", 0.5), ("p99", 0.99)] {
          values["\(name).\(quantile)"] = latest?.quantile(share).map { $0 * 1000 }
        }
      }
      (state.append, state.publish) = (append, publish)
      state.ring.add(values, at: frame.look.time)
      return state.ring.tick
    }
    signal.advance(to: tick)
  }

  private static func values(of frame: OverviewFrame) -> [String: Double] {
    var values: [String: Double] = [:]
    values["append"] = frame.rates.rate("append")
    values["publish"] = frame.rates.rate("publish")
    for model in frame.look.readModels.prefix(64) {
      values["\(model.name).apply"] = frame.rates.rate("\(model.name).apply")
      values["\(model.name).lag"] = model.lag(frame.look.store).map { Double($0) }
      values["\(model.name).p50"] = model.endToEnd(\.endToEndP50).map { $0 * 1000 }
      values["\(model.name).p99"] = model.endToEnd(\.endToEndP99).map { $0 * 1000 }
    }
    return values
  }

  /// Everything that is kept.
  var all: [UInt8] { state.withLock { $0.ring.json(after: nil) } ?? [] }

  /// The tick of an id, and the ring's own.
  func tick(of id: String?) -> UInt64? {
    state.withLock { state in id.flatMap { state.ring.tick(of: $0) } }
  }

  fileprivate func points(after tick: UInt64?) -> (json: [UInt8]?, id: String, tick: UInt64) {
    state.withLock { ($0.ring.json(after: tick), $0.ring.id, $0.ring.tick) }
  }

  fileprivate func wait(past tick: UInt64) async { await signal.wait(past: tick) }
}

/// The points for one viewer: those that it does not have, and then each as it comes. One that takes none for a while gets them together.
struct ChartPoints: LiveSource {
  private let charts: Charts
  /// The last point that the viewer has; `nil` for none.
  private var tick: UInt64?

  init(_ charts: Charts, last: String?) {
    self.charts = charts
    tick = charts.tick(of: last)
  }

  mutating func write(_ events: inout EventWriter) async throws -> LiveProgress {
    let (json, id, newest) = charts.points(after: tick)
    tick = newest
    guard let json else { return .nothing }
    events.event("points", id: id, data: json)
    return .something
  }

  func waitForMore() async {
    await charts.wait(past: tick ?? 0)
  }
}
