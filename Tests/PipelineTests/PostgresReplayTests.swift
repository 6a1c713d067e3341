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
    var outcomes: [String] = []
    for delay in [100, 400, 800] {
      let arguments = [
        "replay", "sales", "--from", "zero", "--store", shop.pipeline.store, "--read-models",
        shop.pipeline.readModels,
      ]
      let replay = try await shop.pipeline.start("ordersctl", arguments)
      // Anywhere in it.
      try await Task.sleep(for: .milliseconds(delay))
      try await server.kill()
      try await server.start()
      let code = try await replay.exitCode()
      outcomes.append("\(delay): \(code)")
      if code != 0 {
        let again = try await shop.pipeline.run(
          "ordersctl", "replay", "sales", "--from", "zero", "--store", shop.pipeline.store,
          "--read-models", shop.pipeline.readModels)
        #expect(again.code == 0, "\(replay.log)\n\(again.output)")
      }
      #expect(try await shop.pipeline.verifiedDigests("sales") == before, "\(outcomes)")
    }
    try await shop.place(5)
    _ = try await shop.pipeline.verifiedDigests("sales")
    try await shop.close()
  }
}
