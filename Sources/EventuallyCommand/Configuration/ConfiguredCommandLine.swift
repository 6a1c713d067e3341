import ArgumentParser

/// A command line, completed by what files and the environment set: flag > environment > file > default.
struct ConfiguredCommandLine: Sendable {
  /// What was added for a setting.
  struct Addition: Sendable {
    var setting: String
    var words: [String]
    var value: ConfiguredValue
  }

  /// The words that were given, without what names a configuration file.
  private(set) var given: [String]
  /// How many of them name the command.
  private let commandWords: Int
  /// What the sources add.
  private(set) var additions: [Addition] = []
  /// The settings that the selected command has.
  let settings: [Setting]

  /// A command line as it is given.
  init(_ words: [String]) {
    given = words
    commandWords = 0
    settings = []
  }

  /// Completes a command line.
  /// - Parameters:
  ///   - words: the command line without the executable's name.
  ///   - root: the executable's command.
  ///   - sources: the strongest first.
  init(
    _ words: [String], root: any ParsableCommand.Type, settings: Settings,
    sources: [any SettingSource]
  ) throws {
    let selected = SelectedCommand(words, root: root)
    given = words
    commandWords = selected.words
    let isRole = settings.scopes.contains([root._commandName])
    let scope = isRole ? [root._commandName] + selected.path : selected.path
    let names = Set(try CommandDescription(selected.command).options.compactMap(\.longName))
    // Those of a development broker are others: how many brokers, for example.
    self.settings = scope == ["broker"] ? [] : settings.all.filter { names.contains($0.name) }
    if words.first == "help" || words.contains(where: ["--help", "-h", "--version"].contains) {
      return
    }
    try add(at: settings.scopes(of: scope), from: sources)
  }

  private mutating func add(at scopes: [[String]], from sources: [any SettingSource]) throws {
    // Which source, counted from the strongest, names the directory of both. One names a part after a weaker one named all.
    var strength: [String: Int] = [:]
    for setting in settings where setting.name != Setting.kafka {
      if isGiven(setting.name) {
        strength[setting.name] = -1
        continue
      }
      for (index, source) in sources.enumerated() {
        guard let value = try Self.narrowest(scopes, { try source.value(of: setting, at: $0) })
        else { continue }
        strength[setting.name] = index
        additions.append(
          Addition(
            setting: setting.name, words: value.texts.map { "--\(setting.name)=\($0)" },
            value: value))
        break
      }
    }
    if let whole = strength["data"] {
      additions.removeAll {
        ["store", "read-models"].contains($0.setting) && (strength[$0.setting] ?? 0) > whole
      }
    }
    guard settings.contains(where: { $0.name == Setting.kafka }) else { return }
    // Later ones win: the weakest first, and those that were given are behind all.
    for source in sources.reversed() {
      for scope in scopes.reversed() {
        for (name, value) in try source.properties(at: scope) {
          additions.removeAll { $0.setting == "\(Setting.kafka).\(name)" }
          additions.append(
            Addition(
              setting: "\(Setting.kafka).\(name)",
              words: value.texts.map { "--\(Setting.kafka)=\(name)=\($0)" }, value: value))
        }
      }
    }
  }

  private static func narrowest(
    _ scopes: [[String]], _ value: ([String]) throws -> ConfiguredValue?
  ) throws -> ConfiguredValue? {
    for scope in scopes {
      if let value = try value(scope) { return value }
    }
    return nil
  }

  /// The words that follow an option in what was given.
  func givenValues(of name: String) -> [String] {
    var values: [String] = []
    for (index, word) in options.enumerated() {
      if word.hasPrefix("--\(name)=") {
        values.append(String(word.dropFirst(name.count + 3)))
      } else if word == "--\(name)" {
        values.append(index + 1 < options.count ? options[index + 1] : "")
      }
    }
    return values
  }

  private var options: ArraySlice<String> { given.prefix { $0 != "--" } }

  private func isGiven(_ name: String) -> Bool { !givenValues(of: name).isEmpty }

  /// The complete command line.
  var words: [String] { words(with: additions) }

  /// The complete command line, with an argument before all flags.
  func words(withArgument argument: String) -> [String] {
    given.prefix(commandWords) + [argument] + additions.flatMap(\.words)
      + given.dropFirst(commandWords)
  }

  /// The command line with some of what was added.
  func words(with additions: [Addition]) -> [String] {
    given.prefix(commandWords) + additions.flatMap(\.words) + given.dropFirst(commandWords)
  }

  /// Takes `--config FILE` out of a command line.
  static func configurationFile(
    _ words: inout [String], environment: [String: String]
  ) throws -> String? {
    let end = words.firstIndex(of: "--") ?? words.endIndex
    if let index = words[..<end].firstIndex(of: "--config") {
      guard index + 1 < end else {
        throw SettingError("--config needs a file: --config settings.json")
      }
      defer { words.removeSubrange(index...(index + 1)) }
      return words[index + 1]
    }
    if let index = words[..<end].firstIndex(where: { $0.hasPrefix("--config=") }) {
      return String(words.remove(at: index).dropFirst("--config=".count))
    }
    return environment["EVENTUALLY_CONFIG"]
  }
}
