import ArgumentParser
import EventuallyKafka
import EventuallyServer
import Foundation
import Testing

@testable import EventuallyCommand

/// What flags, the environment and a file set, and which of them wins.
@Suite final class SettingsTests {
  private let folder = FileManager.default.temporaryDirectory.appending(
    path: "settings-\(UUID())")

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func file(_ text: String) throws -> String {
    let url = folder.appending(path: "\(UUID()).json")
    try Data(text.utf8).write(to: url)
    return url.path()
  }

  private func completed(
    _ words: [String], root: any ParsableCommand.Type = ApplicationCommand.self,
    file: String? = nil, environment: [String: String] = [:]
  ) async throws -> [String] {
    return try await SettingSources(of: root, file: file, environment: environment)
      .completed(words).words
  }

  private func error(_ body: () async throws -> [String]) async -> String {
    do { return "no error: \(try await body())" } catch { return "\(error)" }
  }

  /// All ways in which the four may set one setting.
  @Test(arguments: 0..<8) func flagThenEnvironmentThenFile(which: Int) async throws {
    let (isGiven, isVariable, isInFile) = (which & 1 != 0, which & 2 != 0, which & 4 != 0)
    let words = try await completed(
      ["writer", "serve"] + (isGiven ? ["--listen", "h:1"] : []),
      file: isInFile ? try file(#"{"listen": "h:3"}"#) : nil,
      environment: isVariable ? ["EVENTUALLY_LISTEN": "h:2"] : [:])
    let expected =
      isGiven
      ? ["--listen", "h:1"] : isVariable ? ["--listen=h:2"] : isInFile ? ["--listen=h:3"] : []
    #expect(words == ["writer", "serve"] + expected)
  }

  /// What is for one command only wins over what is for all, from the same source.
  @Test func theNarrowerKeyWins() async throws {
    let path = try file(
      #"{"listen": "h:1", "projector": {"listen": "h:2", "serve": {"listen": "h:3"}}}"#)
    #expect(try await completed(["writer"], file: path) == ["writer", "--listen=h:1"])
    #expect(
      try await SettingSources(
        of: ApplicationCommand.self, file: file(#"{"projector": {"listen": "h:2"}}"#),
        environment: [:]
      )
      .completed(["projector", "run", "notes"]).words
        == ["projector", "run", "--listen=h:2", "notes"])
  }

  @Test func aRoleUnderANameOfItsOwnHasTheSameKeys() async throws {
    let words = try await completed(
      [], root: WriterCommand.self,
      environment: ["EVENTUALLY_WRITER_SERVE_LISTEN": "h:1", "EVENTUALLY_PROJECTOR_LISTEN": "h:2"])
    #expect(words == ["--listen=h:1"])
  }

  @Test func numbersListsAndPropertiesOfKafka() async throws {
    let path = try file(
      #"{"partitions": 7, "allow-origin": ["http://a", "http://b"], "kafka": {"properties": {"linger.ms": 5, "a": {"b": "c"}}}}"#
    )
    let words = try await completed(
      ["writer", "serve", "--kafka", "a.b=d"], file: path,
      environment: ["EVENTUALLY_KAFKA_PROPERTIES_LINGER_MS": "9"])
    #expect(
      words == [
        "writer", "serve", "--partitions=7", "--allow-origin=http://a", "--allow-origin=http://b",
        "--kafka=a.b=c", "--kafka=linger.ms=9", "--kafka", "a.b=d",
      ])
  }

  @Test func propertiesOfKafkaMayBeTrueOrFalse() async throws {
    let path = try file(#"{"kafka": {"properties": {"log.thread.name": false, "x": 1}}}"#)
    let words = try await completed(
      ["writer"], file: path, environment: ["EVENTUALLY_KAFKA_PROPERTIES_LOG_LEVEL": "3"])
    #expect(
      words == ["writer", "--kafka=log.thread.name=false", "--kafka=x=1", "--kafka=log_level=3"])
  }

  private func overrides(_ words: String...) throws -> [String] {
    try KafkaPropertyOptions.parse(words).overrides().map { "\($0.name)=\($0.value)" }
  }

  private func mistake(_ words: String...) -> String {
    do {
      let options = try KafkaPropertyOptions.parse(words)
      return "none: \(options.settings)"
    } catch {
      return KafkaPropertyOptions.message(for: error)
    }
  }

  @Test func aFileOfPropertiesIsRead() throws {
    let path = try file(
      """
      # the broker's
      security.protocol=SASL_SSL\r
        sasl.username = me
      sasl.password=a=b#c\\n

      ssl.ca.pem=one\\ntwo
      """)
    #expect(
      try overrides("--kafka-config", path, "--kafka", "sasl.username=you", "--kafka=linger.ms=2")
        == [
          "security.protocol=SASL_SSL", "sasl.username=me", "sasl.password=a=b#c\\n",
          "ssl.ca.pem=one\ntwo", "sasl.username=you", "linger.ms=2",
        ])
  }

