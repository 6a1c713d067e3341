extension Console {
  /// Streams, their events and states.
  func addStreams(to api: inout API) {}
}
