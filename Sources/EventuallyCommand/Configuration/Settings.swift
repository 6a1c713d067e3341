import ArgumentParser

/// An option of the processes, which a file or the environment may set as well.
struct Setting: Sendable {
  /// The option's name, which is its key too: `read-models`.
  var name: String
  /// What it is.
  var meaning: String
  /// The values where nothing sets it, by command.
  var defaultValues: [String: String]
  /// Whether it may be given several times.
  var isRepeating: Bool
  /// The commands that have it: `writer serve`.
  var commands: [String]

  /// The value where nothing sets it, of one command, or of all where they are meant; those that differ with the commands' names.
  func defaultValue(of command: [String]) -> String? {
    let line = command.joined(separator: " ") + " "
    if let title = commands.first(where: { line.hasPrefix($0 + " ") }) {
      return defaultValues[title]
    }
    let values = commands.map { defaultValues[$0] }
    guard let first = values.first, values.contains(where: { $0 != first }) else {
      return values.first ?? nil
    }
    return zip(commands, values).compactMap { command, value in value.map { "\(command): \($0)" } }
      .joined(separator: "; ")
  }

  /// The option whose values are librdkafka's properties; their keys are ``properties``.*name*.
  static let kafka = "kafka"
  /// Leads to the properties of librdkafka in a file.
  static let properties = ["kafka", "properties"]
}

/// All settings.
struct Settings: Sendable {
  /// In the order of help.
  private(set) var all: [Setting] = []
  /// The paths below which a setting is one command's only: `writer`, `projector serve`.
  private(set) var scopes: Set<[String]> = [[]]

  /// The settings of the processes' commands.
  init() throws {
    try add(WriterCommand.Serve.self, at: ["writer", "serve"])
    try add(ProjectorCommand.Run.self, at: ["projector", "run"])
    try add(ProjectorCommand.Serve.self, at: ["projector", "serve"])
    try add(AllCommand.self, at: ["all"])
  }

  private mutating func add(_ command: (some ParsableCommand).Type, at path: [String]) throws {
    for count in 1...path.count { scopes.insert(Array(path.prefix(count))) }
    let title = path.joined(separator: " ")
    for option in try CommandDescription(command).options {
      guard let name = option.longName else { continue }
      if let index = all.firstIndex(where: { $0.name == name }) {
        all[index].commands.append(title)
        all[index].defaultValues[title] = option.value
      } else {
        all.append(
          Setting(
            name: name, meaning: option.meaning,
            defaultValues: option.value.map { [title: $0] } ?? [:],
            isRepeating: option.isRepeating, commands: [title]))
      }
    }
  }

  /// The setting with a name.
  subscript(name: String) -> Setting? { all.first { $0.name == name } }

  /// Where a command's settings may stand, the narrowest first.
  func scopes(of path: [String]) -> [[String]] {
    let known = (0...path.count).reversed().map { Array(path.prefix($0)) }
    return known.filter(scopes.contains)
  }

  /// Whether a file may have a key.
  func knows(_ key: [String]) -> Bool {
    for scope in scopes where key.starts(with: scope) {
      let rest = Array(key.dropFirst(scope.count))
      if rest.count > 2, Array(rest.prefix(2)) == Setting.properties { return true }
      if rest.count == 1, rest[0] != Setting.kafka, self[rest[0]] != nil { return true }
    }
    return false
  }

  /// The known key that is written most like one that is not.
  func nearest(to key: [String]) -> String {
    let text = key.joined(separator: ".")
    let names = all.map { $0.name == Setting.kafka ? "kafka.properties" : $0.name }
    let keys = scopes.flatMap { scope in names.map { (scope + [$0]).joined(separator: ".") } }
    return keys.min { Self.order($0, text) < Self.order($1, text) } ?? ""
  }

  /// What leads to a key is near to it.
  private static func order(_ key: String, _ text: String) -> (Int, String) {
    (key.hasPrefix("\(text).") ? 0 : distance(key, text), key)
  }

  /// How many letters have to be added, left out or changed.
  static func distance(_ a: String, _ b: String) -> Int {
    // A text from outside may be long; beyond that it is like nothing.
    let (a, b) = (Array(a.utf8.prefix(80)), Array(b.utf8.prefix(80)))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let changed = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(changed, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}

/// A setting is not what it has to be.
struct SettingError: Error, CustomStringConvertible {
  /// `EX_CONFIG` of `sysexits.h`: to start the process again does not help.
  static let exitCode: Int32 = 78

  let description: String

  init(_ description: String) {
    self.description = description
  }
}
