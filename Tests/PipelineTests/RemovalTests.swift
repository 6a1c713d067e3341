import AsyncHTTPClient
import Eventually
import EventuallySQLite
import FaultScenarios
import Foundation
import NIOCore
import NIOHTTP1
import Testing

@testable import EventuallyServer

/// What is removed is gone from all files, and until then it is told that it is not.
@Suite(.serialized, .timeLimit(.minutes(15))) struct RemovalTests {
  private let pipeline: Pipeline
  private static let secret = "Zebedee of 7 Secret Lane"
  private static let order =
    #"{"commands":[{"create":{"country":"France","customer":"\#(secret)"}},"#
    + #"{"addItem":{"sku":"A","quantity":2,"unitPrice":"1.50"}},{"complete":{}}]}"#

  init() throws {
    pipeline = try Pipeline()
  }

  /// A connection that keeps reading one state of a database, as a backup does.
  ///
  /// `@unchecked Sendable`: a test uses it from one task at a time.
  private final class Backup: @unchecked Sendable {
    private let connection: SQLiteConnection

    init(_ path: String) throws {
      connection = try SQLiteConnection(path: path, mode: .readOnly)
      try connection.execute("BEGIN")
      _ = try connection.integer("SELECT count(*) FROM sqlite_schema")
    }

    func end() throws { try connection.execute("ROLLBACK") }
  }

  /// The files of the store and of the read models that have a text somewhere.
  ///
  /// Another process looks into them: to close a file gives all locks back that this process has on it.
  private func files(with text: String) async throws -> [String] {
    let search = try await RunningProcess.start(
      "/bin/grep",
      ["-rlaF", "--include=store.sqlite*", "--include=*.sqlite*", text, pipeline.folder],
      log: pipeline.file("grep.log"))
    guard try await search.exitCode() < 2 else { throw NotAsExpected(search.log) }
    return search.log.split(separator: "\n").map { String($0.dropFirst(pipeline.folder.count)) }
  }

  private func erasure(_ writer: HTTPEndpoint, _ order: String) async throws -> String {
    let answer = try await writer.text("/orders/\(order)/removal")
    guard answer.status == 200 else { return "\(answer)" }
    let json = try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any]
    return json?["erasure"] as? String ?? answer.body
  }

  @Test func aBackupHoldsUpTheErasureOverARestart() async throws {
    try await pipeline.startBroker()
    var writer = try await pipeline.startWriter("--partitions", "4")
    #expect(try await writer.post("/orders/gone/commands", Self.order).status == 200)
    #expect(try await writer.text("/orders/gone/removal").status == 404)
    let backup = try Backup(pipeline.store)
    var request = HTTPClientRequest(url: writer.base + "/orders/gone")
    request.method = .DELETE
    let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
    #expect(answer.status == .accepted)
    #expect(answer.headers.first(name: "location") == "/orders/gone/removal")
    let token = try #require(answer.headers.first(name: "eventually-token"))
    let body = String(buffer: try await answer.body.collect(upTo: 1 << 20))
    #expect(body.contains(#""erasure":"pending""#) && body.contains(token), "\(body)")
    // Whoever asks again is told the same; commands go on.
    let again = try await writer.send("DELETE", "/orders/gone")
    #expect(again.status == 202)
    for number in 0..<20 {
      let placed = try await writer.post("/orders/other-\(number)/create", #"{"country":"X"}"#)
      #expect(placed.status == 200, "\(placed)")
    }
    let pending = try await writer.text("/orders/gone/removal").body
    #expect(pending.contains(#""erasure":"pending""#) && pending.contains("backup"), "\(pending)")
    #expect(try await writer.text("/readyz").body.contains(#""erasuresPending":1"#))
    #expect(try await writer.text("/metrics").body.contains("eventually_pending_erasures 1"))
    #expect(try await files(with: Self.secret).contains { $0.hasSuffix("store.sqlite-wal") })
    pipeline.writer?.kill()
    let status = try await pipeline.run(
      "ordersctl", "status", "--store", pipeline.store, "--read-models", pipeline.readModels)
    #expect(status.output.contains("1 pending, the first since"), "\(status.output)")
    writer = try await pipeline.startWriter()
    #expect(try await erasure(writer, "gone") == "pending")
    try backup.end()
    try await waitUntil("the erasure") { try await erasure(writer, "gone") == "done" }
    #expect(try await files(with: Self.secret) == [])
    try await expectTombstone(of: "gone")
    #expect(try await writer.text("/readyz").body.contains(#""erasuresPending":0"#))
    #expect(try await writer.send("DELETE", "/orders/gone").status == 404)
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// The removal's record is the last of its key, and has no value.
  private func expectTombstone(of key: String) async throws {
    var lines: [Substring] = []
    try await waitUntil("the tombstone", seen: { "\(lines)" }) {
      let kcat = try await RunningProcess.start(
        "/usr/bin/kcat",
        ["-b", pipeline.brokers, "-C", "-t", "orders", "-e", "-q", "-f", "%k|%S|%h\n"],
        log: pipeline.file("kcat.log"))
      _ = try await kcat.exitCode(within: .seconds(30))
      lines = kcat.log.split(separator: "\n").filter { $0.hasPrefix("\(key)|") }
      return lines.last?.hasPrefix("\(key)|-1|") == true
        && lines.last?.contains("ce_type=eventually.removed") == true
    }
  }

  /// Wherever a writer is killed in the middle of a removal, the next one brings it to its end.
  @Test(arguments: ["store.removed", "store.erasing", "store.erased"])
  func aKilledWritersErasureIsFinished(point: String) async throws {
    try await pipeline.startBroker()
    var writer = try await pipeline.startWriter(
      "--partitions", "4", environment: [FaultPlan.variable: "\(point)=kill"])
    #expect(try await writer.post("/orders/gone/commands", Self.order).status == 200)
    await #expect(throws: (any Error).self) { try await writer.send("DELETE", "/orders/gone") }
    let process = try #require(pipeline.writer)
    try await waitUntil("the writer's end") { !process.isRunning }
    writer = try await pipeline.startWriter()
    try await waitUntil("the erasure") { try await erasure(writer, "gone") == "done" }
    #expect(try await files(with: Self.secret) == [])
    #expect(try await writer.text("/orders/gone").status == 404)
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// Read models forget by themselves: live rows, earlier generations, checkpoints.
  @Test func readModelsForgetInAllFiles() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    var workers: [(RunningProcess, HTTPEndpoint)] = []
    for name in ["orders", "customers"] {
      workers.append(
        try await pipeline.startProjector(name, feed: writer.base, worker: name))
    }
    #expect(try await writer.post("/orders/kept/commands", Self.order).status == 200)
    let before = try await pipeline.verifiedDigests("orders", "customers")
    // What is kept has another name.
    #expect(try await writer.send("DELETE", "/orders/kept").status < 300)
    let other = Self.order.replacing(Self.secret, with: "somebody else")
    #expect(try await writer.post("/orders/kept/commands", other).status == 200)
    #expect(try await writer.post("/orders/gone/commands", Self.order).status == 200)
    let digests = try await pipeline.verifiedDigests("orders", "customers")
    #expect(digests != before)
    let places = ["--read-models", pipeline.readModels]
    for name in ["orders", "customers"] {
      for command in [["savepoint", "save", name, "old"], ["replay", name, "--from", "zero"]] {
        let source = command[0] == "replay" ? ["--store", pipeline.store] : []
        let process = try await pipeline.start("ordersctl", command + places + source)
        #expect(try await process.exitCode() == 0, "\(process.log)")
      }
    }
    let token = try await writer.send("DELETE", "/orders/gone").body
    _ = try await pipeline.verifiedDigests("orders", "customers")
    for (worker, url) in workers {
      try await waitUntil(
        "\(worker.name) to forget \(String(decoding: token, as: UTF8.self))",
        seen: { (try? await url.text("/readyz").body) ?? worker.log }
      ) { try await url.text("/readyz").body.contains(#""removalsPending":0"#) }
    }
    #expect(try await files(with: Self.secret) == [])
    for name in ["orders", "customers"] {
      let show = try await pipeline.start(
        "ordersctl", ["savepoint", "show", name, "old"] + places)
      #expect(try await show.exitCode() == 0, "\(show.log)")
      let forget = try await pipeline.start("ordersctl", ["forget", name] + places)
      #expect(try await forget.exitCode() == 0, "\(forget.log)")
      #expect(forget.log.contains("nothing is left"), "\(forget.log)")
    }
    for (worker, _) in workers { #expect(try await worker.stop() == 0) }
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// A forgetting that is killed is gone on with.
  @Test func aKilledForgettingIsFinished() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let (worker, _) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "orders")
    #expect(try await writer.post("/orders/gone/commands", Self.order).status == 200)
    _ = try await pipeline.verifiedDigests("orders")
    let places = ["--read-models", pipeline.readModels]
    let save = try await pipeline.start(
      "ordersctl", ["savepoint", "save", "orders", "old"] + places)
    #expect(try await save.exitCode() == 0, "\(save.log)")
    // Its worker is away while the checkpoint is to forget.
    #expect(try await worker.stop() == 0)
    #expect(try await writer.send("DELETE", "/orders/gone").status < 300)
    let (dying, _) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "dying",
      environment: [FaultPlan.variable: "readmodel.forgotten=kill"])
    try await waitUntil("the worker's end", seen: { dying.log }) { !dying.isRunning }
    let forget = try await pipeline.start("ordersctl", ["forget", "orders"] + places)
    #expect(try await forget.exitCode() == 0, "\(forget.log)")
    #expect(forget.log.contains("1 removed streams are forgotten"), "\(forget.log)")
    #expect(try await files(with: Self.secret) == [])
    let show = try await pipeline.start(
      "ordersctl", ["savepoint", "show", "orders", "old"] + places)
    #expect(try await show.exitCode() == 0, "\(show.log)")
    #expect(try await pipeline.writer?.stop() == 0)
  }
}
