import ArgumentParser
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
      try Output.standard.table(table(line, command.isEmpty ? sources.settings.all : line.settings))
    }

    private func table(_ line: ConfiguredCommandLine, _ settings: [Setting]) -> TextTable {
      var table = TextTable("setting", "value", "from")
      func add(_ name: String, _ value: String, _ origin: String) {
        table.add(name, Self.isSecret(name) ? "(hidden)" : value, origin)
      }
      for setting in settings {
        let given = line.givenValues(of: setting.name)
        if setting.name == Setting.kafka {
          for addition in line.additions where addition.setting.hasPrefix("kafka.") {
            add(
              addition.setting.replacing("kafka.", with: "kafka.properties.", maxReplacements: 1),
              addition.value.texts.joined(separator: ", "), addition.value.origin)
          }
          for text in given {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            add("kafka.properties.\(parts.first ?? "")", parts.count > 1 ? parts[1] : "", "--kafka")
          }
        } else if !given.isEmpty {
          add(setting.name, given.joined(separator: ", "), "--\(setting.name)")
        } else if let addition = line.additions.first(where: { $0.setting == setting.name }) {
          add(
            setting.name, addition.value.texts.joined(separator: ", "), addition.value.origin)
        } else {
          add(setting.name, setting.defaultValue ?? "-", "default")
        }
      }
      return table
    }

    /// Whether a value is nobody's business. Names of files and lengths of time are no secrets.
    static func isSecret(_ name: String) -> Bool {
      let isHarmless =
        name.hasPrefix("tls-")
        || ["-file", ".location", "-lifetime"].contains(where: name.hasSuffix)
      return !isHarmless
        && ["password", "secret", "token", "key", "jaas"].contains(where: name.contains)
    }
  }
}
