import Eventually
import FaultScenarios
import Foundation
import Testing

@testable import EventuallySQLite
@testable import EventuallyServer

/// Events in the store that this code can't read, by damage or because newer code appended them.
@Suite(.timeLimit(.minutes(5))) struct UnreadableEventTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  /// Orders in a store whose events nobody has published yet, and a change to its file.
  private func prepare(_ orders: [String], _ change: String) async throws {
    let writer = try await pipeline.startWriter(
      "--partitions", "1", "--brokers", "127.0.0.1:1")
    for id in orders {
      let order =
        #"{"commands":[{"create":{"country":"France"}},"#
        + #"{"addItem":{"sku":"A","quantity":1,"unitPrice":"10"}},{"complete":{}}]}"#
      #expect(try await writer.post("/orders/\(id)/commands", order).status == 200)
    }
    #expect(try await pipeline.writer?.stop() == 0)
    try SQLiteConnection(path: pipeline.store, mode: .create).execute(change)
    try await pipeline.startBroker(partitions: 1)
  }

  private func ctl(_ words: String...) async throws -> (code: Int32, output: String) {
    var places = ["--store", pipeline.store, "--read-models", pipeline.readModels]
    if words.starts(with: ["parked", "list"]) { places.removeFirst(2) }
    if words.first == "history" { places.removeLast(2) }
    let process = try await pipeline.start("ordersctl", words + places)
    return (try await process.exitCode(), process.log)
  }

  @Test func aDamagedPayloadIsParkedAndItsStreamCanBeRemoved() async throws {
    try await prepare(
      ["one", "bad", "two"],
      "UPDATE events SET payload = CAST('{\"sku\":' AS BLOB) WHERE sequence = 5")
    let writer = try await pipeline.startWriter()
    let workers = try await pipeline.startAllProjectors(feed: writer.base)
    let wait = try await ctl("wait", "--timeout", "60")
    #expect(wait.code == 0, "\(wait.output) \(workers.map(\.log))")
    let list = try await ctl("parked", "list", "sales")
    #expect(list.output.contains("bad") && !list.output.contains("two"), "\(list.output)")
    #expect(list.output.contains("can't be decoded"), "\(list.output)")
    // Without what is parked, the read models are right; that something is parked is said.
    let verify = try await ctl("verify")
    #expect(verify.code == 0 && verify.output.contains("2 events parked"), "\(verify.output)")
    try await waitUntil("the store was looked at", seen: { pipeline.writer?.log ?? "" }) {
      try await writer.text("/readyz").body.contains(#""unreadableEvents":1,"unknownEvents":0"#)
    }
    #expect(try await writer.text("/readyz").body.contains("partition offset 5"))
    let history = try await ctl("history", "order", "bad")
    #expect(history.code == 0 && history.output.contains("version 2 can't be applied"))
    let state = try await ctl("as-of", "order", "bad", "--sequence", "6")
    #expect(state.code == 1 && state.output.contains("version 2"), "\(state.output)")

    let removed = try await writer.send("DELETE", "/orders/bad")
    #expect([200, 202].contains(removed.status))
    #expect(String(decoding: removed.body, as: UTF8.self).contains(#""token":"0-10""#))
    try await waitUntil("the erasure") {
      try await writer.text("/orders/bad/removal").body.contains(#""erasure":"done""#)
    }
    #expect(try await writer.send("DELETE", "/orders/bad").status == 404)
    _ = try await pipeline.verifiedDigests()
    #expect(try await ctl("parked", "list", "sales").output.contains("nothing is parked"))
    for worker in workers { #expect(try await worker.stop() == 0) }
    #expect(try await pipeline.writer?.stop() == 0)
  }

  @Test func anUnknownTypeHoldsItsPartitionUntilItIsParked() async throws {
    try await prepare(
      ["one", "new", "two"], "UPDATE events SET type = 'OrderExploded' WHERE sequence = 5")
    let writer = try await pipeline.startWriter()
    let (worker, url) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales")
    try await waitUntil("the partition is held", seen: { worker.log }) {
      let ready = try await url.text("/readyz")
      return ready.status == 503 && ready.body.contains("OrderExploded")
    }
    let status = try await ctl("status")
    #expect(status.output.contains("partition 0 is held"), "\(status.output)")
    #expect(status.output.contains("'OrderExploded'"))
    let verify = try await ctl("verify", "sales")
    #expect(verify.code == 1 && verify.output.contains("partition 0 is held"), "\(verify.output)")
    try await waitUntil("the store was looked at") {
      try await writer.text("/readyz").body.contains(#""unreadableEvents":0,"unknownEvents":1"#)
    }
    for (offset, told) in [("4", "can be read"), ("99", "no event"), ("0", "--offset")] {
      let refused = try await ctl(
        "parked", "add", "sales", "--partition", "0", "--offset", offset)
      #expect(refused.code != 0 && refused.output.contains(told), "\(refused.output)")
    }
    let add = try await ctl("parked", "add", "sales", "--partition", "0", "--offset", "5")
    #expect(add.code == 0 && add.output.contains("'new'"), "\(add.output)")
    let wait = try await ctl("wait", "sales", "--timeout", "60")
    #expect(wait.code == 0, "\(wait.output) \(worker.log)")
    #expect(try await ctl("parked", "list", "sales").output.contains("OrderExploded"))
    let right = try await ctl("verify", "sales")
    #expect(right.code == 0 && right.output.contains("2 events parked"), "\(right.output)")
    let again = try await ctl("replay", "sales", "--from", "zero")
    #expect(again.code == 0 && again.output.contains("equal"), "\(again.output)")
    #expect(try await worker.stop() == 0)
    #expect(try await pipeline.writer?.stop() == 0)
  }
}
