import Eventually
import Foundation

extension Scenario {
  static let topicScenarios = [
    Scenario(
      "topic-truncated", "retention deletes what a stopped worker has not had yet",
      needs: [.orders], play: truncated),
    Scenario(
      "foreign-producer",
      "somebody else writes junk, large, repeated, misplaced and made-up records to the topic",
      play: foreign),
  ]

  /// Orders with long descriptions soon fill the 5 MiB that a development broker keeps of a partition.
  private static func truncated(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker(partitions: 1)
    let harness = stage.pipeline.harness
    try await harness.startWriter()
    let first = try await harness.startWorker(stage.first)
    let item =
      #"{"addItem":{"sku":"A","description":"\#(String(repeating: "x", count: 990))","#
      + #""quantity":1,"unitPrice":"1.25"}}"#
    func place(_ orders: Range<Int>, items: Int) async throws {
      let commands =
        [#"{"create":{"country":"France"}}"#]
        + Array(repeating: item, count: items) + [#"{"complete":{}}"#]
      for number in orders {
        let answer = try await harness.post(
          "/orders/L-\(number)/commands",
          json: #"{"commands":[\#(commands.joined(separator: ","))]}"#)
        guard answer.status == 200 else { throw NotAsExpected(answer.body) }
      }
    }
    try await place(0..<5, items: 3)
    try await harness.verify(stage.first)
    guard try await first.stop() == 0 else { throw NotAsExpected(first.log) }
    try await place(5..<55, items: 150)
    let head = await stage.pipeline.head()
    let log = try await stage.log()
    try await waitUntil("everything is published") { try await log.published() == head }
    try await stage.disturb(.forget(before: Int64(head) - 100))
    let second = try await harness.startWorker(stage.first)
    try await harness.verify(stage.first)
    stage.tally.add(.rowsVerified)
    var body = ""
    try await waitUntil("a gap was repaired", seen: { body + second.log }) {
      body = try await second.get("/readyz").body
      return !body.contains("\"gapsRepaired\":0,") && !body.contains("\"eventsFromFeed\":0,")
    }
    stage.tally.add(.gapsRepaired)
    guard try await second.stop() == 0 else { throw NotAsExpected(second.log) }
    guard try await harness.writer?.stop() == 0 else {
      throw NotAsExpected(harness.writer?.log ?? "")
    }
  }

  private static func foreign(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    let writer = try await stage.startWriter()
    let worker = try await stage.startWorker(.first, "first-1")
    try await stage.becomesReady(worker)
    let load = try stage.startLoad(entities: 200, rate: 40)
    try await stage.begun(load, 40)
    let forger = Forger(stage.pipeline, store: try await stage.log().storeID)
    // Nothing of an event at all, and large.
    for partition in Int32(0)..<4 {
      try await forger.produce(partition, key: "junk", value: "junk", headers: [])
      try await forger.produce(
        partition, key: "large", value: String(repeating: "x", count: 950_000), headers: [])
    }
    // Another store's; a position that is none; a type that nobody knows.
    try await forger.produce(
      0, key: "other", value: "{}", headers: ["ce_source=another", "ce_position=1.1.1"])
    try await forger.produce(
      1, key: "bad", value: "{}", headers: ["ce_source=\(forger.store)", "ce_position=first"])
    // The store's own events once more, in the wrong order.
    let records = try await stage.log().records(after: 20, limit: 30)
    for record in records.shuffled(using: &stage.random).prefix(12) {
      try await forger.copy(record, to: record.position.partition)
    }
    // An event in another partition than its own, and one that the store does not have, far ahead of it.
    if let record = records.first {
      try await forger.copy(record, to: (record.position.partition + 1) % 4)
      var ahead = record
      ahead.position.partitionOffset += 1_000_000
      try await forger.copy(ahead, to: record.position.partition)
    }
    stage.tally.add(.recordsForged, forger.count)
    try await stage.loadEnds()
    try await stage.verify([.first])
    try await stage.counts(worker, .rejectedRecords, atLeast: 12)
    try await stage.counts(worker, .duplicatesDropped, atLeast: 12)
    let list = try await stage.pipeline.harness.run(
      "rejected", stage.first, "--read-models", stage.pipeline.readModels)
    for words in ["junk", "another", "ce_position", "belongs to partition", "does not have"]
    where !list.output.contains(words) {
      throw NotAsExpected("'\(words)' is not among the rejected records: \(list.output)")
    }
    _ = try await writer.text("/readyz")
    try await stage.checkAll([.first])
  }
}
