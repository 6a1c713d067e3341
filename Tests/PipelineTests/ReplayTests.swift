import Eventually
import EventuallySQLite
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer
@testable import Orders

/// Asks for the sums of sales again and again, and notes what is wrong with the answers.
private actor Questioner {
  private let endpoint: HTTPEndpoint
  /// By how much the sums over days may differ from those over countries, in ten-thousandths, where somebody has changed
  /// a row by hand.
  private var allowed: Set<Int> = [0]
  private(set) var seen: [Int] = []
  private(set) var wrong: [String] = []
  private var orders = 0

  init(_ endpoint: HTTPEndpoint) {
    self.endpoint = endpoint
  }

  func allow(_ differences: Set<Int>) {
    allowed = differences
    seen = []
  }

  func run() async {
    while !Task.isCancelled {
      do {
        let before = allowed
        let answer = try await endpoint.text("/sales")
        if Task.isCancelled { return }
        // What was asked before somebody changed the rules may be answered as it was then.
        try take(answer, allowed.union(before))
      } catch {
        if !Task.isCancelled { wrong.append("\(error)") }
      }
    }
  }

  private func take(_ answer: (status: UInt, body: String), _ allowed: Set<Int>) throws {
    let json = try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any]
    func revenue(_ table: String) -> Int? {
      let sums = json?[table] as? [String: Any]
      return (sums?["revenue"] as? String).flatMap { Decimal(string: $0) }.map {
        NSDecimalNumber(decimal: $0 * 10_000).intValue
      }
    }
    guard answer.status == 200, let days = revenue("days"), let countries = revenue("countries"),
      let products = revenue("products"),
      let count = (json?["countries"] as? [String: Any])?["orders"] as? Int
    else {
      wrong.append("\(answer)")
      return
    }
    seen.append(days - countries)
    if !allowed.contains(days - countries) || countries != products {
      wrong.append(
        "sums differ by \(days - countries), which is none of \(allowed): \(answer.body)")
    }
    // Nothing that was seen goes away again.
    if count < orders { wrong.append("\(orders) orders, and then \(count)") }
    orders = count
  }
}

