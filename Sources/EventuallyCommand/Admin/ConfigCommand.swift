import ArgumentParser
import EventuallyKafka
import EventuallyServer
import Foundation

extension AdminCommand {
  /// `config`
  struct Config: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        abstract: "Show what each setting of a command is, and where it comes from.",
        discussion: """
          A setting is a flag of the command line: --read-models. An environment variable sets it too, EVENTUALLY_READ_MODELS, or a \
          file of JSON that --config or EVENTUALLY_CONFIG names: {"read-models": "/data"}. The flag wins, then the \
          variable, then the file, then the default.

          What is for one command only has its name before it: EVENTUALLY_PROJECTOR_SERVE_LISTEN, or \
          {"projector": {"serve": {"listen": "0.0.0.0:8081"}}}. Properties of librdkafka are EVENTUALLY_KAFKA_PROPERTIES_SECURITY_PROTOCOL, or \
          {"kafka": {"properties": {"security.protocol": "SASL_SSL"}}}.

          For example: \(Program.admin) config writer serve --listen 0.0.0.0:8080
          """)
    }

    @Argument(
      parsing: .captureForPassthrough,
      help: "The command and its flags. All settings of the processes where it is left out.")
    var command: [String] = []

    func run() async throws {
      // Those of this process: where it got its own from, others get theirs.
      let environment = ProcessInfo.processInfo.environment
      var words = Array(CommandLine.arguments.dropFirst())
      let file = try ConfiguredCommandLine.configurationFile(&words, environment: environment)
      let sources = try await SettingSources(
        of: ApplicationCommand.self, file: file, environment: environment)
      if command == ["--help"] || command == ["-h"] { throw CleanExit.helpRequest(Self.self) }
      if command == ["--reference"] {
        return try Output.standard.lines(try SettingsReference(sources.settings).text)
      }
      let line = try sources.completed(command)
      guard command.isEmpty || !line.settings.isEmpty else {
        throw ValidationError("'\(command.joined(separator: " "))' is no command with settings")
      }
      if !command.isEmpty { try await Self.check(line) }
      try Output.standard.table(
        try table(line, command.isEmpty ? sources.settings.all : line.settings))
    }

    /// Whether a process would take the command line. Which read model it is for may be left out here.
    private static func check(_ line: ConfiguredCommandLine) async throws {
      do {
        _ = try await ApplicationCommand.asyncParseAsRoot(line.words)
      } catch {
        if let name = ReadModelName.all.first?.name,
          (try? await ApplicationCommand.asyncParseAsRoot(line.words(withArgument: name))) != nil
        {
          return
        }
        throw await ApplicationCommand.blamed(error, of: line)
      }
    }

    private func table(_ line: ConfiguredCommandLine, _ settings: [Setting]) throws -> TextTable {
      var table = TextTable("setting", "value", "from")
      func add(_ name: String, _ value: String, _ origin: String) {
        table.add(name, Self.isSecret(name) ? "(hidden)" : value, origin)
      }
      for setting in settings {
        let given = line.givenValues(of: setting.name)
        if setting.name == Setting.kafka {
          for (property, origin) in try properties(line) {
            add("\(Self.propertyPrefix)\(property.name)", property.value, origin)
          }
        } else if !given.isEmpty {
          add(setting.name, Self.shown(given), "--\(setting.name)")
        } else if let addition = line.additions.first(where: { $0.setting == setting.name }) {
          add(setting.name, Self.shown(addition.value.texts), addition.value.origin)
        } else {
          add(setting.name, setting.defaultValue(of: command) ?? "-", "default")
        }
      }
      return table
    }

    /// The properties of librdkafka that are in effect, and what they came from.
    private func properties(
      _ line: ConfiguredCommandLine
    ) throws -> [(KafkaSetting, origin: String)] {
      var all: [(KafkaSetting, origin: String)] = []
      func add(_ property: KafkaSetting, _ origin: String) {
        all.removeAll { $0.0.name == property.name }
        all.append((property, origin))
      }
      let name = "kafka-config"
      let file =
        line.givenValues(of: name).last
        ?? line.additions.first { $0.setting == name }?.value.texts.last
      if let file {
        for property in try KafkaPropertiesFile.read(file) { add(property, file) }
      }
      for addition in line.additions where addition.setting.hasPrefix("\(Setting.kafka).") {
        add(
          KafkaSetting(
            String(addition.setting.dropFirst(Setting.kafka.count + 1)),
            addition.value.texts.joined(separator: ", ")), addition.value.origin)
      }
      for text in line.givenValues(of: Setting.kafka) {
        if let property = KafkaSetting(line: text) { add(property, "--kafka") }
      }
      return all
    }

    private static var propertyPrefix: String { "kafka.properties." }

    /// Values without the passwords of stores.
    private static func shown(_ values: [String]) -> String {
      values.map { StoreLocation($0).description }.joined(separator: ", ")
    }

    /// Whether a value is nobody's business. Of other settings, only the files of secrets are named.
    static func isSecret(_ name: String) -> Bool {
      guard name.hasPrefix(propertyPrefix) else { return false }
      return KafkaSetting(String(name.dropFirst(propertyPrefix.count)), "").isSecret
    }
  }
}
