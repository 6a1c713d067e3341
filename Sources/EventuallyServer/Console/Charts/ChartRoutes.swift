import Eventually
import HTTPTypes

extension Console {
  /// Figures of the last hour.
  func addCharts(to api: inout API) {
    api.add(
      live("charts", once: { _ in JSONResponse { $0.raw(charts.all) } }) { request in
        ChartPoints(charts, last: try Self.lastEventID(of: request))
      })
  }
}
