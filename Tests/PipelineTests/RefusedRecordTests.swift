import Eventually
import EventuallySQLite
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// Events that the broker does not take, with the real executables and a proxy that refuses them.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RefusedRecordTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  private func place(
    _ writer: HTTPEndpoint, _ orders: Range<Int>, customer: String = "c"
  ) async throws {
    for number in orders {
      let answer = try await writer.post(
        "/orders/o-\(number)/create", #"{"country":"X","customer":"\#(customer)"}"#)
      #expect(answer.status == 200, "\(answer.body)")
    }
  }

  private func ready(
    _ writer: HTTPEndpoint, _ proxy: RefusingProxy, _ what: String,
    _ condition: @escaping (String) -> Bool
  ) async throws -> String {
    var body = ""
    try await waitUntil(
      what,
      seen: { "\(body), accepted \(proxy.accepted) \(self.pipeline.writer?.lastWords ?? "")" }
    ) {
      body = try await writer.text("/readyz").body
      return condition(body)
    }
    return body
  }

  private func admin(_ words: String...) async throws -> (code: Int32, output: String) {
    let process = try await pipeline.start("ordersctl", words + ["--store", pipeline.store])
    return (try await process.exitCode(), process.log)
  }

  @Test func aRefusedEventIsToldAndSkippedAndAppliedFromTheFeed() async throws {
    try await pipeline.startBroker()
    let proxy = try RefusingProxy(to: pipeline.brokers) {
      $0.contains("poison") ? RefusingProxy.invalidRecord : nil
    }
    var writer = try await pipeline.startWriter("--brokers", proxy.brokers, "--partitions", "4")
    let (worker, _) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "orders-1")
    try await place(writer, 0..<40)
    try await place(writer, 40..<41, customer: "poison")
    try await place(writer, 41..<200)
    let log = try SQLiteEventLog(path: pipeline.store, readers: 1)
    let event = try #require(try await log.records(after: 40, limit: 1).first)
    let (partition, offset) = (event.position.partition, event.position.partitionOffset)
    var expected: [Int32: Int] = [:]
    for (index, head) in try await log.heads().enumerated() { expected[Int32(index)] = Int(head) }
    expected[partition] = Int(offset - 1)
    let body = try await ready(writer, proxy, "the event is told") { body in
      body.contains(#""refused":[{"partition":\#(partition),"offset":\#(offset),"#)
        && proxy.accepted == expected.filter { $0.value > 0 }
    }
    #expect(body.contains("INVALID_RECORD") && body.contains("\(event.id)"), "\(body)")
    #expect(body.contains(#""status":"ready""#) && body.contains("the command 'skip'"), "\(body)")
    let gauge = #"eventually_publish_held_offset{partition="\#(partition)"}"#
    let metrics = try await writer.text("/metrics").body
    #expect(metrics.contains("\(gauge) \(offset)"), "\(metrics)")
    try await waitUntil("the store says so") {
      try await log.publishedProgress()?.refused.first?.position == event.position
    }
    let status = try await admin("status", "--read-models", pipeline.readModels)
    #expect(status.output.contains("partition offset \(offset) (sequence number 41"), "\(status)")

    let wrong = try await admin("skip", "--partition", "\(partition)", "--offset", "\(offset + 1)")
    #expect(wrong.code == 1 && wrong.output.contains("\(offset) does"), "\(wrong)")
    let skip = try await admin("skip", "--partition", "\(partition)", "--offset", "\(offset)")
    #expect(skip.code == 0 && skip.output.contains("placeholder"), "\(skip)")
    _ = try await ready(writer, proxy, "all is published") {
      $0.contains(#""backlog":0,"#) && !$0.contains("refused\":")
    }
    #expect(proxy.acceptedCount == 200)
    #expect(try await writer.text("/metrics").body.contains("\(gauge) 0"))
    try await waitUntil("the store says so") { try await log.publishedProgress() == nil }
    // As after a crash before anything was noted: the topic's end is read, and the placeholder is known.
    #expect(try await pipeline.writer?.stop() == 0)
    do {
      let connection = try SQLiteConnection(path: pipeline.store, mode: .readWrite)
      try connection.execute("UPDATE store SET value = 0 WHERE key = 'published'")
    }
    writer = try await pipeline.startWriter("--brokers", proxy.brokers)
    try await place(writer, 200..<201)
    _ = try await ready(writer, proxy, "all is published") {
      $0.contains(#""published":201,"#) && $0.contains(#""backlog":0,"#)
    }
    #expect(proxy.acceptedCount == 201)
    _ = try await pipeline.verifiedDigests("orders")
    #expect(worker.isRunning)
    let customer = try await writer.text("/orders/o-40").body
    #expect(customer.contains("poison"))
  }

  @Test func whatTheTopicDoesNotTakeIsNotStored() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "1", "--max-record-bytes", "1500")
    try await place(writer, 0..<1)
    func add(_ size: Int) async throws -> (status: UInt, body: String) {
      let description = String(repeating: "x", count: size)
      return try await writer.post(
        "/orders/o-0/add-item",
        #"{"sku":"A","quantity":1,"unitPrice":"1","description":"\#(description)"}"#)
    }
    let refused = try await add(1000)
    #expect(refused.status == 413, "\(refused)")
    #expect(
      refused.body.contains("record-too-large") && refused.body.contains("1500")
        && refused.body.contains("max.message.bytes"), "\(refused)")
    #expect(await pipeline.head() == 1)
    #expect(try await add(300).status == 200)
    let wrong = try await pipeline.run("writer", "serve", "--max-record-bytes", "1000")
    #expect(wrong.code == 64 && wrong.output.contains("1024"), "\(wrong)")
  }
}
