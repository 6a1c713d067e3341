import ArgumentParser

/// Which Kafka to play on.
struct BrokerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Play on this Kafka; each scenario has a development broker of its own where it is left out.",
      valueName: "host:port"))
  var brokers: String?
  @Option(
    name: .customLong("kafka"), parsing: .singleValue,
    help: ArgumentHelp(
      "A librdkafka setting for that Kafka, may be repeated: TLS, SASL.", valueName: "name=value"))
  var settings: [String] = []
  @Option(
    help: ArgumentHelp(
      "A shell command that stops that Kafka; it ends when that is done.", valueName: "command"))
  var brokerStop: String?
  @Option(
    help: ArgumentHelp(
      "A shell command that starts it again, in the background.", valueName: "command"))
  var brokerStart: String?
  @Option(
    help: ArgumentHelp(
      "A shell command that freezes its processes, with SIGSTOP for example.", valueName: "command")
  )
  var brokerPause: String?
  @Option(
    help: ArgumentHelp("A shell command that lets them go on.", valueName: "command"))
  var brokerResume: String?

  private var commands: KafkaChoice.Commands {
    KafkaChoice.Commands(
      stop: brokerStop, start: brokerStart, pause: brokerPause, resume: brokerResume)
  }

  var choice: KafkaChoice {
    brokers.map { KafkaChoice(servers: $0, settings: settings, commands: commands) } ?? .development
  }

  func validate() throws {
    if let defect = commands.defect { throw ValidationError(defect) }
    if let brokers {
      guard !brokers.isEmpty else { throw ValidationError("--brokers is empty") }
    } else if !commands.isEmpty || !settings.isEmpty {
      throw ValidationError("--broker-… and --kafka are about the Kafka that --brokers names")
    }
    for text in settings where !text.contains("=") || text.hasPrefix("=") {
      throw ValidationError("--kafka '\(text)' is not name=value")
    }
  }
}
