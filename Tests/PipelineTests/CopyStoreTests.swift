import Eventually
import EventuallySQLite
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyCommand

/// The command that moves a store, as a process.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CopyStoreTests {
  private let shop: StoredOrders

  init() throws { shop = try StoredOrders() }

  private var store: String { shop.pipeline.store }
  private var moved: String { shop.pipeline.file("moved/store.sqlite") }

  /// Killed at each point, and run again.
  @Test func aMoveThatIsKilledIsGoneOnWith() async throws {
    try await shop.simulate(orders: 20)
    let head = try await SQLiteEventLog(path: store).head()
    for point in FaultPoint.copy {
      let target = shop.pipeline.file("moved/\(point.name).sqlite")
      let move = ["copy-store", "--from", store, "--to", target]
      let killed = try await shop.pipeline.start(
        "ordersctl", move, environment: [FaultPlan.variable: "\(point.name)=kill"])
      let code = try await killed.exitCode()
      // Simulated orders have no idempotency keys.
      #expect(code == (point == .copyKeys ? 0 : 128 + SIGKILL), "\(point.name): \(killed.log)")
      let writer = try await shop.pipeline.start(
        "writer", ["simulate", "--orders", "1", "--store", store, "--brokers", "127.0.0.1:1"])
      #expect(try await writer.exitCode() == 1)
      #expect(writer.log.contains("was moved to"), "\(point.name): \(writer.log)")
      let again = try await shop.ctl(move)
      #expect(again.code == 0, "\(point.name): \(again)")
      #expect(try await SQLiteEventLog(path: target).head() == head)
      #expect(try await SQLiteEventLog(path: target).findDamage() == [])
      #expect(try await shop.ctl(["copy-store", "--from", store, "--undo"]).code == 0)
    }
    let told = try await shop.ctl(["copy-store", "--from", store, "--to", moved, "--retire"])
    #expect(told.code == 0 && told.output.contains("is \(store).moved now"), "\(told)")
    #expect(!FileManager.default.fileExists(atPath: store))
  }

  @Test func whatIsMovedIsTold() async throws {
    let none = try await shop.ctl(["copy-store", "--from", store, "--to", moved])
    #expect(none.code == 1 && none.output.contains("there is no store"), "\(none)")
    try await shop.simulate(orders: 3)
    for (arguments, told) in [
      ([], "with --to"), (["--to", moved, "--undo"], "with --from alone"),
      (["--undo", "--retire"], "with --from alone"),
    ] {
      let refused = try await shop.ctl(["copy-store", "--from", store] + arguments)
      #expect(refused.code == 64 && refused.output.contains(told), "\(refused)")
    }
    let same = try await shop.ctl(["copy-store", "--from", store, "--to", store])
    #expect(same.code == 1 && same.output.contains("are the same store"), "\(same)")
    let done = try await shop.ctl(["copy-store", "--from", store, "--to", moved])
    #expect(
      done.code == 0 && done.output.contains("digest ")
        && done.output.contains("start writers with --store \(moved)"), "\(done)")
    let again = try await shop.ctl(["copy-store", "--from", store, "--to", moved])
    #expect(again.code == 0 && again.output.contains("was moved to \(moved) before"), "\(again)")
    let undone = try await shop.ctl(["copy-store", "--from", store, "--undo"])
    #expect(undone.code == 0 && undone.output.contains("takes appends again"), "\(undone)")
  }
}
