import Eventually
import EventuallySQLite
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// Records on the topic that the writer has not written, with the real executables.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ForgedRecordTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  private func place(_ writer: HTTPEndpoint, _ orders: Range<Int>) async throws {
    for number in orders {
      #expect(
        try await writer.post("/orders/o-\(number)/create", #"{"country":"X"}"#).status == 200)
    }
  }

  /// A record that claims to be the event after the last one of some partition.
  private func forgeNext(inEmptyPartition: Bool = false) async throws -> EventRecord {
    let log = try SQLiteEventLog(path: pipeline.store, readers: 1)
    let head = try await log.head()
    var last = try #require(try await log.records(after: head - 1, limit: 1).first)
    if inEmptyPartition {
      last.position.partition = Partition(try #require(try await log.heads().firstIndex(of: 0)))
      last.position.partitionOffset = 0
    }
    let forger = Forger(pipeline, store: log.storeID)
    let forged = forger.next(after: last, partitions: log.partitionCount)
    try await forger.copy(forged, to: last.position.partition)
    return forged
  }

  private func waitForPublished(_ writer: HTTPEndpoint) async throws {
    let head = await pipeline.head()
    var ready = ""
    try await waitUntil("everything is published", seen: { ready }) {
      ready = try await writer.text("/readyz").body
      return ready.contains("\"published\":\(head),")
    }
  }

  /// It can't be told from the end of a newer store until the store has its own event there; commands go on throughout.
  @Test func aRecordForgedAheadDoesNotKeepTheWriterFromStarting() async throws {
    try await pipeline.startBroker()
    var writer = try await pipeline.startWriter("--partitions", "4")
    try await place(writer, 0..<8)
    try await waitForPublished(writer)
    #expect(try await pipeline.writer?.stop() == 0)
    let forged = try await forgeNext()
    writer = try await pipeline.startWriter()
    var ready: (status: UInt, body: String) = (0, "")
    try await waitUntil("the publisher is blocked", seen: { ready.body }) {
      ready = try await writer.text("/readyz")
      return ready.body.contains(#""publisher":"blocked""#)
    }
    let offset = forged.position.partitionOffset
    #expect(ready.status == 200)
    #expect(
      ready.body.contains(
        "up to partition offset \(offset), but the store only up to \(offset - 1)"))
    #expect(try await writer.text("/metrics").body.contains("eventually_publish_blocked 1"))
    try await place(writer, 8..<40)
    try await waitForPublished(writer)
    #expect(try await writer.text("/metrics").body.contains("eventually_publish_blocked 0"))
    #expect(try await pipeline.writer?.stop() == 0)
    // Or an administrator decides.
    _ = try await forgeNext()
    writer = try await pipeline.startWriter("--topic-conflict", "publish-anyway")
    try await place(writer, 40..<41)
    try await waitForPublished(writer)
  }

  /// Also where it is the first of its partition.
  @Test(arguments: [false, true])
  func aForgedEventStopsThePartitionAndARepairSetsItRight(isFirst: Bool) async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    try await place(writer, isFirst ? 0..<1 : 0..<8)
    let (worker, url) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "orders-1")
    _ = try await pipeline.verifiedDigests("orders")
    let forged = try await forgeNext(inEmptyPartition: isFirst)
    let words =
      "a forged event was applied at partition \(forged.position.partition), partition offset "
      + "\(forged.position.partitionOffset): run ordersctl repair orders"
    var ready: (status: UInt, body: String) = (0, "")
    let begun = ContinuousClock.now
    try await waitUntil("the partition stops", seen: { ready.body }) {
      ready = try await url.text("/readyz")
      return ready.body.contains(words)
    }
    print("noticed after \(ContinuousClock.now - begun)")
    #expect(ready.status == 503)
    #expect(
      try await url.text("/metrics").body.contains(
        #"eventually_forged_events_total{messaging_consumer_group_name="orders.orders.v1"} 1"#))
    #expect(try await url.text("/orders/\(forged.streamID)").status == 200)
    let places = ["--store", pipeline.store, "--read-models", pipeline.readModels]
    let status = try await pipeline.start("ordersctl", ["status"] + places)
    _ = try await status.exitCode()
    #expect(status.log.contains(words), "\(status.log)")
    let repair = try await pipeline.start("ordersctl", ["repair", "orders"] + places)
    #expect(try await repair.exitCode() == 0)
    #expect(repair.log.contains("the store ends at"), "\(repair.log)")
    #expect(repair.log.contains("generation 2 is live"), "\(repair.log)")
    try await waitUntil("the worker goes on", seen: { ready.body + worker.log }) {
      ready = try await url.text("/readyz")
      return ready.status == 200
    }
    #expect(try await url.text("/orders/\(forged.streamID)").status == 404)
    try await place(writer, 8..<40)
    _ = try await pipeline.verifiedDigests("orders")
    #expect(try await url.text("/readyz").status == 200)
    #expect(try await worker.stop() == 0)
  }

  /// A worker that can't ask the store does not notice; who reads the files of both does.
  @Test func statusShowsAPositionBeyondTheStoreByItself() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    try await place(writer, 0..<8)
    let (worker, url) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "orders-1")
    _ = try await pipeline.verifiedDigests("orders")
    #expect(try await pipeline.writer?.stop() == 0)
    let forged = try await forgeNext()
    try await waitUntil("the forged event is applied", seen: { worker.log }) {
      try await url.text("/orders/\(forged.streamID)").status == 200
    }
    let status = try await pipeline.run(
      "ordersctl", "status", "--store", pipeline.store, "--read-models", pipeline.readModels)
    #expect(
      status.output.contains(
        "partition \(forged.position.partition) was applied up to \(forged.position.partitionOffset), and the store ends at "
          + "\(forged.position.partitionOffset - 1)"),
      "\(status.output)")
    for words in [
      "AHEAD of the store by 1", "ahead by 1", "ordersctl repair orders builds it anew",
    ] {
      #expect(status.output.contains(words), "\(status.output)")
    }
    let places = ["--store", pipeline.store, "--read-models", pipeline.readModels]
    for (words, told) in [
      (["wait", "orders", "--timeout", "60"], "ordersctl repair orders"),
      (["verify", "orders"], "'repair'"),
    ] {
      let process = try await pipeline.start("ordersctl", words + places)
      #expect(try await process.exitCode() == 1)
      #expect(process.log.contains(told), "\(process.log)")
    }
    #expect(try await worker.stop() == 0)
  }

  @Test func withATopicKeyAForgedEventIsRejected() async throws {
    try await pipeline.startBroker()
    let keyFile = pipeline.file("topic.keys")
    try Data((String(repeating: "k", count: 40) + "\n").utf8).write(to: URL(filePath: keyFile))
    var writer = try await pipeline.startWriter("--partitions", "4", "--topic-key-file", keyFile)
    try await place(writer, 0..<8)
    let (worker, url) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "orders-1", "--topic-key-file", keyFile)
    _ = try await pipeline.verifiedDigests("orders")
    let forged = try await forgeNext()
    var ready = ""
    try await waitUntil("the record is rejected", seen: { ready + worker.log }) {
      ready = try await url.text("/readyz").body
      return ready.contains(#""rejectedRecordsKept":1,"#) && ready.contains(#""brokerLag":0,"#)
    }
    #expect(ready.contains(#""status":"ready""#))
    #expect(try await url.text("/orders/\(forged.streamID)").status == 404)
    let list = try await pipeline.run(
      "ordersctl", "rejected", "orders", "--read-models", pipeline.readModels)
    #expect(list.output.contains("it has no ce_mac"), "\(list.output)")
    #expect(try await pipeline.writer?.stop() == 0)
    writer = try await pipeline.startWriter("--topic-key-file", keyFile)
    try await place(writer, 8..<20)
    _ = try await pipeline.verifiedDigests("orders")
    #expect(try await worker.stop() == 0)
  }
}
