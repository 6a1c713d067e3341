import CoreMetrics
import Eventually
import Hummingbird

extension PrometheusMetrics {
  /// The metrics of this process: what libraries count goes here from the first use on.
  static let shared: PrometheusMetrics = {
    let metrics = PrometheusMetrics()
    MetricsSystem.bootstrap(metrics)
    return metrics
  }()
}

extension API {
  /// Adds `/metrics`. It asks for no token, as scrapers expect: metrics hold counts and times, and nothing of what events say or
  /// streams are called.
  mutating func addMetrics(_ metrics: PrometheusMetrics) {
    add(
      Operation(
        method: .get, path: "/metrics", summary: "Metrics, in Prometheus' text format",
        isVital: true,
        answers: [Answer(200, "The metrics", contentType: "text/plain; version=0.0.4")]
      ) { _, _ in
        var reply = Reply { $0.raw(metrics.text().utf8) }
        reply.contentType = "text/plain; version=0.0.4; charset=utf-8"
        return reply
      })
  }
}
