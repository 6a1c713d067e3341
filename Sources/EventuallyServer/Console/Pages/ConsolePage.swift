extension Console {
  /// Pages of the application, and the queries that they ask.
  func addPages(to api: inout API) {}
}
