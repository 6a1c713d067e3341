import Foundation
import OrdersApp

/// A development broker in a process of its own, for one scenario.
package final class DevelopmentBroker: Broker {
  private let folder: String
  private var process: RunningProcess?
  private var control: HTTPEndpoint?
  private var starts = 0
  private var size = (partitions: 4, brokers: 1)
  package private(set) var servers = ""
  package let topic = "orders"
  package let settings: [String] = []
  /// The mock cluster drops members that join while their session is shorter.
  package let sessionTimeout = 4000

  package init(folder: String) {
    self.folder = folder
  }

  /// Starts a broker that holds nothing, in place of an earlier one and at another address.
  package func start(partitions: Int, brokers: Int) async throws {
    process = nil
    size = (partitions, brokers)
    starts += 1
    let bootstrap = "\(folder)/brokers"
    let address = "\(folder)/brokers.url"
    for file in [bootstrap, address] { try? FileManager.default.removeItem(atPath: file) }
    let process = try RunningProcess(
      "\(buildFolder)/devbroker",
      [
        "--bootstrap-file", bootstrap, "--partitions", "\(partitions)", "--brokers", "\(brokers)",
        "--control", "127.0.0.1:0", "--address-file", address,
      ], log: "\(folder)/devbroker-\(starts).log")
    self.process = process
    servers = try await contentOfFile(bootstrap, by: process)
    let url = try await contentOfFile(address, by: process)
    guard let endpoint = HTTPEndpoint(url) else { throw NotAsExpected("'\(url)' is no URL") }
    control = endpoint
  }

  package func disturb(_ disturbance: Disturbance) async throws {
    switch disturbance {
    case .takeAway: for broker in 1...size.brokers { try await post("brokers/\(broker)/down") }
    case .bringBack: for broker in 1...size.brokers { try await post("brokers/\(broker)/up") }
    case .end: process?.killHard()
    case .startAgain, .loseEverything:
      try await start(partitions: size.partitions, brokers: size.brokers)
    case .freeze: process?.send(SIGSTOP)
    case .thaw: process?.send(SIGCONT)
    case .forget: break
    case .one(let broker, let isUp): try await post("brokers/\(broker)/\(isUp ? "up" : "down")")
    case .leader(let partition, let broker):
      try await post("partitions/\(partition)/leader/\(broker)")
    case .answerLate(let milliseconds):
      for broker in 1...size.brokers { try await post("brokers/\(broker)/rtt/\(milliseconds)") }
    case .fail(let request, let code, let count):
      try await post("errors/\(request.rawValue)/\(code)/\(count)")
    }
  }

  private func post(_ path: String) async throws {
    guard let control else { throw NotAsExpected("there is no broker") }
    let answer = try await control.post("/" + path)
    guard answer.status == 200 else {
      throw NotAsExpected("the broker refused \(path): \(answer.body)")
    }
  }

  package func close() async throws {
    process = nil
  }
}
