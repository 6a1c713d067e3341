import ArgumentParser

/// All settings, and what sets them besides flags.
struct SettingSources: Sendable {
  var settings: Settings
  /// The strongest first.
  var sources: [any SettingSource]
  private let variables: EnvironmentSource
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
    variables = EnvironmentSource(environment)
    sources = [variables]
    if let file { sources.append(try await FileSource(path: file, settings)) }
  }

  /// Variables that look like settings, and are none.
  func unknownVariables() throws -> [String] { try variables.unknown(settings) }

  /// Whether there is anything to read, which takes a moment.
  static func areThere(file: String?, environment: [String: String]) -> Bool {
    file != nil || environment.keys.contains(where: EnvironmentSource.mayBeSetting)
  }

  /// A command line, completed.
  func completed(_ words: [String]) throws -> ConfiguredCommandLine {
    try ConfiguredCommandLine(words, root: root, settings: settings, sources: sources)
  }
}
