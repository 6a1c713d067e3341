import Eventually
import EventuallyTesting
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// A replay whose server crashes in the middle.
@Suite(
  .serialized, .timeLimit(.minutes(10)),
  .enabled(if: PostgresServer.obstacle == nil, "PostgreSQL is not installed here"))
struct PostgresReplayTests {
  /// The replay goes on, or ends and goes on when the command is given again; the generation that it makes is right, and queries are
  /// answered from the one before until then.
  @Test func aReplayGoesOnAfterTheServerHasCrashed() async throws {
    let server = try await PostgresServer.start()
    let shop = try PostgresShop(store: server.url())
    try await shop.pipeline.startBroker()
    let writer = try await shop.startWriter()
    try await shop.startWorker("sales")
    let simulation = try await shop.pipeline.start(
      "writer", "simulate", "--url", writer.base, "--orders", "400", "--rate", "400", "--seed", "5")
    #expect(try await simulation.exitCode() == 0, "\(simulation.log)")
    let before = try await shop.pipeline.verifiedDigests("sales")
    let newest = "SELECT max(number) FROM eventually_readmodels.generations WHERE name = 'sales'"
    let arguments = [
      "replay", "sales", "--from", "zero", "--store", shop.pipeline.store, "--read-models",
      shop.pipeline.readModels,
    ]
    var (outcomes, interrupted) = ([String](), 0)
    for delay in [0, 100, 300] {
      let last = try await server.run(newest)
      let replay = try await shop.pipeline.start("ordersctl", arguments)
      try await waitUntil("the generation is begun", seen: { replay.log }) {
        try await server.run(newest) != last
      }
      // Anywhere in it.
      try await Task.sleep(for: .milliseconds(delay))
      if replay.isRunning { interrupted += 1 }
      try await server.kill()
      try await server.start()
      let code = try await replay.exitCode()
      outcomes.append("after \(delay) ms: \(code)")
      if code != 0 {
        let again = try await shop.pipeline.start("ordersctl", arguments)
        #expect(try await again.exitCode() == 0, "\(replay.log)\n\(again.log)")
      }
      #expect(try await shop.pipeline.verifiedDigests("sales") == before, "\(outcomes)")
    }
    #expect(interrupted > 0, "\(outcomes)")
    try await shop.place(5)
    _ = try await shop.pipeline.verifiedDigests("sales")
    try await shop.close()
  }
}
