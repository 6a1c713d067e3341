import ArgumentParser
import EventuallyKafka
import Foundation

/// librdkafka's properties.
struct KafkaPropertyOptions: ParsableArguments {
  @Option(
    name: .customLong("kafka"), parsing: .singleValue,
    help: ArgumentHelp(
      "A librdkafka property, may be repeated: TLS, SASL, time limits.",
      discussion: """
        For example --kafka security.protocol=SASL_SSL --kafka sasl.username=me. Those that would break a guarantee are refused. Other \
        users of the host see a command line: for secrets there is --kafka-config.
        """,
      valueName: "name=value"))
  var settings: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file of librdkafka properties, name=value a line: for secrets.",
      discussion: "Lines that begin with # are passed over. What --kafka sets wins.",
      valueName: "file"))
  var kafkaConfig: String?

  func validate() throws { _ = try overrides() }

  /// What is set: the file first, as the later of two counts.
  /// - Throws: where something can't be, with what it came from; without its value where that may be a secret.
  func overrides() throws -> [KafkaSetting] {
    var settings = try kafkaConfig.map { try KafkaPropertiesFile.read($0) } ?? []
    for text in self.settings {
      guard let setting = KafkaSetting(line: text) else {
        // It may be a secret.
        throw ValidationError(
          "--kafka needs name=value: --kafka security.protocol=SASL_SSL for example")
      }
      if let mistake = setting.mistake { throw ValidationError("--kafka: \(mistake)") }
      settings.append(setting)
    }
    return settings
  }
}

/// A file with a property of librdkafka a line.
enum KafkaPropertiesFile {
  /// Reads a file.
  /// - Throws: `ValidationError` that names the file and the line.
  static func read(_ path: String) throws -> [KafkaSetting] {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw ValidationError(
        "the file of Kafka properties \(path) can't be read: \(error.localizedDescription)")
    }
    return try settings(text) { "\(path), line \($0)" }
  }

  /// The settings of a text.
  /// - Parameter place: what a line is called, by its number from 1.
  static func settings(_ text: String, place: (Int) -> String) throws -> [KafkaSetting] {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    return try lines.enumerated().compactMap { index, line in
      let line = line.trimmingCharacters(in: .whitespaces)
      guard !line.isEmpty, !line.hasPrefix("#") else { return nil }
      guard var setting = KafkaSetting(line: line) else {
        throw ValidationError("\(place(index + 1)): it is not name=value")
      }
      setting.name = setting.name.trimmingCharacters(in: .whitespaces)
      setting.value = setting.value.trimmingCharacters(in: .whitespaces)
      if let mistake = setting.mistake {
        throw ValidationError("\(place(index + 1)): \(mistake)")
      }
      return setting
    }
  }
}

extension KafkaSetting {
  /// `name=value`. In a certificate or key, `\n` stands for the end of a line.
  init?(line: String) {
    let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      .map(String.init)
    guard parts.count == 2, !parts[0].isEmpty else { return nil }
    let isPEM = parts[0].contains(".pem")
    self.init(parts[0], isPEM ? parts[1].replacing("\\n", with: "\n") : parts[1])
  }

  /// Why librdkafka or a guarantee does not allow it; `nil` where it may be.
  fileprivate var mistake: String? {
    do throws(KafkaError) {
      try KafkaProperty.check(self)
      return nil
    } catch {
      if let name = KafkaProperty.namesInJava[name] {
        return "\(self.name) is a property of Kafka's Java clients: here it is \(name)"
      }
      guard !KafkaProperty.names.contains(name), GuardedProperty.named(name) == nil,
        let nearest = KafkaProperty.names.min(by: {
          (Settings.distance($0, name), $0) < (Settings.distance($1, name), $1)
        })
      else { return "\(error)" }
      // One that has little in common with the name is not what was meant.
      let isNear = Settings.distance(nearest, name) <= max(1, name.utf8.count / 3)
      return "librdkafka has no property '\(name.prefix(80))'"
        + (isNear ? ": the nearest is '\(nearest)'" : "")
    }
  }
}
