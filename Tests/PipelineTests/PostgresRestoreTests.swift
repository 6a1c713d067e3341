import Eventually
import EventuallyTesting
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// Databases that are brought back to an earlier time, by a base backup and the archived log.
@Suite(
  .serialized, .timeLimit(.minutes(10)),
  .enabled(if: PostgresServer.obstacle == nil, "PostgreSQL is not installed here"))
struct PostgresRestoreTests {
  /// The topic has events whose numbers the store gives to others: nothing is published to it, however far the store goes on, what
  /// was built from it is found wrong, and a new topic mends all. Read models that went back with the store need no repair.
  @Test(arguments: [false, true])
  func theStoreGoesBack(withReadModels: Bool) async throws {
    let server = try await PostgresServer.start()
    let other = withReadModels ? nil : try await PostgresServer.start()
    try await server.archive()
    let shop = try PostgresShop(store: server.url(), readModels: other?.url())
    try await shop.pipeline.startBroker()
    try await shop.startWriter()
    try await shop.startWorker("orders")
    try await shop.place(20)
    try await shop.caughtUp("orders")
    let backup = try await PostgresServer.copy(of: server)
    try await shop.place(10)
    try await shop.caughtUp("orders")
    try await server.run("SELECT pg_create_restore_point('earlier')")
    try await shop.place(20)
    try await shop.caughtUp("orders")
    shop.pipeline.harness.endWriter()
    shop.endWorkers()
    try await server.restore(backup, to: "earlier")
    shop.use(store: backup.url(), readModels: other?.url() ?? backup.url())

    try await shop.startWriter()
    #expect(try await shop.pipeline.log().head() == 90)
    try await shop.until(
      try shop.writer(), tells: #""publisher":"blocked""#, "restored from an older copy")
    // Beyond what the topic has: its events differ from the store's now.
    try await shop.place(40)
    try await shop.until(
      try shop.writer(), tells: #""publisher":"blocked""#, "holds another event")
    try await shop.startWorker("orders")
    try await shop.until(try shop.worker("orders"), tells: "repair")
    let wrong = try await shop.administer("verify", "orders")
    #expect(wrong.code == 1 && wrong.output.contains("DIFFERS"), "\(wrong)")
    // Another relay sees the same.
    try await shop.startWriter()
    try await shop.until(
      try shop.writer(), tells: #""publisher":"blocked""#, "holds another event")

    shop.endWorkers()
    try await shop.beginNewTopic()
    let repaired = try await shop.administer("repair", "orders")
    #expect(repaired.code == 0, "\(repaired.output)")
    try await shop.startWorker("orders")
    try await shop.place(5)
    _ = try await shop.pipeline.verifiedDigests("orders")
    try await shop.until(try shop.worker("orders"), tells: #""status":"ready""#)
    try await shop.close()
  }

  /// Whoever keeps the old topic from its workers needs no repair: rows and checkpoints went back together.
  @Test func bothGoBackAndWorkersGoOnWithANewTopic() async throws {
    let server = try await PostgresServer.start()
    try await server.archive()
    let shop = try PostgresShop(store: server.url())
    try await shop.pipeline.startBroker()
    try await shop.startWriter()
    try await shop.startWorker("orders")
    try await shop.place(20)
    let backup = try await PostgresServer.copy(of: server)
    try await shop.place(10)
    try await shop.caughtUp("orders")
    try await server.run("SELECT pg_create_restore_point('earlier')")
    try await shop.place(10)
    try await shop.caughtUp("orders")
    shop.pipeline.harness.endWriter()
    shop.endWorkers()
    try await server.restore(backup, to: "earlier")
    shop.use(store: backup.url())
    try await shop.beginNewTopic()
    try await shop.startWorker("orders")
    try await shop.place(20)
    _ = try await shop.pipeline.verifiedDigests("orders")
    try await shop.close()
  }

  /// The read models alone go back: the workers apply again what came after, from the topic.
  @Test func theReadModelsGoBack() async throws {
    let (store, server) = (try await PostgresServer.start(), try await PostgresServer.start())
    try await server.archive()
    let shop = try PostgresShop(store: store.url(), readModels: server.url())
    try await shop.pipeline.startBroker()
    try await shop.startWriter()
    try await shop.startWorker("orders")
    try await shop.place(10)
    let backup = try await PostgresServer.copy(of: server)
    try await shop.place(10)
    try await shop.caughtUp("orders")
    try await server.run("SELECT pg_create_restore_point('earlier')")
    try await shop.place(10)
    try await shop.caughtUp("orders")
    shop.endWorkers()
    try await server.restore(backup, to: "earlier")
    shop.use(readModels: backup.url())
    try await shop.place(10)
    try await shop.startWorker("orders")
    _ = try await shop.pipeline.verifiedDigests("orders")
    try await shop.until(try shop.worker("orders"), tells: #""status":"ready""#)
    try await shop.close()
  }
}
