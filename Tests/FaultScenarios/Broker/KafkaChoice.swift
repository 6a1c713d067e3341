import EventuallyTesting
import Foundation

/// Which Kafka a run is played on: a development broker for each scenario, or one that is there already.
package struct KafkaChoice: Sendable {
  /// Shell commands that make an existing Kafka go away and come back. Each ends when it is done.
  package struct Commands: Sendable {
    package var stop: String?
    package var start: String?
    package var pause: String?
    package var resume: String?

    package init(
      stop: String? = nil, start: String? = nil, pause: String? = nil, resume: String? = nil
    ) {
      self.stop = stop
      self.start = start
      self.pause = pause
      self.resume = resume
    }

    /// What makes the commands useless; `nil` where nothing does.
    package var defect: String? {
      if (stop == nil) != (start == nil) {
        "--broker-stop and --broker-start are of use together: both are needed"
      } else if (pause == nil) != (resume == nil) {
        "--broker-pause and --broker-resume are of use together: both are needed"
      } else {
        nil
      }
    }

    var isEmpty: Bool { [stop, start, pause, resume].allSatisfy { $0 == nil } }
  }

  /// Bootstrap servers of an existing Kafka.
  package let servers: String?
  package let settings: [String]
  package let commands: Commands

  /// A development broker for each scenario.
  package static let development = KafkaChoice()

  private init() {
    servers = nil
    settings = []
    commands = Commands()
  }

  /// A Kafka that is there already.
  /// - Parameters:
  ///   - servers: its bootstrap servers.
  ///   - settings: librdkafka settings for it, as `name=value`: TLS and SASL.
  package init(servers: String, settings: [String] = [], commands: Commands = Commands()) {
    self.servers = servers
    self.settings = settings
    self.commands = commands
  }

  /// What `deploy/test` was called with.
  package static let ofEnvironment = KafkaChoice(ProcessInfo.processInfo.environment)

  init(_ environment: [String: String]) {
    func value(_ name: String) -> String? {
      environment["EVENTUALLY_TEST_" + name].flatMap { $0.isEmpty ? nil : $0 }
    }
    guard let servers = value("BROKERS") else {
      self = .development
      return
    }
    self.init(
      servers: servers,
      settings: (value("KAFKA") ?? "").split(separator: "\n").map(String.init),
      commands: Commands(
        stop: value("BROKER_STOP"), start: value("BROKER_START"), pause: value("BROKER_PAUSE"),
        resume: value("BROKER_RESUME")))
  }

  package var isDevelopment: Bool { servers == nil }

  /// What can be made to happen to the broker.
  package var abilities: Set<BrokerAbility> {
    if isDevelopment { return Set(BrokerAbility.allCases) }
    var abilities: Set<BrokerAbility> = []
    if commands.stop != nil, commands.start != nil { abilities.insert(.outages) }
    if commands.pause != nil, commands.resume != nil { abilities.insert(.freezing) }
    return abilities
  }

  /// A broker for one scenario.
  func broker(of harness: ApplicationHarness) -> any Broker {
    if let servers {
      ExistingKafka(servers: servers, settings: settings, commands: commands, of: harness)
    } else {
      DevelopmentBroker(of: harness)
    }
  }
}
