extension Console {
  /// The pipeline as it is now.
  func addOverview(to api: inout API) {}
}
