import Configuration
import EventuallyKafka
import Foundation
import SystemPackage

/// A value that something other than a flag gives.
struct ConfiguredValue: Sendable, Equatable {
  /// The value; several where the setting repeats.
  var texts: [String]
  /// What it came from, as messages name it: `EVENTUALLY_LISTEN`.
  var origin: String
}

/// Something that settings come from, besides flags.
protocol SettingSource: Sendable {
  /// The value of a setting that is not ``Setting/kafka``.
  func value(of setting: Setting, at scope: [String]) throws -> ConfiguredValue?
  /// The properties of librdkafka by name.
  func properties(at scope: [String]) throws -> [(name: String, value: ConfiguredValue)]
}

/// The environment: `EVENTUALLY_LISTEN`, or `EVENTUALLY_WRITER_LISTEN` for one command.
struct EnvironmentSource: SettingSource {
  static let prefix = "eventually"

  private let variables: [String: String]
  private let provider: EnvironmentVariablesProvider

  init(_ variables: [String: String]) {
    self.variables = variables
    provider = EnvironmentVariablesProvider(environmentVariables: variables)
  }

  /// A variable's name.
  func variable(of key: [String]) throws -> String {
    try provider.value(forKey: AbsoluteConfigKey([Self.prefix] + key), type: .string).encodedKey
  }

  func value(of setting: Setting, at scope: [String]) throws -> ConfiguredValue? {
    let result = try provider.value(
      forKey: AbsoluteConfigKey([Self.prefix] + scope + [setting.name]),
      type: setting.isRepeating ? .stringArray : .string)
    guard let content = result.value?.content else { return nil }
    let texts =
      switch content {
      case .string(let text): [text]
      case .stringArray(let texts): texts
      default: [String]()
      }
    guard !texts.isEmpty, texts.allSatisfy({ !$0.isEmpty }) else {
      throw SettingError(
        "\(result.encodedKey) is set and has an empty value: unset it, or give it one")
    }
    return ConfiguredValue(texts: texts, origin: result.encodedKey)
  }

  /// `EVENTUALLY_KAFKA_PROPERTIES_SECURITY_PROTOCOL` is `security.protocol`.
  func properties(at scope: [String]) throws -> [(name: String, value: ConfiguredValue)] {
    let prefix = try variable(of: scope + Setting.properties) + "_"
    return variables.filter { $0.key.hasPrefix(prefix) && $0.key.count > prefix.count }.map {
      let name = $0.key.dropFirst(prefix.count).lowercased().replacing("_", with: ".")
      // log_level is called so.
      let own = KafkaProperty.names.first {
        $0.contains("_") && $0.replacing("_", with: ".") == name
      }
      return (own ?? name, ConfiguredValue(texts: [$0.value], origin: $0.key))
    }.sorted { $0.name < $1.name }
  }

  /// Variables that look like settings, and are none. Other programs may use the prefix, so that they are no error.
  func unknown(_ settings: Settings) throws -> [String] {
    var known: Set<String> = []
    var prefixes: [String] = []
    for scope in settings.scopes {
      for setting in settings.all { known.insert(try variable(of: scope + [setting.name])) }
      prefixes.append(try variable(of: scope + Setting.properties) + "_")
    }
    return variables.keys.filter { name in
      Self.mayBeSetting(name) && !known.contains(name) && !prefixes.contains { name.hasPrefix($0) }
    }.sorted()
  }

  /// Variables of this package that are no settings.
  private static let others: Set<String> = [
    "EVENTUALLY_TOKEN", "EVENTUALLY_FAULTS", "EVENTUALLY_SCRATCH", "EVENTUALLY_PARENT",
    "EVENTUALLY_CONFIG", "EVENTUALLY_FUZZ", "EVENTUALLY_THREAD_SANITIZER",
  ]

  /// Whether a variable is named like a setting.
  static func mayBeSetting(_ name: String) -> Bool {
    name.hasPrefix("EVENTUALLY_") && !name.hasPrefix("EVENTUALLY_TEST_") && !others.contains(name)
  }
}

/// A file of JSON: `{"brokers": "kafka:9092", "writer": {"listen": "0.0.0.0:8080"}}`.
struct FileSource: SettingSource {
  private let path: String
  private let provider: FileProvider<JSONSnapshot>
  /// What type each key's value is of.
  private let types: [[String]: ConfigType]

  /// Reads a file.
  /// - Throws: ``SettingError`` where it can't be read, or has a key that is no setting.
  init(path: String, _ settings: Settings) async throws {
    self.path = path
    let document: Any
    do {
      document = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path)))
    } catch {
      throw SettingError(
        "the configuration file \(path) can't be read: \((error as NSError).localizedDescription)")
    }
    guard let document = document as? [String: Any] else {
      throw SettingError("the configuration file \(path) is not an object")
    }
    var types: [[String]: ConfigType] = [:]
    try Self.collect(document, at: [], into: &types, path)
    self.types = types
    let unknown = types.keys.filter { !settings.knows($0) }
    if let key = unknown.min(by: { $0.joined(separator: ".") < $1.joined(separator: ".") }) {
      throw SettingError(
        "the configuration file \(path) has '\(key.joined(separator: ".").prefix(80))', which is no setting: "
          + "the nearest is '\(settings.nearest(to: key))'")
    }
    do {
      provider = try await FileProvider<JSONSnapshot>(filePath: FilePath(path))
    } catch {
      throw SettingError("the configuration file \(path) can't be read: \(error)")
    }
  }

  private static func collect(
    _ object: [String: Any], at key: [String], into types: inout [[String]: ConfigType],
    _ path: String
  ) throws {
    for (name, value) in object {
      let key = key + [name]
      switch value {
      case let value as [String: Any] where key.count < 8:
        try collect(value, at: key, into: &types, path)
      case is String: types[key] = .string
      case let value as NSNumber:
        types[key] =
          String(cString: value.objCType) == "c"
          ? .bool : Int(exactly: value.doubleValue) == nil ? .double : .int
      case is [String]: types[key] = .stringArray
      default:
        throw SettingError(
          "the configuration file \(path): '\(key.joined(separator: ".").prefix(80))' has to be a text, a number, or a list of texts"
        )
      }
    }
  }

  private func value(at key: [String]) throws -> ConfiguredValue? {
    guard let type = types[key],
      let content = try provider.value(forKey: AbsoluteConfigKey(key), type: type).value?.content
    else { return nil }
    let texts =
      switch content {
      case .string(let text): [text]
      case .stringArray(let texts): texts
      case .int(let number): ["\(number)"]
      case .double(let number): ["\(number)"]
      case .bool(let flag): ["\(flag)"]
      default: [String]()
      }
    return ConfiguredValue(texts: texts, origin: "\(path): \(key.joined(separator: "."))")
  }

  func value(of setting: Setting, at scope: [String]) throws -> ConfiguredValue? {
    try value(at: scope + [setting.name])
  }

  func properties(at scope: [String]) throws -> [(name: String, value: ConfiguredValue)] {
    let prefix = scope + Setting.properties
    return try types.keys.filter { $0.starts(with: prefix) && $0.count > prefix.count }.compactMap {
      key in
      try value(at: key).map { (key.dropFirst(prefix.count).joined(separator: "."), $0) }
    }.sorted { $0.name < $1.name }
  }
}
