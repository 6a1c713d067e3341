import CoreMetrics
import Eventually

/// Keeps metrics, which ``MetricsText`` writes.
final class PrometheusMetrics: MetricsFactory {
  struct Name: Hashable {
    var label: String
    /// `partition="3"`
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
    Name(
      label: identifier(label),
      dimensions: dimensions.map { "\(identifier($0.0))=\"\(escape($0.1))\"" })
  }

  /// What libraries call otherwise, `http.requests` say, has underscores for what can't be in a name.
  private static func identifier(_ name: String) -> String {
    func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    let bytes = name.utf8.map { byte in
      isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) ? byte : 0x5F
    }
    return (bytes.first.map(isDigit) ?? true ? "_" : "") + String(decoding: bytes, as: UTF8.self)
  }

  private static func escape(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
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
      let histogram =
        state.histograms[name]
        ?? HistogramMetric(limits: HistogramMetric.seconds, keepsExemplars: true)
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
