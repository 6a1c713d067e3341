extension Console {
  /// Read models: generations, savepoints and replays.
  func addReadModels(to api: inout API) {}
}
