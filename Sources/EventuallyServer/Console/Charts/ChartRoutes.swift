extension Console {
  /// Figures of the last hour.
  func addCharts(to api: inout API) {}
}
