import Eventually
import EventuallySQLite
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer
@testable import Orders

/// Invoices as messy as real ones, as a CSV file: sales, returns, write-offs and bad debts, quoted commas, prices
/// with three decimals, an invoice in two places, and rows that must be rejected.
func sampleCSV(invoices: Int) -> (text: String, rows: Int, rejected: Int, total: Money) {
  var random = SeededRandom(seed: 11)
  var text = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
  var rows = 0
  var total = Money.zero
  func add(_ invoice: String, _ quantity: Int64, _ price: String, _ customer: String) {
    // All rows of an invoice say the same of it.
    let number = Int(invoice.filter(\.isNumber)) ?? 0
    text +=
      "\(invoice),S\(random.next() % 50),\"ITEM, \"\"NEW\"\" \(random.next() % 3)\",\(quantity),"
      + "2010-12-0\(number % 9 + 1) 08:26:00,\(price),\(customer),"
      + "\(["United Kingdom", "France", "EIRE"][number % 3])\n"
    rows += 1
    if let price = Money(price), let quantity = Quantity(quantity),
      let line = try? price.times(quantity), let sum = try? total.adding(line)
    {
      total = sum
    }
  }
  var previous = ""
  for number in 0..<invoices {
    let lines = Int(random.next() % 12) + 1
    let customer = random.next() % 5 == 0 ? "" : "\(17_000 + random.next() % 40).0"
    for _ in 0..<lines {
      let quantity = Int64(random.next() % 20) + 1
      switch number % 20 {
      case 7: add("C\(1000 + number)", -quantity, "1.255", customer)
      case 13: add("\(1000 + number)", -quantity, "0.0", "")
      case 17: add("A\(1000 + number)", 1, "-11062.06", "")
      default:
        add("\(1000 + number)", quantity, "\(random.next() % 30).\(random.next() % 1000)", customer)
      }
    }
    // A late row of the invoice before.
    if number % 20 == 1 { add("\(1000 + number - 1)", 1, "2.50", previous) }
    previous = customer
  }
  text += "9999,S1,BROKEN,many,2010-12-01 08:26:00,1.00,,France\n"
  text += "9999,S1,BROKEN,1,2010-12-01 08:26:00,1.00\n"
  text += "9998,S1,ZERO,0,2010-12-01 08:26:00,1.00,,France\n"
  return (text, rows + 3, 3, total)
}