  @Test(arguments: [
    ("acks=1", "line 1: the Kafka property acks=1 is refused: it has to be all or -1"),
    (
      "\n#\nsasl.pasword=hunter2",
      "line 3: librdkafka has no property 'sasl.pasword': the nearest is 'sasl.password'"
    ),
    ("foo=hunter2", "line 1: librdkafka has no property 'foo'"),
    ("hunter2", "line 1: it is not name=value"),
    ("linger.ms=x", "line 1: the Kafka property linger.ms"),
    (
      "sasl.jaas.config=hunter2",
      "is a property of Kafka's Java clients: here it is sasl.username and sasl.password"
    ),
  ])
  func aFileOfPropertiesThatIsWrongIsRefused(_ text: String, _ words: String) throws {
    let path = try file(text)
    let mistake = mistake("--kafka-config", path)
    #expect(mistake.contains(words) && mistake.contains(path), "\(mistake)")
    #expect(!mistake.contains("hunter2"))
    // Nothing is near to that.
    if text.hasPrefix("foo") { #expect(!mistake.contains("nearest")) }
  }

  @Test func aPropertyThatIsWrongIsNamedWithoutASecret() {
    #expect(mistake("--kafka-config", "/nowhere").contains("/nowhere can't be read"))
    #expect(mistake("--kafka", "enable.idempotence=false").contains("has to be true"))
    #expect(mistake("--kafka", "acks=1").hasPrefix("--kafka: the Kafka property acks=1"))
    for words in [
      "sasl.password:hunter2", "=hunter2", "sasl.password.=hunter2", "ssl.keypem=hunter2",
    ] {
      let mistake = mistake("--kafka", words)
      #expect(mistake.hasPrefix("--kafka") && !mistake.contains("hunter2"), "\(mistake)")
    }
  }

  @Test func aValueThatIsTheWordHelpAsksForNone() async throws {
    let words = try await completed(
      ["projector", "run", "notes", "--worker", "help"],
      environment: ["EVENTUALLY_TOPIC": "t"])
    #expect(words == ["projector", "run", "--topic=t", "notes", "--worker", "help"])
  }

  /// A directory of both that is named more strongly than one of its parts.
  @Test func aPartIsNoStrongerThanWhatNamesTheWhole() async throws {
    let environment = ["EVENTUALLY_STORE": "s", "EVENTUALLY_DATA": "d"]
    #expect(
      try await completed(["status", "--data", "x"], environment: environment)
        == ["status", "--data", "x"])
    #expect(
      Set(try await completed(["status"], environment: environment))
        == ["status", "--store=s", "--data=d"])
  }

  @Test(arguments: [["writer", "--help"], ["broker"], ["config"], ["topic"], ["no-command"]])
  func commandsWithoutSettingsStayAsTheyAre(_ words: [String]) async throws {
    #expect(
      try await completed(
        words, environment: ["EVENTUALLY_BROKERS": "k:1", "EVENTUALLY_TOPIC": "t"]) == words)
  }

  @Test(arguments: [
    (#"{"brokrs": "k"}"#, "'brokrs', which is no setting: the nearest is 'brokers'"),
    (#"{"writer": {"listn": "k"}}"#, "the nearest is 'writer.listen'"),
    (#"{"kafka": "k"}"#, "the nearest is 'kafka.properties'"),
    (#"{"brokers": null}"#, "'brokers' has to be a text, a number, or a list of texts"),
    (#"{"listen": [1]}"#, "'listen' has to be a text, a number, or a list of texts"),
    (#"[]"#, "is not an object"), ("{", "can't be read"), ("", "can't be read"),
    (#"{"topic": {"a": 1}}"#, "'topic.a', which is no setting"),
  ])
  func aFileThatIsWrongIsRefused(_ text: String, _ message: String) async throws {
    let path = try file(text)
    let error = await error { try await completed(["writer"], file: path) }
    #expect(error.contains(message), "\(error)")
    #expect(error.contains(path))
  }

  @Test func aFileThatIsNotThereIsNamed() async {
    let error = await error { try await completed(["writer"], file: "/nowhere.json") }
    #expect(error.contains("/nowhere.json can't be read"), "\(error)")
  }

  @Test func anEmptyVariableIsAnError() async {
    let error = await error {
      try await completed(["writer"], environment: ["EVENTUALLY_TOPIC": ""])
    }
    #expect(
      error == "EVENTUALLY_TOPIC is set and has an empty value: unset it, or give it one")
  }

  @Test func variablesThatAreNoSettingsAreTold() throws {
    let source = EnvironmentSource([
      "EVENTUALLY_STROE": "s", "EVENTUALLY_STORE": "s", "EVENTUALLY_TOKEN": "t", "PATH": "p",
      "EVENTUALLY_WRITER_LISTEN": "h:1", "EVENTUALLY_KAFKA_PROPERTIES_SSL_CA": "c",
    ])
    #expect(try source.unknown(Settings()) == ["EVENTUALLY_STROE"])
  }

  @Test func theFileIsTakenOutOfTheCommandLine() throws {
    func taken(_ words: [String], _ environment: [String: String] = [:]) throws -> [String?] {
      var words = words
      let file = try ConfiguredCommandLine.configurationFile(&words, environment: environment)
      return [file] + words
    }
    #expect(try taken(["a", "--config", "f", "b"]) == ["f", "a", "b"])
    #expect(try taken(["--config=f", "b"], ["EVENTUALLY_CONFIG": "g"]) == ["f", "b"])
    #expect(try taken(["b"], ["EVENTUALLY_CONFIG": "g"]) == ["g", "b"])
    #expect(try taken(["b", "--", "--config", "f"]) == [nil, "b", "--", "--config", "f"])
    #expect(throws: SettingError.self) { try taken(["a", "--config"]) }
  }

  @Test(arguments: [
    ("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("listn", "listen", 1), ("ab", "ba", 2),
  ])
  func distances(_ a: String, _ b: String, _ expected: Int) {
    #expect(Settings.distance(a, b) == expected)
    #expect(Settings.distance(b, a) == expected)
  }

  @Test(arguments: [
    ("kafka.properties.sasl.password", true), ("kafka.properties.ssl.key.pem", true),
    ("topic-key-file", false), ("kafka.properties.ssl.key.location", false), ("listen", false),
    ("key-lifetime", false), ("kafka.properties.sasl.username", false),
    ("kafka.properties.sasl.pasword", true),
  ])
  func secretsAreHidden(_ name: String, _ isSecret: Bool) {
    #expect(AdminCommand.Config.isSecret(name) == isSecret)
  }

  /// The article is what `config --reference` prints.
  @Test func theArticleListsAllSettings() throws {
    let article = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../Sources/EventuallyCommand/EventuallyCommand.docc/Settings.md"
    ).standardized
    let text = try String(contentsOf: article, encoding: .utf8)
    let reference = try SettingsReference(Settings()).text
    #expect(
      text.contains(reference),
      "the table in Settings.md has to be what 'config --reference' prints:\n\(reference)")
  }
}
