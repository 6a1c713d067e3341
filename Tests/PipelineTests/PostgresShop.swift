import Eventually
import EventuallyTesting
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// The sample's pipeline on PostgreSQL servers that a test copies, stops and puts in each other's place.
final class PostgresShop {
  let pipeline: Pipeline
  private(set) var workers: [String: RunningProcess] = [:]
  private var placed = 0

  /// - Parameters:
  ///   - store: the store's database.
  ///   - readModels: that of the read models; the same where it is left out.
  init(store: String, readModels: String? = nil) throws {
    pipeline = try Pipeline()
    use(store: store, readModels: readModels)
  }

  func use(store: String? = nil, readModels: String? = nil) {
    if let store { pipeline.harness.setStore(store) }
    if let readModels = readModels ?? store { pipeline.harness.setReadModelFolder(readModels) }
  }

  @discardableResult
  func startWriter() async throws -> HTTPEndpoint {
    try await pipeline.startWriter("--partitions", "4")
  }

  /// - Parameter name: the worker's; its read model's where it is left out.
  func startWorker(
    _ readModel: String, as name: String? = nil, _ arguments: String...
  ) async throws {
    let name = name ?? readModel
    workers[name] = try await pipeline.harness.serveWorker(
      readModel, feed: try writer().base, worker: name, environment: [:], arguments)
  }

  func writer() throws -> HTTPEndpoint {
    try pipeline.endpoint(try #require(pipeline.writer))
  }

  func worker(_ name: String) throws -> HTTPEndpoint {
    try pipeline.endpoint(try #require(workers[name]))
  }

  /// Ends all workers.
  func endWorkers() {
    for worker in workers.values { worker.kill() }
    workers = [:]
  }

  /// Gives commands until they are carried out, each with its key.
  /// - Returns: the token of the last one.
  @discardableResult
  func place(_ count: Int) async throws -> String {
    var token = ""
    let writer = try writer()
    for _ in 0..<count {
      placed += 1
      let order =
        #"{"commands":[{"create":{"country":"France"}},"#
        + #"{"addItem":{"sku":"A","quantity":2,"unitPrice":"1.50"}},{"complete":{}}]}"#
      let id = "order-\(placed)"
      var answer = "none"
      try await waitUntil("\(id) is placed", seen: { answer }) {
        do {
          let response = try await writer.send(
            "POST", "/orders/\(id)/commands", body: Array(order.utf8), idempotencyKey: id)
          answer = "\(response.status): \(String(decoding: response.body, as: UTF8.self))"
          guard response.status == 200 || response.status == 201 else { return false }
          let json =
            try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
          token = try #require(json?["token"] as? String, "\(answer)")
          return true
        } catch {
          answer = "\(error)"
          return false
        }
      }
    }
    return token
  }

  func caughtUp(_ names: String...) async throws {
    try await pipeline.harness.waitUntilCaughtUp(names, within: .seconds(60))
  }

  func administer(_ arguments: String...) async throws -> (code: Int32, output: String) {
    try await pipeline.harness.run(
      arguments + ["--store", pipeline.store, "--read-models", pipeline.readModels])
  }

  /// Waits until what a process tells of its readiness has some words. The development broker gives a group's members a second to answer
  /// its assignment: on a machine that is busy, several come to nothing.
  func until(
    _ endpoint: HTTPEndpoint, of process: RunningProcess? = nil, tells words: String...
  ) async throws {
    var seen = ""
    try await waitUntil(
      "\(endpoint.base) tells \(words)", within: .seconds(120),
      seen: { "\(seen) \(process?.log.suffix(3_000) ?? "")" }
    ) {
      seen = try await endpoint.text("/readyz").body
      return words.allSatisfy(seen.contains)
    }
  }

  /// Goes over to a topic that has nothing yet, as the articles say.
  func beginNewTopic() async throws {
    // In order, so that nobody has the right to publish.
    if let writer = pipeline.writer { _ = try await writer.stop() }
    pipeline.harness.endWriter()
    endWorkers()
    pipeline.harness.use(.init(servers: "", topic: "orders-2"))
    try await pipeline.startBroker()
    // A relay that was killed has the right for some seconds more, also in what was restored.
    var republished = ""
    try await waitUntil("all is to be published", seen: { republished }) {
      let (code, output) = try await pipeline.harness.run("republish", "--store", pipeline.store)
      republished = output
      return code == 0
    }
    try await startWriter()
  }

  /// Ends all, and says that it ended in order.
  func close() async throws {
    for worker in workers.values { #expect(try await worker.stop() == 0, "\(worker.log)") }
    workers = [:]
    if let writer = pipeline.writer { #expect(try await writer.stop() == 0, "\(writer.log)") }
    try await pipeline.close()
  }
}

extension PostgresServer {
  /// Runs a statement.
  /// - Returns: its rows.
  @discardableResult
  func run(_ statement: String, in database: String = "postgres") async throws -> String {
    let log = FileManager.default.temporaryDirectory.appending(path: "psql-\(UUID()).log").path
    defer { try? FileManager.default.removeItem(atPath: log) }
    let process = try await RunningProcess.start(
      "/usr/bin/env",
      ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, url(database)],
      log: log)
    guard try await process.exitCode() == 0 else { throw ScenarioFailure(process.log) }
    return process.log.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The address of a database of this server and another one: whoever writes looks for the primary.
  func url(or other: PostgresServer) -> String {
    "postgres://postgres@127.0.0.1:\(port),127.0.0.1:\(other.port)/postgres"
  }

  /// A standby that follows this server.
  func makeStandby() async throws -> PostgresServer {
    let standby = try await PostgresServer.copy(of: self)
    try standby.standBy(behind: self)
    try await standby.start()
    return standby
  }

  /// Has everything that the server wrote kept beside its data.
  func archive() async throws {
    try FileManager.default.createDirectory(
      atPath: "\(folder)/../archive", withIntermediateDirectories: true)
    try configure(
      "archive_mode = on", "archive_command = 'cp %p \(folder)/../archive/%f'")
    try await stop()
    try await start()
  }

  /// Stops this server, with all that it has in the archive, and brings a base backup of it to a restore point.
  func restore(_ backup: PostgresServer, to point: String) async throws {
    try await run("SELECT pg_switch_wal()")
    try await stop()
    try backup.configure(
      "archive_mode = off", "restore_command = 'cp \(folder)/../archive/%f %p'",
      "recovery_target_name = '\(point)'", "recovery_target_action = promote")
    try backup.append([], to: "recovery.signal")
    try await backup.start()
    try await waitUntil("the backup is restored") {
      try await backup.run("SELECT pg_is_in_recovery()") == "f"
    }
  }
}