/// The whole pipeline, as real processes.
@Suite(.serialized, .timeLimit(.minutes(15))) struct PipelineTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  /// SIGKILL in the middle of an import, again and again; in the end the read models are, digest for digest,
  /// those of an import that nothing disturbed.
  @Test func anImportThatIsKilledAndRunAgainLosesAndRepeatsNothing() async throws {
    let sample = sampleCSV(invoices: 400)
    func importAll(into pipeline: Pipeline, killing: Bool) async throws -> [String: String] {
      let csv = pipeline.file("sample.csv")
      try Data(sample.text.utf8).write(to: URL(filePath: csv))
      try await pipeline.startBroker()
      let workers = try await pipeline.startAllProjectors(feed: pipeline.store)
      let arguments = [
        "import", csv, "--store", pipeline.store, "--partitions", "4", "--brokers",
        pipeline.brokers, "--listen", "127.0.0.1:0", "--rejected", pipeline.file("rejected.csv"),
      ]
      for part in 1...4 where killing {
        let importing = try await pipeline.start("writer", arguments)
        let goal = UInt64(part * 400)
        try await waitUntil("the head \(goal)", seen: { importing.log }) {
          let head = await pipeline.head()
          return head >= goal || !importing.isRunning
        }
        importing.kill()
      }
      let last = try await pipeline.start("writer", arguments)
      let code = try await last.exitCode()
      #expect(code == 0, "\(last.log)")
      func figure(_ name: String) -> String? {
        last.log.split(separator: "\n").first { $0.hasPrefix(name) }?
          .split(separator: " ").last.map { String($0.replacing(",", with: "")) }
      }
      #expect(figure("rows read") == "\(sample.rows)")
      #expect(figure("rows rejected") == "\(sample.rejected)")
      #expect(figure("rows accepted") == "\(sample.rows - sample.rejected)")
      #expect(figure("orders placed").flatMap { Int($0) } != nil)
      #expect(figure("total") == sample.total.description)
      if killing { #expect(figure("orders found") != "0") }
      let rejected = try String(contentsOfFile: pipeline.file("rejected.csv"), encoding: .utf8)
      #expect(rejected.split(separator: "\n").count == 1 + sample.rejected)
      let digests = try await pipeline.verifiedDigests()
      for worker in workers { #expect(try await worker.stop() == 0) }
      return digests
    }
    let killed = try await importAll(into: pipeline, killing: true)
    let undisturbed = try await importAll(into: try Pipeline(), killing: false)
    #expect(killed.count == 3)
    #expect(killed == undisturbed)
  }

  /// Workers are killed, added and stopped while orders flow; the read model is exact in the end.
  @Test func workersComeAndGoWhileOrdersFlow() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    var (first, url) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "first")
    let (second, _) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "second")
    let others = [
      try await pipeline.startProjector("orders", feed: writer.base, worker: "orders").0,
      try await pipeline.startProjector("customers", feed: writer.base, worker: "customers").0,
    ]
    let simulation = try await pipeline.start(
      "writer", "simulate", "--url", writer.base, "--orders", "1500", "--rate", "150")
    try await waitUntil("events in the first worker", seen: { first.log }) {
      let ready = try await url.text("/readyz")
      return ready.status == 200 && !ready.body.contains("\"applied\":0,")
    }
    first.kill()
    (first, url) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "first")
    try await waitUntil("the first worker's return", seen: { first.log }) {
      try await url.text("/readyz").status == 200
    }
    #expect(try await second.stop() == 0)
    #expect(try await simulation.exitCode() == 0, "\(simulation.log)")
    let digests = try await pipeline.verifiedDigests()
    #expect(digests.count == 3)
    for worker in others + [first] { #expect(try await worker.stop() == 0) }
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// A writer that is killed while clients send commands: what it acknowledged is there, and its clients go on
  /// when it is back.
  @Test func theWriterIsKilledUnderLoad() async throws {
    try await pipeline.startBroker()
    var writer = try await pipeline.startWriter("--partitions", "4", "--listen", "127.0.0.1:0")
    let port = try #require(writer.base.split(separator: ":").last)
    let workers = try await pipeline.startAllProjectors(feed: writer.base)
    let simulation = try await pipeline.start(
      "writer", "simulate", "--url", writer.base, "--orders", "1200", "--rate", "200")
    for goal in [2000, 9000, 16_000] as [UInt64] {
      try await waitUntil("the head \(goal)", seen: { simulation.log }) {
        await pipeline.head() >= goal
      }
      pipeline.writer?.kill()
      writer = try await pipeline.startWriter("--listen", "127.0.0.1:\(port)")
    }
    #expect(try await simulation.exitCode() == 0, "\(simulation.log)")
    let expected = (1...1200).reduce(0) { $0 + OrderGenerator(seed: 1).events($1).count }
    #expect(await pipeline.head() == UInt64(expected))
    _ = try await pipeline.verifiedDigests()
    for worker in workers { #expect(try await worker.stop() == 0) }
  }

  @Test func commandsQueriesAndTheirRefusals() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let (projector, orders) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "one")
    let created = try await writer.post(
      "/orders/my-1/create", #"{"country":"France","customer":"me"}"#)
    #expect(created.status == 200 && created.body.contains("\"version\":1"), "\(created)")
    let item = #"{"sku":"A1","description":"TEAPOT","quantity":2,"unitPrice":"12.50"}"#
    #expect(try await writer.post("/orders/my-1/add-item", item).status == 200)
    #expect(try await writer.post("/orders/my-1/complete").status == 200)
    try await waitUntil("the order in the read model", seen: { projector.log }) {
      try await orders.text("/orders/my-1").body.contains("\"status\":\"completed\"")
    }
    #expect(try await orders.text("/orders/my-1").body.contains("\"total\":\"25.00\""))
    #expect(try await orders.text("/orders?customer=me").body.contains("my-1"))
    #expect(try await orders.text("/orders/none").status == 404)
    #expect(try await writer.text("/orders/my-1").body.contains("TEAPOT"))
    #expect(try await writer.text("/orders/my-1/history").body.contains("OrderCompleted"))
    let commands =
      #"{"commands":[{"create":{"country":"X"}},{"addItem":\#(item)},{"complete":{}}]}"#
    #expect(try await writer.post("/orders/my-2/commands", commands).body.contains("\"version\":3"))
    let refusals: [(String, String, UInt, String)] = [
      ("/orders/my-1/create", #"{"country":"X"}"#, 409, "already-exists"),
      ("/orders/my-1/add-item", item, 409, "not-open"),
      ("/orders/none/complete", "{}", 404, "unknown-order"),
      ("/orders/a%20b/create", #"{"country":"X"}"#, 422, "invalid"),
      ("/orders/my-3/create", #"{"country""#, 400, "invalid-json"),
      ("/orders/my-3/create", "", 400, "invalid-json"),
      ("/orders/my-3/create", #"{"customer":"x"}"#, 422, "country"),
      ("/orders/my-3/create", #"{"country":"X","kind":"gift"}"#, 422, "kind"),
      ("/orders/my-3/commands", #"{"commands":[]}"#, 422, "commands"),
      ("/orders/my-3/commands", #"{"commands":[{"destroy":{}}]}"#, 422, "destroy"),
      ("/orders/my-3/create", String(repeating: " ", count: 5 << 20), 413, "body-too-large"),
      ("/orders/my-3/destroy", "{}", 404, "not-found"),
    ]
    for (path, body, status, word) in refusals {
      let answer = try await writer.post(path, body)
      #expect(answer.status == status && answer.body.contains(word), "\(path): \(answer)")
    }
    // All or none: the second command is refused, so the first has not happened.
    let half = #"{"commands":[{"create":{"country":"X"}},{"complete":{}}]}"#
    #expect(try await writer.post("/orders/my-4/commands", half).status == 409)
    #expect(try await writer.text("/orders/my-4").status == 404)
    for path in ["/events?limit=0", "/events?after=x", "/events?partition=4"] {
      #expect(try await writer.text(path).status == 400, "\(path)")
    }
    #expect(try await writer.text("/events?store=another").status == 409)
    let feed = try await writer.text("/events?after=1&limit=2").body.split(separator: "\n")
    #expect(feed.count == 2 && feed[0].contains("\"sequenceNumber\":2"))
    #expect(try await projector.stop() == 0)
  }

  /// What is erased is gone from the store and from every read model, and the rest is as if it had never been.
  @Test func aRemovedOrderIsForgottenEverywhere() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let workers = try await pipeline.startAllProjectors(feed: writer.base)
    let order =
      #"{"commands":[{"create":{"country":"France","customer":"me"}},"#
      + #"{"addItem":{"sku":"A","quantity":2,"unitPrice":"1.50"}},{"complete":{}}]}"#
    #expect(try await writer.post("/orders/kept/commands", order).status == 200)
    let before = try await pipeline.verifiedDigests()
    #expect(try await writer.post("/orders/gone/commands", order).status == 200)
    #expect(try await pipeline.verifiedDigests()["sales"] != before["sales"])
    #expect([200, 202].contains(try await writer.send("DELETE", "/orders/gone").status))
    #expect(try await pipeline.verifiedDigests() == before)
    #expect(try await writer.text("/orders/gone").status == 404)
    try await waitUntil("the erasure") {
      try await writer.text("/orders/gone/removal").body.contains(#""erasure":"done""#)
    }
    #expect(try await writer.send("DELETE", "/orders/gone").status == 404)
    #expect(try await writer.post("/orders/gone/commands", order).body.contains("\"version\":3"))
    #expect(try await pipeline.verifiedDigests()["sales"] != before["sales"])
    for worker in workers { #expect(try await worker.stop() == 0) }
  }

  /// The broker has lost everything: the writer goes on, and new read models get it from the writer's feed.
  @Test func whatTheBrokerLostComesFromTheWriter() async throws {
    try await pipeline.startBroker()
    var writer = try await pipeline.startWriter("--partitions", "4")
    let simulation = try await pipeline.run(
      "writer", "simulate", "--url", writer.base, "--orders", "300")
    #expect(simulation.code == 0, "\(simulation.output)")
    let head = await pipeline.head()
    let log = try SQLiteEventLog(path: pipeline.store, readers: 1)
    try await waitUntil("the published position \(head)") { try await log.published() == head }
    #expect(try await pipeline.writer?.stop() == 0)
    try await pipeline.startBroker()
    writer = try await pipeline.startWriter()
    let (worker, url) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales")
    var workers = [worker]
    for name in ["orders", "customers"] {
      workers.append(try await pipeline.startProjector(name, feed: writer.base, worker: name).0)
    }
    #expect(try await pipeline.verifiedDigests().count == 3)
    try await waitUntil("\(head) events from the feed", within: .seconds(20), seen: { worker.log })
    {
      try await url.text("/readyz").body.contains("\"eventsFromFeed\":\(head),")
    }
    for worker in workers { #expect(try await worker.stop() == 0) }
  }

  /// Other tools read the topic as a person would want to.
  @Test func kcatShowsKeysValuesAndHeaders() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    #expect(try await writer.post("/orders/my-1/create", #"{"country":"France"}"#).status == 200)
    let kcat = try await RunningProcess.start(
      "/usr/bin/kcat",
      [
        "-b", pipeline.brokers, "-C", "-t", "orders", "-c", "1", "-q", "-f", "%k|%s|%h\n",
      ], log: pipeline.file("kcat.log"))
    #expect(try await kcat.exitCode(within: .seconds(30)) == 0)
    let line = kcat.log
    for part in [
      "my-1|{\"country\":\"France\",\"kind\":\"sale\",\"time\":\"", "ce_specversion=1.0", "ce_id=",
      "ce_source=", "ce_type=OrderCreated", "ce_time=", "content-type=application/json",
      "ce_position=1.1.1",
    ] {
      #expect(line.contains(part), "\(part) is not in \(line)")
    }
  }
}
