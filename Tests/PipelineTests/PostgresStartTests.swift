import Eventually
import EventuallyTesting
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// Processes that are started while their database is away.
@Suite(
  .timeLimit(.minutes(5)),
  .enabled(if: PostgresServer.obstacle == nil, "PostgreSQL is not installed here"))
struct PostgresStartTests {
  @Test func aWorkerWaitsForADatabaseThatIsJustStarting() async throws {
    let server = try await PostgresServer.start()
    let pipeline = try Pipeline()
    pipeline.harness.setReadModelFolder(server.url())
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    try await server.kill()
    let file = pipeline.file("worker.url")
    let worker = try await pipeline.start(
      "projector",
      [
        "run", "sales", "--read-models", pipeline.readModels, "--feed", writer.base, "--brokers",
        pipeline.brokers, "--topic", pipeline.harness.kafka.topic, "--worker", "w", "--listen",
        "127.0.0.1:0",
        "--address-file", file,
      ])
    try await waitUntil("it waits", within: .seconds(60), seen: { worker.log }) {
      worker.log.contains("waiting for the read models' database")
    }
    try await server.start()
    try await waitUntil("it works", within: .seconds(60), seen: { worker.log }) {
      guard let url = try? String(contentsOfFile: file, encoding: .utf8),
        let endpoint = HTTPEndpoint(url.trimmingCharacters(in: .whitespacesAndNewlines))
      else { return false }
      return try await endpoint.text("/readyz").status == 200
    }
    #expect(try await worker.stop() == 0, "\(worker.log)")
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// Waiting would not help.
  @Test func whoIsNotLetInIsToldAtOnce() async throws {
    let server = try await PostgresServer.start()
    let pipeline = try Pipeline()
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let url = server.url("none")
    let kafka = [
      "--brokers", pipeline.brokers, "--topic", pipeline.harness.kafka.topic, "--listen",
      "127.0.0.1:0",
    ]
    for command in [
      ["writer", "serve", "--store", url],
      ["projector", "run", "sales", "--read-models", url, "--feed", writer.base],
      ["projector", "run", "sales", "--read-models", pipeline.file("r"), "--feed", url],
      [
        "projector", "run", "sales", "--read-models", server.url(), "--query-replica", url,
        "--feed",
        writer.base,
      ],
    ] {
      let begun = ContinuousClock.now
      let process = try await pipeline.start(command[0], Array(command.dropFirst()) + kafka)
      #expect(try await process.exitCode() == 1, "\(process.log)")
      // A worker that waits does so for a minute.
      #expect(ContinuousClock.now - begun < .seconds(40), "\(command): \(process.log)")
      #expect(process.log.contains("database \"none\" does not exist"), "\(process.log)")
    }
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// Its partitions go on at another worker, and it joins the group again when the server lets it in.
  @Test func aWorkerThatIsCutOffLeavesItsPartitions() async throws {
    let server = try await PostgresServer.start()
    _ = try await server.run("CREATE ROLE cut LOGIN SUPERUSER")
    let shop = try PostgresShop(store: server.url())
    try await shop.pipeline.startBroker()
    try await shop.startWriter()
    try await shop.startWorker("orders")
    shop.use(readModels: server.url().replacing("postgres@", with: "cut@"))
    try await shop.startWorker("orders", as: "cut")
    shop.use(readModels: server.url())
    let (cut, process) = (try shop.worker("cut"), try #require(shop.workers["cut"]))
    try await shop.place(5)
    try await shop.until(cut, of: process, tells: #""status":"ready""#, #""partitions":[{"#)
    _ = try await server.run("ALTER ROLE cut NOLOGIN")
    _ = try await server.run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cut'")
    try await shop.place(20)
    try await shop.pipeline.harness.waitUntilCaughtUp(["orders"], within: .seconds(150))
    try await shop.until(cut, of: process, tells: "leaves its partitions to others")
    _ = try await server.run("ALTER ROLE cut LOGIN")
    try await shop.until(cut, of: process, tells: #""status":"ready""#, #""partitions":[{"#)
    try await shop.place(5)
    _ = try await shop.pipeline.verifiedDigests("orders")
    try await shop.close()
  }
}
