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

  private let scheme: String
  private let timers = Timers()

  private final class Timers: Sendable {
    let byKey = Locked<[Key: Timer]>([:])
  }

  /// - Parameter scheme: what requests come by: `http` or `https`.
  init(scheme: String) {
    self.scheme = scheme
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
      var dimensions = [
        ("http_request_method", key.method), ("http_response_status_code", "\(status.code)"),
        ("url_scheme", scheme),
      ]
      if let route { dimensions.append(("http_route", route)) }
      if status.code >= 500 { dimensions.append(("error_type", "\(status.code)")) }
      let timer = Timer(label: MetricName.requestSeconds, dimensions: dimensions)
      timers[key] = timer
      return timer
    }
    timer.recordNanoseconds(duration.nanoseconds)
  }
}
