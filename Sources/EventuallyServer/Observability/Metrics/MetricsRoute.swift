import Eventually
import HTTPTypes
import Hummingbird

extension API {
  /// Adds `/metrics`. It asks for no token, as scrapers expect: metrics hold counts and times, and nothing of what events say or
  /// streams are called.
  /// - Parameters:
  ///   - gauges: what is known at the moment, for gauges that are set when they are asked for: one of each database, or whatever else
  ///     may hang.
  ///   - limit: how long is waited for gauges. A database that hangs holds up its own gauges alone.
  mutating func addMetrics(
    _ gauges: [GaugeLooks.Source] = [], waitingAtMost limit: Duration = .seconds(1)
  ) {
    let scraped = ScrapedGauges()
    let looks = GaugeLooks(gauges)
    var operation = Operation.vital(
      "/metrics", "Metrics, in Prometheus' text format or as OpenMetrics",
      answers: [
        Response(200, "The metrics", contentType: "text/plain; version=0.0.4", .string()).example(
          "# TYPE eventually_appends_total counter\neventually_appends_total 42\n")
      ]
    ) { request in
      scraped.set(await looks.values(within: limit))
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