/// Savepoints, replays, generations, and looking back, as a person at a terminal does it.
@Suite(.serialized, .timeLimit(.minutes(15))) struct ReplayTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  private var places: [String] {
    ["--store", pipeline.store, "--read-models", pipeline.readModels]
  }

  @discardableResult
  private func ctl(
    _ arguments: [String], _ options: [String]? = nil, query: [String] = [], fails: Bool = false,
    _ location: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let process = try await pipeline.start("ordersctl", arguments + (options ?? places) + query)
    let code = try await process.exitCode()
    #expect((code != 0) == fails, "\(arguments): \(process.log)", sourceLocation: location)
    return process.log
  }

  private var files: [String] { ["--read-models", pipeline.readModels] }

  private func simulate(_ orders: Int, seed: Int, _ writer: HTTPEndpoint) async throws {
    let result = try await pipeline.run(
      "writer", "simulate", "--url", writer.base, "--orders", "\(orders)", "--seed", "\(seed)")
    #expect(result.code == 0, "\(result.output)")
  }

  private func startQueries() async throws -> (RunningProcess, HTTPEndpoint) {
    let file = pipeline.file("queries.url")
    let server = try await pipeline.start(
      "projector", "serve", "--read-models", pipeline.readModels, "--listen", "127.0.0.1:0",
      "--address-file", file)
    let url = try await pipeline.content(of: file, by: server)
    return (server, try #require(HTTPEndpoint(url)))
  }

  /// A row is damaged by hand; a replay from a savepoint repairs the read model while orders and queries go on, and
  /// the damaged generation can be looked at again.
  @Test func aReplayFromASavepointRepairsWhileQueriesGoOn() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let csv = pipeline.file("sample.csv")
    try Data(sampleCSV(invoices: 150).text.utf8).write(to: URL(filePath: csv))
    let imported = try await pipeline.run(
      "writer", "import", csv, "--url", writer.base, "--rejected", pipeline.file("rejected.csv"))
    #expect(imported.code == 0, "\(imported.output)")
    let (worker, _) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales")
    _ = try await pipeline.verifiedDigests("sales")
    let (server, queries) = try await startQueries()
    let questioner = Questioner(queries)
    let asking = Task { await questioner.run() }
    defer { asking.cancel() }

    try await ctl(["savepoint", "save", "sales", "before"], files)
    try await simulate(300, seed: 2, writer)
    _ = try await pipeline.verifiedDigests("sales")

    await questioner.allow([0, 12_345])
    let live = try SQLiteConnection(
      path: pipeline.directory(of: SalesReadModel()).livePath, mode: .readWrite)
    try live.execute(
      "UPDATE sales_by_day SET revenue = revenue + 12345 WHERE day = (SELECT min(day) FROM sales_by_day)"
    )
    #expect(try await ctl(["verify", "sales"], fails: true).contains("DIFFERS in 1 rows"))

    // Orders come in while the replay is built, compared and switched to.
    let load = try await pipeline.start(
      "writer", "simulate", "--url", writer.base, "--orders", "400", "--seed", "3", "--rate", "100")
    let replayed = try await ctl(["replay", "sales", "--from", "before"])
    #expect(replayed.contains("from the savepoint 'before'"), "\(replayed)")
    #expect(replayed.contains("DIFFERENT in 1 rows"), "\(replayed)")
    #expect(replayed.contains("generation 2 is live; generation 1 is kept"), "\(replayed)")
    await questioner.allow([0])
    #expect(try await load.exitCode() == 0, "\(load.log)")
    _ = try await pipeline.verifiedDigests("sales")
    let readiness = try await queries.text("/readyz").body
    let reasons = readiness.components(separatedBy: #""parkedStreams""#)[0]
    #expect(!reasons.contains("sales"), "\(readiness)")

    // Up to here nothing was wrong, and nothing that was seen went away again.
    let wrongSoFar = await questioner.wrong
    #expect(wrongSoFar.isEmpty, "\(wrongSoFar.prefix(3))")

    // The damaged generation is there still: it goes on from where it was, damage and all.
    await questioner.allow([0, 12_345])
    try await ctl(["generations", "switch", "sales", "1"], files)
    #expect(try await ctl(["wait", "sales"]).contains("events are applied"))
    #expect(try await ctl(["verify", "sales"], fails: true).contains("DIFFERS in 1 rows"))
    try await ctl(["generations", "drop", "sales", "1"], files, fails: true)
    try await ctl(["generations", "switch", "sales", "2"], files)
    await questioner.allow([0])
    _ = try await pipeline.verifiedDigests("sales")
    try await ctl(["generations", "drop", "sales", "1"], files)
    #expect(
      try await ctl(["generations", "list", "sales"], files).split(separator: "\n").count == 3)

    asking.cancel()
    await asking.value
    // A switch back shows less for a moment, which is what was asked for.
    let wrong = await questioner.wrong.filter { !$0.contains("and then") }
    #expect(wrong.isEmpty, "\(wrong.prefix(3))")
    for process in [worker, server] { #expect(try await process.stop() == 0, "\(process.log)") }
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// A replay is killed at twenty random moments, and comes to the same in the end, with nothing left behind.
  @Test(arguments: ["store", "kafka", "feed"])
  func aReplayThatIsKilledAgainAndAgainEndsRight(source: String) async throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededRandom(seed: seed)
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let (worker, _) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales")
    try await simulate(1500, seed: 5, writer)
    let digest = try await pipeline.verifiedDigests("sales")["sales"]
    try await ctl(["savepoint", "save", "sales", "end"], files)
    var arguments = ["replay", "sales", "--from", "zero", "--workers", "2"] + places
    switch source {
    case "kafka": arguments += ["--source", "kafka", "--brokers", pipeline.brokers]
    case "feed": arguments += ["--feed", writer.base]
    default: break
    }
    var kills = 0
    while kills < 20 {
      let replay = try await pipeline.start("ordersctl", arguments)
      let instant = ContinuousClock.now + .milliseconds(Int(random.next() % 300))
      try await waitUntil("the moment") { ContinuousClock.now >= instant || !replay.isRunning }
      if replay.isRunning {
        replay.kill()
        kills += 1
      } else {
        #expect(try await replay.exitCode() == 0, "seed \(seed): \(replay.log)")
      }
    }
    let last = try await ctl(arguments, [])
    #expect(last.contains("live"), "seed \(seed): \(last)")
    #expect(try await pipeline.verifiedDigests("sales")["sales"] == digest, "seed \(seed)")
    // A generation for each replay that came to its end, and one that workers began; nothing else.
    let directory = pipeline.directory(of: SalesReadModel())
    let generations = try directory.list()
    #expect(generations.count >= 2 && generations.allSatisfy { !$0.isBuilding }, "\(generations)")
    for generation in generations where !generation.isLive {
      try await ctl(["generations", "drop", "sales", "\(generation.number)"], files)
    }
    #expect(try await worker.stop() == 0)
    let live = try #require(directory.live())
    // The notes of who works on a generation go with it; what workers tell of themselves is of the read model.
    let left = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
      .filter { $0 != "generation-\(live).sqlite-crash" && !$0.hasPrefix("workers.sqlite") }
    #expect(
      left == ["checkpoints", "generation-\(live).sqlite", "last-generation", "live-v2.sqlite"],
      "seed \(seed)")
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// What is answered for an earlier moment is what a read model answers that was built from nothing up to there.
  @Test func anEarlierMomentIsAsItWas() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let workers = try await pipeline.startAllProjectors(feed: writer.base)
    try await simulate(60, seed: 6, writer)
    _ = try await pipeline.verifiedDigests()
    for model in OrdersApplication().readModels {
      try await ctl(["savepoint", "save", model.name, "c1"], files)
    }
    try await simulate(60, seed: 7, writer)
    _ = try await pipeline.verifiedDigests()
    let log = try SQLiteEventLog(path: pipeline.store)
    let head = try await log.head()
    let queries: [(model: any ReadModel, questions: [String])] = [
      (OrdersReadModel(), ["/orders?limit=1000", "SELECT * FROM orders ORDER BY id"]),
      (SalesReadModel(), ["/sales", "SELECT * FROM sales_by_product ORDER BY sku, description"]),
      (
        CustomersReadModel(),
        ["/customers?limit=1000", "SELECT * FROM customer_orders ORDER BY id"]
      ),
    ]
    for (index, sequence) in [head / 4, head * 3 / 4, head].enumerated() {
      for (model, questions) in queries {
        let fresh = pipeline.file("fresh-\(index)")
        let freshPlaces = ["--store", pipeline.store, "--read-models", fresh]
        try await ctl(
          [
            "replay", model.name, "--from", "zero", "--to", "\(sequence)", "--source", "kafka",
            "--brokers", pipeline.brokers,
          ], freshPlaces)
        try await ctl(["generations", "switch", model.name, "1"], ["--read-models", fresh])
        let expected = try await ReadModelReader(
          path: ReadModelDirectory("\(fresh)/\(model.name)", model: model).livePath, model: model
        ).read { try $0.rows(questions[1]) { row in (0..<row.columnCount).map { row.text($0) } } }
        let rows = try await ctl(
          ["as-of", model.name, "--sequence", "\(sequence)"], query: ["--", questions[1]])
        // Two lines of header, then a row a line.
        let lines = rows.split(separator: "\n").dropFirst(2)
        #expect(lines.count == expected.count && !expected.isEmpty, "\(model.name) \(sequence)")
        for (line, row) in zip(lines, expected) {
          #expect(row.allSatisfy { $0.isEmpty || line.contains($0) }, "\(line): \(row)")
        }
        let file = pipeline.file("fresh-\(index)-\(model.name).url")
        let server = try await pipeline.start(
          "projector", "serve", "--read-models", fresh, "--listen", "127.0.0.1:0",
          "--address-file", file)
        let url = try #require(HTTPEndpoint(try await pipeline.content(of: file, by: server)))
        let answer = try await ctl(
          ["as-of", model.name, "--sequence", "\(sequence)"], query: ["--", questions[0]])
        #expect(answer == (try await url.text(questions[0]).body), "\(model.name) \(sequence)")
        #expect(try await server.stop() == 0)
      }
    }
    for worker in workers { #expect(try await worker.stop() == 0) }
    #expect(try await pipeline.writer?.stop() == 0)
  }

  @Test func anOrdersHistoryIsTold() async throws {
    let writer = try await pipeline.startWriter("--partitions", "4", "--brokers", "127.0.0.1:1")
    for (command, body) in [
      ("create", #"{"country":"France","customer":"17"}"#),
      ("add-item", #"{"sku":"A","description":"LAMP","quantity":2,"unitPrice":"1.50"}"#),
      ("complete", "{}"),
    ] {
      #expect(try await writer.post("/orders/one/\(command)", body).status == 200)
    }
    let store = ["--store", pipeline.store]
    let history = try await ctl(["history", "order", "one"], store)
    for words in [
      "v1", "country: - → France", "items[0].description: - → LAMP", "items[0].quantity: - → 2",
      "items[0].unitPrice: - → 1.50", "total: 0.00 → 3.00", "status: open → completed",
    ] { #expect(history.contains(words), "\(history)") }
    let then = try await ctl(["as-of", "order", "one", "--sequence", "2"], store)
    #expect(then.contains(#""status":"open""#) && then.contains(#""version":2"#), "\(then)")
    let tomorrow = Timestamp(microseconds: Timestamp.now().microseconds + 86_400_000_000)
    let now = try await ctl(["as-of", "order", "one", "--time", "\(tomorrow)"], store)
    #expect(now.contains(#""status":"completed""#), "\(now)")
    for (arguments, word) in [
      (["as-of", "order", "two", "--sequence", "2"], "no order 'two'"),
      (["as-of", "order", "one", "--time", "2001-01-01"], "no order 'one'"),
      (["as-of", "order", "one", "--sequence", "9"], "ends before"),
      (["as-of", "order", "one"], "--sequence"),
      (["as-of", "weather", "--sequence", "1"], "weather"),
      (["history", "order", "two"], "'two'"), (["history", "customer", "two"], "customer"),
    ] {
      #expect(try await ctl(arguments, store, fails: true).contains(word), "\(arguments)")
    }
    #expect(try await pipeline.writer?.stop() == 0)
  }

  @Test func mistakesAreNamed() async throws {
    _ = try await pipeline.startWriter("--partitions", "4", "--brokers", "127.0.0.1:1")
    for (arguments, word) in [
      (["savepoint", "save", "sales", "x"], "no read model"),
      (["generations", "list", "sales"], "no read model"),
    ] {
      #expect(try await ctl(arguments, files, fails: true).contains(word), "\(arguments)")
    }
    for (arguments, word) in [
      (["replay", "sales", "--from", "nothing"], "no savepoint 'nothing'"),
      (["replay", "sales", "--from", "a b"], "--from 'a b'"),
      (["replay", "sales", "--from", "7"], "ends before"),
      (["replay", "sales", "--from", "zero", "--to", "never"], "--to 'never'"),
      (["replay", "sales", "--from", "zero", "--workers", "0"], "--workers"),
    ] {
      #expect(try await ctl(arguments, fails: true).contains(word), "\(arguments)")
    }
    #expect(try await pipeline.writer?.stop() == 0)
  }

  @Test func workersSaveSavepointsByThemselves() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let (worker, _) = try await pipeline.startProjector(
      "customers", feed: writer.base, worker: "customers", "--savepoint-events", "300",
      "--keep-savepoints", "2")
    let directory = pipeline.directory(of: CustomersReadModel())
    for round in 1...3 {
      try await simulate(30, seed: 20 + round, writer)
      let head = await pipeline.head()
      try await waitUntil("a savepoint near \(head)", seen: { worker.log }) {
        (try directory.savepoints().last?.events ?? 0) + 300 > head
      }
    }
    // The oldest is deleted after the newest is there.
    try await waitUntil("two savepoints", seen: { worker.log }) {
      try directory.savepoints().count == 2
    }
    let saved = try directory.savepoints()
    #expect(saved.allSatisfy { $0.isAutomatic })
    let shown = try await ctl(["savepoint", "show", "customers", saved[1].name], files)
    #expect(shown.contains("saved with"), "\(shown)")
    #expect(try await worker.stop() == 0)
    #expect(try await pipeline.writer?.stop() == 0)
  }
}
