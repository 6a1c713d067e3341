/// All settings as a table of Markdown, for the documentation.
struct SettingsReference {
  let text: String

  init(_ settings: Settings) throws {
    let environment = EnvironmentSource([:])
    var lines = [
      "| flag | environment | file | default | meaning | commands |",
      "| --- | --- | --- | --- | --- | --- |",
    ]
    for setting in settings.all {
      let isKafka = setting.name == Setting.kafka
      let key = isKafka ? "kafka.properties.*" : setting.name
      let variable = try environment.variable(of: isKafka ? Setting.properties : [setting.name])
      // An application's own name says nothing of others.
      let value =
        setting.name == "topic" ? "the application's name" : setting.defaultValue(of: [])
      lines.append(
        "| `--\(setting.name)` | `\(variable)\(isKafka ? "_*" : "")` | `\(key)` | "
          + "\(value.map { "`\($0)`" } ?? "") | \(setting.meaning) | \(setting.commands.joined(separator: ", ")) |"
      )
    }
    text = lines.joined(separator: "\n")
  }
}
