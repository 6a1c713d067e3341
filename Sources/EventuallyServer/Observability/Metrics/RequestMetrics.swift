import CoreMetrics
import Eventually
import HTTPTypes

/// How long a server takes for its requests, with the names of OpenTelemetry's semantic conventions for HTTP servers.
struct RequestMetrics: Sendable {
  private struct Key: Hashable {
    var method: String
    var route: String?
    var status: Int
  }

  private let timers = Timers()

  private final class Timers: Sendable {
    let byKey = Locked<[Key: Timer]>([:])
  }

  /// A request was answered.
  /// - Parameters:
  ///   - route: the path that the request matches, with its parameters in braces.
  func answered(
    _ method: HTTPRequest.Method, _ route: String?, _ status: HTTPResponse.Status,
    in duration: Duration
  ) {
    let key = Key(method: RequestSpan.name(of: method), route: route, status: status.code)
    let timer = timers.byKey.withLock { timers in
      if let timer = timers[key] { return timer }
      let timer = Timer(
        label: MetricName.requestSeconds,
        dimensions: [
          ("http_request_method", key.method), ("http_route", route ?? ""),
          ("http_response_status_code", "\(status.code)"),
        ])
      timers[key] = timer
      return timer
    }
    timer.recordNanoseconds(duration.nanoseconds)
  }
}
