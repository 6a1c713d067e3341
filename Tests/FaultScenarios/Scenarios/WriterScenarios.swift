import Eventually
import Foundation

extension Scenario {
  static let writerScenarios = [
    killedWriter(
      "writer-killed-after-append", "SIGKILL of the writer after an append, before it is published",
      at: "store.committed", passages: 20...120),
    killedWriter(
      "writer-killed-after-removal",
      "SIGKILL of the writer when a stream is removed, and the store's log still has its events",
      at: "store.removed", passages: 1...3, needs: [.removal]),
    killedWriter(
      "writer-killed-after-erasure",
      "SIGKILL of the writer when nothing is left of a removed stream, which is not noted yet",
      at: "store.erased", passages: 1...3, needs: [.removal],
      on: .files("it is about emptying SQLite's log; PostgreSQL's tables are emptied by VACUUM")),
    killedWriter(
      "writer-killed-after-produce",
      "SIGKILL of the writer with events handed to Kafka and not acknowledged",
      at: "relay.produced",
      passages: 5...60),
    killedWriter(
      "writer-killed-after-acknowledgement",
      "SIGKILL of the writer with events acknowledged by Kafka and the cursor not saved",
      at: "relay.acknowledged", passages: 5...60),
    Scenario(
      "writer-killed-after-refusal",
      "SIGKILL of the writer when Kafka has refused an event and may have accepted later ones",
      requires: [.failingRequests, .lateAnswers], play: killedAfterRefusal),
    Scenario(
      "writer-killed-during-recovery", "SIGKILL of the writer while it recovers from a SIGKILL",
      play: killedRecovery),
    Scenario(
      "writer-killed-at-random", "SIGKILL of the writer under load, again and again",
      play: killedAtRandom),
    Scenario(
      "import-killed", "SIGKILL of an import, which is run again until it is done",
      needs: [.orders], play: killedImport),
  ]

  /// The writer kills itself at a point, and is started again.
  private static func killedWriter(
    _ name: String, _ summary: String, at point: String, passages: ClosedRange<Int>,
    needs: Set<ApplicationAbility> = [], on stores: ScenarioStores = .all
  ) -> Scenario {
    Scenario(name, summary, needs: needs, on: stores) { stage in
      try await stage.pipeline.startBroker()
      let passage = Int.random(in: passages, using: &stage.random)
      try await stage.startWriter(faults: "\(point)=kill@\(passage)")
      try await stage.startWorker(.first, "first-1")
      try await stage.startWorker(.second, "second-1")
      try stage.startLoad(entities: 150)
      try await stage.writerDies()
      try await stage.startWriter()
      try await stage.checkAllOnce([.first, .second])
    }
  }

  /// With several requests on their way, Kafka may accept some behind the one that it refuses (here in about one of five
  /// rounds): then the topic's last record hides a hole.
  private static func killedAfterRefusal(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter(faults: "relay.refused=kill")
    try await stage.startWorker(.first, "first-1")
    try await stage.disturb(.answerLate(milliseconds: 20))
    let load = try stage.startLoad(entities: 600, rate: 200)
    for round in 1...3 {
      if round > 1 { try await stage.startWriter(faults: "relay.refused=kill") }
      try await stage.begun(load, round * 100)
      // MSG_SIZE_TOO_LARGE is not tried again.
      try await stage.disturb(.fail(.produce, code: 10, count: 1))
      try await stage.writerDies()
    }
    try await stage.startWriter()
    try await stage.publishedWhole()
    try await stage.checkAll([.first])
  }

  private static func killedRecovery(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    try await stage.startWorker(.first, "first-1")
    let load = try stage.startLoad(entities: 150)
    try await stage.begun(load, 30)
    stage.killWriter()
    for _ in 1...2 {
      try await stage.startWriterThatDies(faults: "relay.recovering=kill")
      try await stage.writerDies()
    }
    try await stage.startWriter()
    try await stage.checkAllOnce([.first])
  }

  private static func killedAtRandom(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    for model in ReadModelRole.allCases { try await stage.startWorker(model, "\(model)-1") }
    let load = try stage.startLoad(entities: 240)
    for part in 1...3 {
      try await stage.begun(load, part * 40)
      try await stage.pause(0...500)
      stage.killWriter()
      try await stage.startWriter()
    }
    try await stage.checkAllOnce(ReadModelRole.allCases)
  }

