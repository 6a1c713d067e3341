extension Console {
  /// Parked events and rejected records.
  func addParked(to api: inout API) {}
}
