import EventuallyTesting
import Foundation
import Testing

@testable import bank

/// The processes of the executable.
@Suite struct ProcessTests {
  @Test func nothingIsLostWhenAWorkerIsKilled() async throws {
    try await ApplicationHarness.run(.init(builtWithTests: "bank")) { bank in
      try await bank.startBroker()
      try await bank.startWriter()
      let worker = try await bank.startWorker("customers")
      try await bank.startWorker("statements")

      try await post("/customers/ann/register", #"{"name":"Ann"}"#, to: bank)
      try await post("/accounts/1/open", #"{"customer":"ann"}"#, to: bank)
      for _ in 1...10 { try await post("/accounts/1/deposit", #"{"cents":100}"#, to: bank) }
      try await bank.waitUntilCaughtUp("customers")
      for payment in 1...10 {
        try await post("/accounts/1/withdraw", #"{"cents":10}"#, to: bank)
        if payment == 5 { worker.kill() }
      }
      try await bank.startWorker("customers")
      try await bank.verify("customers", "statements")

      let answer = try await bank.query("/customers/ann", of: "customers")
      let ann = try JSONDecoder().decode(CustomerRow.self, from: Data(answer.body.utf8))
      #expect(ann == CustomerRow(id: "ann", name: "Ann", accounts: 1, cents: 900))
    }
  }

  private func post(_ path: String, _ json: String, to bank: ApplicationHarness) async throws {
    let answer = try await bank.post(path, json: json)
    #expect(answer.status == 200, "\(answer.body)")
  }
}