  /// Invoices come from a file; each SIGKILL hits the import after some orders more.
  private static func killedImport(_ stage: Stage) async throws {
    let pipeline = stage.pipeline
    try await pipeline.startBroker()
    let csv = pipeline.file("invoices.csv")
    // Each run has more than a hundred orders under way when it is killed.
    let invoices = 1200
    try Data(invoiceFile(invoices, &stage.random).utf8).write(to: URL(filePath: csv))
    let arguments =
      [
        "import", csv, "--store", pipeline.store, "--partitions", "4", "--listen", "127.0.0.1:0",
        "--rejected", pipeline.file("rejected.csv"),
      ] + pipeline.kafkaArguments
    for _ in 1...3 {
      let passage = Int.random(in: 1...40, using: &stage.random)
      let importing = try await pipeline.start(
        "writer", arguments, environment: Stage.faults("import.placed=kill@\(passage)"))
      guard try await importing.exitCode() == 128 + SIGKILL else {
        throw NotAsExpected("the import was not killed: \(importing.log.suffix(1500))")
      }
      stage.tally.add(.writersKilled)
    }
    let last = try await pipeline.start("writer", arguments)
    guard try await last.exitCode() == 0 else { throw NotAsExpected(last.log) }
    let head = await pipeline.head()
    guard head == UInt64(invoices * 4) else {
      throw NotAsExpected("\(head) events in the store instead of \(invoices * 4)")
    }
    try await stage.startWriter()
    try await stage.startWorker(.first, "first-1")
    try await stage.checkAllOnce([.first])
  }

  /// Invoices of two rows each: four events.
  static func invoiceFile(_ count: Int, _ random: inout SeededRandom) -> String {
    var text = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    for number in 0..<count {
      for _ in 0..<2 {
        text +=
          "\(70_000 + number),S\(random.next() % 50),ITEM,\(random.next() % 20 + 1),"
          + "2010-12-01 08:26:00,\(random.next() % 30).25,\(17_000 + number % 40).0,France\n"
      }
    }
    return text
  }
}

/// What a topic holds of a store's events.
struct TopicContents {
  /// How many different events there are.
  var events = 0
  /// How many records hold an event that an earlier record holds.
  var twice = 0
}

extension Stage {
  /// Checks everything, and that each event is in the topic, once: a writer that comes back goes on behind what the
  /// topic holds.
  func checkAllOnce(_ models: [ReadModelRole]) async throws {
    try await loadEnds()
    try await verify(models)
    let topic = try await wholeTopic()
    guard topic.twice == 0 else {
      throw NotAsExpected("\(topic.twice) events are in the topic twice")
    }
    try await checkAll(models)
  }

  /// Reads the topic, once everything is published; each event must be there.
  func wholeTopic() async throws -> TopicContents {
    let head = await pipeline.head()
    let log = try await pipeline.log()
    try await waitUntil("everything is published", seen: { self.pipeline.writer?.log ?? "" }) {
      try await log.published() >= head
    }
    // kcat goes to a partition's end where the broker calls an offset out of range, as scenarios have it do.
    let kcat = try await pipeline.startTool(
      "kcat",
      pipeline.kcatArguments
        + ["-C", "-e", "-q", "-X", "auto.offset.reset=earliest", "-f", "%p@%o %h\n"],
      at: pipeline.brokerPlace)
    guard try await kcat.exitCode(within: .seconds(60)) == 0 else { throw NotAsExpected(kcat.log) }
    var records: Set<Substring> = []
    var seen: Set<Substring> = []
    var contents = TopicContents()
    for line in kcat.log.split(separator: "\n") {
      // It may begin a partition again.
      guard records.insert(line.prefix { $0 != " " }).inserted else { continue }
      guard let position = line.range(of: "ce_position=") else { continue }
      // The sequence number is the second of three.
      let numbers = line[position.upperBound...].prefix { $0 != "," }.split(separator: ".")
      if !seen.insert(numbers[1]).inserted { contents.twice += 1 }
    }
    contents.events = seen.count
    guard contents.events == Int(head) else {
      throw NotAsExpected("the topic holds \(contents.events) of the store's \(head) events")
    }
    return contents
  }
}
