extension Console {
  /// An event's way.
  func addEvents(to api: inout API) {}
}
