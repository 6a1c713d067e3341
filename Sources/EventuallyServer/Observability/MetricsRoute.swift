import Eventually
import Hummingbird

extension API {
  /// Adds `/metrics`. It asks for no token, as scrapers expect: metrics hold counts and times, and nothing of what events say or
  /// streams are called.
  /// - Parameter gauges: what is known at the moment, for gauges that are set when they are asked for.
  mutating func addMetrics(
    _ gauges: @escaping @Sendable () async -> [ScrapedGauges.Key: Double] = { [:] }
  ) {
    let scraped = ScrapedGauges()
    add(
      .vital(
        "/metrics", "Metrics, in Prometheus' text format",
        answers: [
          Response(200, "The metrics", contentType: "text/plain; version=0.0.4", .string()).example(
            "# TYPE eventually_appends_total counter\neventually_appends_total 42\n")
        ]
      ) { _ in
        scraped.set(await gauges())
        var response = JSONResponse { $0.raw(Observability.metrics.text().utf8) }
        response.contentType = "text/plain; version=0.0.4; charset=utf-8"
        return response
      })
  }
}
