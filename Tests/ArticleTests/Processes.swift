// snippet.harness
import EventuallyTesting
import Testing
// snippet.end

/// The code of the article "Testing with processes" of EventuallyTesting.
@Suite(
  .disabled("There is no executable of the articles' bank here. PipelineTests has such tests."))
struct ProcessTests {
  // snippet.harness
  @Test func nothingIsLostWhenAWorkerIsKilled() async throws {
    try await ApplicationHarness.run(.init(builtWithTests: "bank")) { bank in
      try await bank.startBroker()
      try await bank.startWriter()
      let worker = try await bank.startWorker("owners")
      let opened = try await bank.post("/accounts/1/open", json: #"{"owner":"Ann"}"#)
      #expect(opened.status == 200)
      // A worker joins its group, which takes seconds, before it applies anything.
      try await bank.waitUntilCaughtUp("owners")
      for _ in 1...20 { _ = try await bank.post("/accounts/1/deposit", json: #"{"cents":5}"#) }
      worker.kill()
      try await bank.startWorker("owners")
      try await bank.verify("owners")
    }
  }
  // snippet.end

  @Test func aWorkerFailsAtAChosenPoint() async throws {
    try await ApplicationHarness.run(.init(builtWithTests: "bank")) { bank in
      // snippet.faults
      let worker = try await bank.startWorker("owners", faults: "readmodel.applied=kill@2")
      #expect(try await worker.exitCode() == 137)  // 128 + SIGKILL
      // snippet.end
    }
  }

  @Test func aBrokerGoesAway() async throws {
    try await ApplicationHarness.run(.init(builtWithTests: "bank")) { bank in
      // snippet.broker
      let broker = try await bank.startBroker(brokers: 3)
      try await broker.setUp(false, broker: 2)
      try await broker.refuse(.produce, code: 19, count: 2)  // NOT_ENOUGH_REPLICAS
      // snippet.end
    }
  }
}
