import ArgumentParser
import Testing

@testable import FaultScenarios

/// Which Kafka `deploy/test` and `deploy/torture` play on, and what they leave out there.
@Suite struct KafkaChoiceTests {
  @Test func withoutBrokersEachScenarioHasADevelopmentBroker() {
    let choice = KafkaChoice([
      "EVENTUALLY_TEST_BROKERS": "", "EVENTUALLY_TEST_BROKER_STOP": "stop",
    ])
    #expect(choice.isDevelopment)
    #expect(choice.abilities == Set(BrokerAbility.allCases))
    for scenario in Scenario.all where scenario.hosts.isEmpty {
      #expect(!scenario.isAlone(on: choice))
    }
  }

  @Test func theEnvironmentNamesAKafkaAndItsCommands() {
    let choice = KafkaChoice([
      "EVENTUALLY_TEST_BROKERS": "a:1,b:2", "EVENTUALLY_TEST_KAFKA": "x=1\ny=2=3\n",
      "EVENTUALLY_TEST_BROKER_STOP": "stop it", "EVENTUALLY_TEST_BROKER_START": "start it",
      "EVENTUALLY_TEST_BROKER_PAUSE": "pause it",
    ])
    #expect(choice.servers == "a:1,b:2")
    #expect(choice.settings == ["x=1", "y=2=3"])
    #expect(choice.abilities == [.outages])
    #expect(choice.commands.defect?.contains("--broker-resume") == true)
  }

  @Test func whatAnExistingKafkaCanNotDoIsNamed() throws {
    let plain = KafkaChoice(servers: "a:1")
    let stoppable = KafkaChoice(servers: "a:1", commands: .init(stop: "s", start: "t"))
    func scenario(_ name: String) throws -> Scenario {
      try #require(Scenario.all.first { $0.name == name })
    }
    let down = try scenario("broker-down")
    #expect(down.obstacle(on: plain)?.contains("--broker-stop") == true)
    #expect(down.obstacle(on: stoppable) == nil)
    #expect(down.isAlone(on: stoppable))
    #expect(
      try scenario("broker-frozen").obstacle(on: stoppable)?.contains("--broker-pause") == true)
    #expect(
      try scenario("request-errors").obstacle(on: stoppable)?.contains("development broker") == true
    )
    let zombie = try scenario("zombie")
    #expect(zombie.obstacle(on: plain) == nil)
    #expect(!zombie.isAlone(on: stoppable))
  }

  /// Two runs at the same time, and two scenarios of one, do not meet.
  @Test func everyScenarioHasATopicOfItsOwn() throws {
    let choice = KafkaChoice(servers: "127.0.0.1:1", settings: ["client.id=me"])
    let (one, other) = (try Pipeline(on: choice), try Pipeline(on: choice))
    #expect(one.topic != other.topic)
    #expect(one.topic.hasPrefix("eventually-"))
    #expect(
      one.kafkaArguments
        == ["--brokers", "127.0.0.1:1", "--topic", one.topic, "--kafka", "client.id=me"])
  }

  @Test(arguments: [
    (["--broker-stop", "x", "--broker-start", "y"], "--brokers"),
    (["--brokers", "a:1", "--broker-stop", "x"], "--broker-start"),
    (["--brokers", "a:1", "--broker-resume", "x"], "--broker-pause"),
    (["--brokers", ""], "--brokers is empty"),
    (["--brokers", "a:1", "--kafka", "x"], "name=value"),
  ])
  func optionsThatMakeNoSenseAreRefused(_ arguments: [String], _ words: String) {
    let error = #expect(throws: (any Error).self) { try TortureCommand.parse(arguments) }
    let message = error.map { TortureCommand.message(for: $0) } ?? ""
    #expect(message.contains(words), "\(message)")
  }
}
