extension Console {
  /// Rows of read models.
  func addRows(to api: inout API) {}
}
