import Eventually
import HTTPTypes
import Hummingbird

extension API {
  /// Adds `/metrics`. It asks for no token, as scrapers expect: metrics hold counts and times, and nothing of what events say or
  /// streams are called.
  /// - Parameter gauges: what is known at the moment, for gauges that are set when they are asked for.
  mutating func addMetrics(
    _ gauges: @escaping @Sendable () async -> [ScrapedGauges.Key: Double] = { [:] }
  ) {
    let scraped = ScrapedGauges()
    var operation = Operation.vital(
      "/metrics", "Metrics, in Prometheus' text format or as OpenMetrics",
      answers: [
        Response(200, "The metrics", contentType: "text/plain; version=0.0.4", .string()).example(
          "# TYPE eventually_appends_total counter\neventually_appends_total 42\n")
      ]
    ) { request in
      scraped.set(await gauges())
      let format = MetricsText.Format(accepted: request.headers[.accept])
      var text = MetricsText(format)
      text.add(Observability.metrics.current)
      ProcessMetrics.add(to: &text)
      var response = JSONResponse { $0.raw(text.text().utf8) }
      response.contentType = format.contentType
      return response
    }
    operation.description +=
      " OpenMetrics 1.0 where `Accept` wants `application/openmetrics-text`, with the ids of traces at durations."
    add(operation)
  }
}
