import CoreMetrics
import Eventually
import ServiceContextModule

/// How many values lie between limits, and for each of these ranges the trace that the last value of it came from, where that is recorded.
final class HistogramMetric: RecorderHandler, TimerHandler {
  static let sizes: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]
  static let seconds: [Double] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60,
  ]

  /// A value, and where it came from.
  struct Exemplar {
    var span: W3CIdentity
    var value: Double
    var time: Timestamp
  }

  struct Snapshot {
    /// One for each limit, and one for what is beyond all.
    var counts: [UInt64]
    var sum = 0.0
    /// By the index in `counts`.
    var exemplars: [Int: Exemplar] = [:]
  }

  let limits: [Double]
  private let keepsExemplars: Bool
  private let state: Locked<Snapshot>

  init(limits: [Double], keepsExemplars: Bool = false) {
    self.limits = limits
    self.keepsExemplars = keepsExemplars
    state = Locked(Snapshot(counts: Array(repeating: 0, count: limits.count + 1)))
  }

  var snapshot: Snapshot { state.withLock { $0 } }

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    let bucket = limits.firstIndex { value <= $0 } ?? limits.count
    let exemplar = keepsExemplars ? Self.exemplar(value) : nil
    state.withLock {
      $0.counts[bucket] += 1
      $0.sum += value
      if let exemplar { $0.exemplars[bucket] = exemplar }
    }
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

  /// In the span of the task that records; there is none where nothing is traced.
  private static func exemplar(_ value: Double) -> Exemplar? {
    guard let span = ServiceContext.current?[W3CIdentity.Key.self], span.isSampled else {
      return nil
    }
    return Exemplar(span: span, value: value, time: .now())
  }
}
