import CoreMetrics
import Eventually

/// Keeps metrics, and tells them in Prometheus' text format.
final class PrometheusMetrics: MetricsFactory {
  struct Name: Hashable {
    var label: String
    var dimensions: [String]
  }

  struct State {
    var counters: [Name: CountingMetric] = [:]
    var gauges: [Name: GaugeMetric] = [:]
    var histograms: [Name: HistogramMetric] = [:]
  }

  private let state = Locked(State())

  /// The metrics as they are.
  var current: State { state.withLock { $0 } }

  private static func name(_ label: String, _ dimensions: [(String, String)]) -> Name {
    Name(label: label, dimensions: dimensions.map { "\($0.0)=\"\(escape($0.1))\"" })
  }

  private static func escape(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }

  private static func escapeHelp(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
  }

  // MARK: - Making them

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    let name = Self.name(label, dimensions)
    return state.withLock { state in
      let counter = state.counters[name] ?? CountingMetric()
      state.counters[name] = counter
      return counter
    }
  }

  func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    let name = Self.name(label, dimensions)
    return state.withLock { state -> any RecorderHandler in
      guard aggregate else {
        let gauge = state.gauges[name] ?? GaugeMetric()
        state.gauges[name] = gauge
        return gauge
      }
      let histogram = state.histograms[name] ?? HistogramMetric(limits: HistogramMetric.sizes)
      state.histograms[name] = histogram
      return histogram
    }
  }

  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    let name = Self.name(label, dimensions)
    return state.withLock { state in
      let histogram = state.histograms[name] ?? HistogramMetric(limits: HistogramMetric.seconds)
      state.histograms[name] = histogram
      return histogram
    }
  }

  // What was counted stays, also when whoever counted is gone.
  func destroyCounter(_ handler: any CounterHandler) {}
  /// A gauge that is destroyed says nothing any more; what a histogram has counted stays.
  func destroyRecorder(_ handler: any RecorderHandler) {
    guard let gauge = handler as? GaugeMetric else { return }
    state.withLock { state in
      if let name = state.gauges.first(where: { $0.value === gauge })?.key {
        state.gauges[name] = nil
      }
    }
  }
  func destroyTimer(_ handler: any TimerHandler) {}

  // MARK: - Telling them

  /// All metrics, in the order of their names.
  func text() -> String {
    let (counters, gauges, histograms) = state.withLock {
      ($0.counters, $0.gauges, $0.histograms)
    }
    var families: [String: (type: String, lines: [String])] = [:]
    func add(_ name: Name, _ type: String, _ lines: [String]) {
      families[name.label, default: (type, [])].lines += lines
    }
    for (name, counter) in counters {
      add(name, "counter", [Self.line(name.label, name.dimensions, "\(counter.value)")])
    }
    for (name, gauge) in gauges {
      add(name, "gauge", [Self.line(name.label, name.dimensions, Self.number(gauge.value))])
    }
    for (name, histogram) in histograms { add(name, "histogram", Self.lines(name, histogram)) }
    var text = ""
    for (label, family) in families.sorted(by: { $0.key < $1.key }) {
      if let help = MetricName.help[label] { text += "# HELP \(label) \(Self.escapeHelp(help))\n" }
      text += "# TYPE \(label) \(family.type)\n"
      let lines = family.type == "histogram" ? family.lines : family.lines.sorted()
      for line in lines { text += line + "\n" }
    }
    return text
  }

  private static func lines(_ name: Name, _ histogram: HistogramMetric) -> [String] {
    let snapshot = histogram.snapshot
    var lines: [String] = []
    var sum: UInt64 = 0
    for (limit, count) in zip(histogram.limits.map(number) + ["+Inf"], snapshot.counts) {
      sum += count
      lines.append(line("\(name.label)_bucket", name.dimensions + ["le=\"\(limit)\""], "\(sum)"))
    }
    lines.append(line("\(name.label)_sum", name.dimensions, number(snapshot.sum)))
    lines.append(line("\(name.label)_count", name.dimensions, "\(sum)"))
    return lines
  }

  private static func line(_ label: String, _ dimensions: [String], _ value: String) -> String {
    dimensions.isEmpty
      ? "\(label) \(value)" : "\(label){\(dimensions.joined(separator: ","))} \(value)"
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }
}

/// A number that only grows.
final class CountingMetric: CounterHandler {
  private let count = Locked<Int64>(0)

  var value: Int64 { count.withLock { $0 } }

  func increment(by amount: Int64) {
    count.withLock { $0 &+= amount }
  }

  func reset() {
    count.withLock { $0 = 0 }
  }
}

/// A number that goes up and down.
final class GaugeMetric: RecorderHandler {
  private let current = Locked<Double>(0)

  var value: Double { current.withLock { $0 } }

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    current.withLock { $0 = value }
  }
}

/// How many values lie between limits.
final class HistogramMetric: RecorderHandler, TimerHandler {
  static let sizes: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]
  static let seconds: [Double] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60,
  ]

  struct Snapshot {
    /// One for each limit, and one for what is beyond all.
    var counts: [UInt64]
    var sum = 0.0
  }

  let limits: [Double]
  private let state: Locked<Snapshot>

  init(limits: [Double]) {
    self.limits = limits
    state = Locked(Snapshot(counts: Array(repeating: 0, count: limits.count + 1)))
  }

  var snapshot: Snapshot { state.withLock { $0 } }

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    let bucket = limits.firstIndex { value <= $0 } ?? limits.count
    state.withLock {
      $0.counts[bucket] += 1
      $0.sum += value
    }
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}
