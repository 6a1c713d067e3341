import CoreMetrics
import Eventually
import HTTPTypes

/// What a server counts of its requests.
struct RequestMetrics: Sendable {
  private let seconds = Timer(label: MetricName.requestSeconds)
  private let counters = Counters()

  private final class Counters: Sendable {
    let byStatus = Locked<[Int: Counter]>([:])
  }

  /// A request was answered.
  func answered(_ status: HTTPResponse.Status, in duration: Duration) {
    let counter = counters.byStatus.withLock { counters in
      if let counter = counters[status.code] { return counter }
      let counter = Counter(
        label: MetricName.requests, dimensions: [("status", "\(status.code)")])
      counters[status.code] = counter
      return counter
    }
    counter.increment()
    seconds.recordNanoseconds(duration.nanoseconds)
  }
}
