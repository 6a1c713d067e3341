import Eventually
import EventuallyTesting
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// Standbys that take the primary's place, and such that answer queries.
@Suite(
  .serialized, .timeLimit(.minutes(10)),
  .enabled(if: PostgresServer.obstacle == nil, "PostgreSQL is not installed here"))
struct PostgresStandbyTests {
  /// All processes go on at a synchronous standby, and nothing that was acknowledged is lost.
  @Test func processesGoOnAtASynchronousStandby() async throws {
    let primary = try await PostgresServer.start()
    let standby = try await primary.makeStandby()
    try await primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
    try await primary.run("SELECT pg_reload_conf()")
    let shop = try PostgresShop(store: primary.url(or: standby))
    try await shop.pipeline.startBroker()
    let writer = try await shop.startWriter()
    for name in ["orders", "sales"] { try await shop.startWorker(name) }
    let simulation = try await shop.pipeline.start(
      "writer", "simulate", "--url", writer.base, "--orders", "300", "--rate", "60", "--seed", "3")
    try await shop.caughtUp("orders", "sales")
    let log = try await shop.pipeline.log()
    try await waitUntil("the head 300") { try await log.head() >= 300 }
    try await primary.kill()
    try await standby.run("SELECT pg_promote()")
    #expect(try await simulation.exitCode() == 0, "\(simulation.log)")
    try await shop.place(5)
    _ = try await shop.pipeline.verifiedDigests("orders", "sales")
    // Nothing was lost, so that the relay goes on by itself.
    try await shop.until(
      try shop.writer(), tells: #""publisher":"publishing""#, #""backlog":0"#)
    for name in ["orders", "sales"] {
      try await shop.until(try shop.worker(name), tells: #""status":"ready""#)
    }
    try await shop.close()
  }

  /// A standby that was behind has lost acknowledged commands; the topic has their events. Nobody goes on as if nothing were.
  @Test func whatAnAsynchronousStandbyLacksIsFound() async throws {
    let primary = try await PostgresServer.start()
    let standby = try await primary.makeStandby()
    let shop = try PostgresShop(store: primary.url(or: standby))
    try await shop.pipeline.startBroker()
    try await shop.startWriter()
    try await shop.startWorker("orders")
    try await shop.place(20)
    try await shop.caughtUp("orders")
    try await waitUntil("the standby has it") {
      try await standby.run(
        "SELECT count(*), (SELECT published FROM eventually.relay) FROM eventually.events")
        == "60|60"
    }
    try await standby.run("ALTER SYSTEM SET primary_conninfo = ''")
    try await standby.run("SELECT pg_reload_conf()")
    try await waitUntil("nothing is sent") {
      try await primary.run("SELECT count(*) FROM pg_stat_replication") == "0"
    }
    try await shop.place(10)
    try await shop.caughtUp("orders")
    try await primary.kill()
    try await standby.run("SELECT pg_promote()")
    // More than was lost, and at once: all numbers of lost events are given to others.
    try await shop.place(30)
    #expect(try await shop.pipeline.log().head() == 150)
    try await shop.until(
      try shop.writer(), tells: #""publisher":"blocked""#, "holds another event",
      #""head":150,"published":60,"backlog":90"#)
    try await shop.until(try shop.worker("orders"), tells: "repair")
    try await shop.beginNewTopic()
    let repaired = try await shop.administer("repair", "orders")
    #expect(repaired.code == 0, "\(repaired.output)")
    try await shop.startWorker("orders")
    _ = try await shop.pipeline.verifiedDigests("orders")
    try await shop.close()
  }

  /// Queries read a replica, and wait there for what their token stands for.
  @Test func aReplicaAnswersQueries() async throws {
    let primary = try await PostgresServer.start()
    let replica = try await primary.makeStandby()
    let shop = try PostgresShop(store: primary.url())
    try await shop.pipeline.startBroker()
    try await shop.startWriter()
    try await shop.startWorker("orders", "--query-replica", replica.url())
    let file = shop.pipeline.file("queries.url")
    let server = try await shop.pipeline.start(
      "projector", "serve", "--read-models", shop.pipeline.readModels, "--query-replica",
      replica.url(), "--listen", "127.0.0.1:0", "--address-file", file)
    let queries = try #require(HTTPEndpoint(try await shop.pipeline.content(of: file, by: server)))
    let answering = [queries, try shop.worker("orders")]
    let first = try await shop.place(1)
    try await shop.caughtUp("orders")
    for endpoint in answering {
      // The replica has the read model's tables a moment later.
      try await waitUntil("\(endpoint.base) knows the read model") {
        try await endpoint.text("/orders/order-1").status != 503
      }
      let answer = try await endpoint.text("/orders/order-1?after=\(first)&wait=30")
      #expect(answer.status == 200 && answer.body.contains("completed"), "\(answer)")
    }
    // The replica stands still, and the worker does not.
    try await replica.run("SELECT pg_wal_replay_pause()")
    try await waitUntil("the replica stands still") {
      try await replica.run("SELECT pg_get_wal_replay_pause_state()") == "paused"
    }
    let second = try await shop.place(1)
    try await shop.caughtUp("orders")
    for endpoint in answering {
      #expect(try await endpoint.text("/orders/order-2").status == 404)
      let late = try await endpoint.text("/orders/order-2?after=\(second)&wait=1")
      #expect(late.status == 503 && late.body.contains("not yet"), "\(late)")
    }
    let asked = answering.map { endpoint in
      Task { try await endpoint.text("/orders/order-2?after=\(second)&wait=30") }
    }
    try await replica.run("SELECT pg_wal_replay_resume()")
    for task in asked {
      let answer = try await task.value
      #expect(answer.status == 200 && answer.body.contains("completed"), "\(answer)")
    }
    // Whoever only looks may look there; a worker's feed may not be behind the topic.
    let status = try await shop.pipeline.run(
      "ordersctl", "status", "--store", replica.url(), "--read-models", shop.pipeline.readModels)
    #expect(status.code == 0, "\(status.output)")
    let fed = try await shop.pipeline.start(
      "projector",
      ["run", "orders", "--read-models", shop.pipeline.readModels, "--feed", replica.url()]
        + shop.pipeline.kafkaArguments)
    #expect(try await fed.exitCode() != 0)
    #expect(fed.log.contains("hot standby") && fed.log.contains("name the primary"), "\(fed.log)")
    // Without it there are no answers; the worker goes on.
    try await replica.kill()
    for endpoint in answering {
      let answer = try await endpoint.text("/orders/order-2")
      #expect(answer.status == 503 && answer.body.contains("unavailable"), "\(answer)")
    }
    let third = try await shop.place(1)
    try await shop.caughtUp("orders")
    try await replica.start()
    for endpoint in answering {
      try await waitUntil("\(endpoint.base) answers again") {
        try await endpoint.text("/orders/order-3?after=\(third)&wait=5").status == 200
      }
    }
    #expect(try await server.stop() == 0, "\(server.log)")
    let files = try await shop.pipeline.run(
      "projector", "serve", "--read-models", shop.pipeline.file("folder"), "--query-replica",
      replica.url())
    #expect(files.code != 0 && files.output.contains("can't answer queries"), "\(files)")
    try await shop.close()
  }
}
