import EventuallyTesting

/// The harness's development broker, for one scenario.
package final class DevelopmentBroker: Broker {
  private let harness: ApplicationHarness
  private var broker: BrokerProcess?
  private var brokers = 1

  package init(of harness: ApplicationHarness) {
    self.harness = harness
  }

  package func start(brokers: Int) async throws {
    self.brokers = brokers
    broker = try await harness.startBroker(brokers: brokers)
  }

  package func disturb(_ disturbance: Disturbance) async throws {
    guard let broker else { throw NotAsExpected("there is no broker") }
    switch disturbance {
    case .takeAway: try await broker.takeDown()
    case .bringBack: try await broker.bringUp()
    case .end: broker.process.kill()
    case .startAgain, .loseEverything: try await start(brokers: brokers)
    case .freeze: broker.process.freeze()
    case .thaw: broker.process.resume()
    case .forget: break
    case .one(let number, let isUp): try await broker.setUp(isUp, broker: number)
    case .leader(let partition, let number):
      try await broker.makeLeader(number, ofPartition: partition)
    case .answerLate(let milliseconds): try await broker.delayAnswers(milliseconds: milliseconds)
    case .fail(let request, let code, let count):
      try await broker.refuse(request, code: code, count: count)
    }
  }

  package func close() async throws {
    broker?.process.kill()
  }
}
