import ArgumentParser

/// All settings, and what sets them besides flags.
struct SettingSources: Sendable {
  var settings: Settings
  /// The strongest first.
  var sources: [any SettingSource]
  /// The executable's command.
  var root: any ParsableCommand.Type

  /// Reads what a process was started with.
  /// - Parameter file: the configuration file, where there is one.
  /// - Throws: ``SettingError`` where the file can't be read or has a key that is no setting.
  init(
    of root: any ParsableCommand.Type, file: String?, environment: [String: String]
  ) async throws {
    self.root = root
    settings = try Settings()
    let source = EnvironmentSource(environment)
    sources = [source]
    if let file { sources.append(try await FileSource(path: file, settings)) }
    for name in try source.unknown(settings) {
      remark("Warning: the environment has \(name), which is no setting")
    }
  }

  /// Whether there is anything to read, which takes a moment.
  static func areThere(file: String?, environment: [String: String]) -> Bool {
    file != nil || environment.keys.contains(where: EnvironmentSource.mayBeSetting)
  }

  /// A command line, completed.
  func completed(_ words: [String]) throws -> ConfiguredCommandLine {
    try ConfiguredCommandLine(words, root: root, settings: settings, sources: sources)
  }
}
