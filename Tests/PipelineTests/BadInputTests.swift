import Eventually
import EventuallySQLite
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer
@testable import Orders

/// What is wrong ends with an exit code other than 0 and a message that names the thing, and loses nothing.
@Suite(.serialized, .timeLimit(.minutes(10))) struct BadInputTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  private func expectFailure(
    _ outcome: (code: Int32, output: String), _ words: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.code != 0, "\(outcome.output)", sourceLocation: sourceLocation)
    for word in words {
      #expect(
        outcome.output.contains(word), "'\(word)' is not in: \(outcome.output)",
        sourceLocation: sourceLocation)
    }
  }

  private func csv(_ text: String) throws -> String {
    let path = pipeline.file("input.csv")
    try Data(text.utf8).write(to: URL(filePath: path))
    return path
  }

  @Test func aFileThatIsNotTheLayoutChangesNothing() async throws {
    let path = try csv("a,b\n1,2\n")
    expectFailure(
      try await pipeline.run(
        "writer", "import", path, "--store", pipeline.store, "--listen", "127.0.0.1:0",
        "--brokers", "127.0.0.1:1"), "lacks the column", "InvoiceNo")
    #expect(await pipeline.head() == 0)
    expectFailure(
      try await pipeline.run(
        "writer", "import", pipeline.file("none.csv"), "--store", pipeline.store),
      "there is no file")
    expectFailure(
      try await pipeline.run(
        "writer", "import", try csv(""), "--store", pipeline.store, "--listen", "127.0.0.1:0",
        "--brokers", "127.0.0.1:1"), "empty")
  }

  @Test func aFaultPlanWithAnUnknownPointIsRefused() async throws {
    for (plan, word) in [
      ("relay.nothing=kill", "relay.nothing"), ("store.committed", "store.committed"),
    ] {
      let process = try await pipeline.start(
        "projector", ["serve", "--listen", "127.0.0.1:0", "--read-models", pipeline.readModels],
        environment: [FaultPlan.variable: plan])
      let code = try await process.exitCode(within: .seconds(20))
      expectFailure((code, process.log), FaultPlan.variable, word)
    }
  }

  /// What no event can hold, or no sum: it is refused, nothing is stored, and everything goes on.
  @Test func commandsBeyondWhatEventsCanHoldAreRefused() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let most = "9223372036854775807"
    for (kind, lines) in [("sale", most), ("return", "-9223372036854775808"), ("sale", "1000001")] {
      let order =
        #"{"commands":[{"create":{"country":"T","kind":"\#(kind)"}},"#
        + #"{"addItem":{"sku":"A","quantity":\#(lines),"unitPrice":"0"}},{"complete":{}}]}"#
      let answer = try await writer.post("/orders/x/commands", order)
      #expect(answer.status == 422, "\(answer)")
    }
    for time in ["9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+01:00"] {
      let answer = try await writer.post(
        "/orders/x/create", #"{"country":"T","time":"\#(time)"}"#)
      #expect(answer.status == 422, "\(answer)")
    }
    for body in [
      #"{"country":"T","customer":nope}"#, #"{"country":"T","z":[}"#, "{}{}",
      #"{"country":"T","country":"U"}"#,
    ] {
      #expect(try await writer.post("/orders/x/create", body).status == 400, "\(body)")
    }
    #expect(await pipeline.head() == 0)
    #expect(try await writer.post("/orders/x/create", #"{"country":"T"}"#).status == 200)
    #expect(try await writer.post("/orders/x/complete", "garbage}{").status == 400)
    #expect(try await writer.text("/orders/x").status == 200)
  }

  @Test func anUnreachableBrokerLosesNothing() async throws {
    let sample = sampleCSV(invoices: 20)
    let outcome = try await pipeline.run(
      "writer", "import", try csv(sample.text), "--store", pipeline.store, "--brokers",
      "127.0.0.1:1", "--publish-timeout", "2", "--listen", "127.0.0.1:0", "--rejected",
      pipeline.file("rejected.csv"))
    expectFailure(outcome, "everything is in the store", "not published", "127.0.0.1:1")
    #expect(await pipeline.head() > 0)
    // The next writer publishes what this one could not.
    try await pipeline.startBroker(partitions: 12)
    let writer = try await pipeline.startWriter()
    let head = await pipeline.head()
    try await waitUntil("the backlog's end") {
      try await writer.text("/readyz").body.contains("\"published\":\(head),")
    }
  }

  @Test func aSecondWriterIsRefused() async throws {
    try await pipeline.startBroker()
    _ = try await pipeline.startWriter("--partitions", "4")
    let writer = try #require(pipeline.writer)
    expectFailure(
      try await pipeline.run(
        "writer", "serve", "--store", pipeline.store, "--listen", "127.0.0.1:0"),
      "already has a writer", "process \(writer.processID)")
    #expect(writer.isRunning)
  }

  @Test func anotherNumberOfPartitionsIsRefused() async throws {
    try await pipeline.startBroker(partitions: 3)
    let writer = try await pipeline.startWriter("--partitions", "4")
    var ready = ""
    try await waitUntil("the publisher is blocked", seen: { ready }) {
      ready = try await writer.text("/readyz").body
      return ready.contains(#""publisher":"blocked""#)
    }
    #expect(ready.contains("the topic 'orders' has 3 partitions, but the store has 4"))
    #expect(try await writer.post("/orders/1/create", #"{"country":"X"}"#).status == 200)
    #expect(try await pipeline.writer?.stop() == 0)
    expectFailure(
      try await pipeline.run("writer", "serve", "--store", pipeline.store, "--partitions", "5"),
      "created with 4 partitions, not 5")
  }

  @Test func anotherStoresTopicAndReadModelsAreRefused() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    #expect(try await writer.post("/orders/1/create", #"{"country":"X"}"#).status == 200)
    let (worker, url) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "one")
    try await waitUntil("the order", seen: { worker.log }) {
      try await url.text("/orders/1").status == 200
    }
    #expect(try await worker.stop() == 0)
    #expect(try await pipeline.writer?.stop() == 0)
    let other = pipeline.file("other.sqlite")
    let refused = try await pipeline.run(
      "writer", "simulate", "--orders", "1", "--store", other, "--partitions", "4", "--brokers",
      pipeline.brokers, "--listen", "127.0.0.1:0", "--publish-timeout", "3")
    expectFailure(refused, "holds events of the store", "name another topic", "not published")
    expectFailure(
      try await pipeline.run(
        "projector", "run", "orders", "--read-models", pipeline.readModels, "--feed", other,
        "--brokers", pipeline.brokers), "was built from the store", "name another directory")
    expectFailure(
      try await pipeline.run(
        "ordersctl", "verify", "--store", other, "--read-models", pipeline.readModels),
      "was built from the store")
  }

  @Test func aNewerReadModelIsRefusedAndADifferenceIsFound() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    #expect(try await writer.post("/orders/1/create", #"{"country":"X"}"#).status == 200)
    let workers = try await pipeline.startAllProjectors(feed: writer.base)
    _ = try await pipeline.verifiedDigests()
    for worker in workers { #expect(try await worker.stop() == 0) }
    let path = pipeline.directory(of: OrdersReadModel()).livePath
    let database = try SQLiteConnection(path: path, mode: .readWrite)
    try database.execute("UPDATE orders SET items = 7")
    expectFailure(
      try await pipeline.run(
        "ordersctl", "verify", "--store", pipeline.store, "--read-models", pipeline.readModels),
      "orders: DIFFERS in 1 rows", "[\"orders\",\"1\"]")
    try database.execute("UPDATE readmodel SET value = 99 WHERE key = 'schema_version'")
    expectFailure(
      try await pipeline.run(
        "projector", "run", "orders", "--read-models", pipeline.readModels, "--feed",
        pipeline.store, "--brokers", pipeline.brokers), "newer than this program's",
      "generation-1.sqlite")
  }

  @Test func mistakesOnTheCommandLineAreNamed() async throws {
    for (arguments, word) in [
      (["serve", "--listen", "nowhere"], "--listen"), (["serve", "--kafka", "x"], "name=value"),
      (["serve", "--topic", "a b"], "--topic"), (["serve", "--partitions", "0"], "--partitions"),
      (["import", "x", "--url", "ftp://x"], "--url"), (["simulate", "--orders", "0"], "--orders"),
      (["serve", "--log-level", "loud"], "--log-level"),
      (["serve", "--topic-conflict", "never"], "--topic-conflict"),
      (["serve", "--topic-key-file", try csv("short")], "key 1 has 5 bytes, and needs 32"),
      (["serve", "--topic-key-file", pipeline.file("none")], "can't be read"),
      (["serve", "--kafka", "no.such.setting=1", "--store", pipeline.store], "no.such.setting"),
      (["serve", "--kafka", "acks=1"], "--kafka: the Kafka property acks=1 is refused"),
      (
        ["serve", "--kafka", "security.protocol=ssl", "--kafka", "ssl.ca.location=/none"],
        "ssl.ca.location"
      ),
    ] {
      let process = try await pipeline.start("writer", arguments)
      expectFailure((try await process.exitCode(within: .seconds(20)), process.log), word)
    }
    expectFailure(
      try await pipeline.run("ordersctl", "status", "--store", pipeline.file("none")),
      "there is no store")
    expectFailure(try await pipeline.run("projector", "run", "weather"), "weather")
  }

  /// What a process would not start with is no setting of it.
  @Test func configRefusesWhatTheProcessWould() async throws {
    for (arguments, environment, words, code) in [
      (["writer", "serve", "--lissten", "h:1"], [:], "'--listen'", 64 as Int32),
      (["writer", "serve", "--partitions", "many"], [:], "--partitions", 64),
      (["projector", "run", "sales", "--lissten", "h:1"], [:], "'--listen'", 64),
      (["projector", "run", "wether"], [:], "wether", 64),
      (["writer", "serv"], [:], "'serv'", 64),
      (["writer"], ["EVENTUALLY_PARTITIONS": "many"], "EVENTUALLY_PARTITIONS", 78),
      (["projector", "run"], [:], "read-models", 0),
    ] as [([String], [String: String], String, Int32)] {
      let process = try await pipeline.start(
        "ordersctl", ["config"] + arguments, environment: environment)
      let (found, log) = (try await process.exitCode(within: .seconds(20)), process.log)
      #expect(found == code && log.contains(words), "\(arguments): \(found) \(log)")
    }
  }

  @Test func whatOnlyAFileCanDoIsRefusedForOtherStores() async throws {
    let url = "postgres://shop:hunter2@127.0.0.1:1/shop"
    let runs = [
      (["backup", "--store", url, "copy"], "'backup' is for stores in files", 64 as Int32),
      (["status", "--store", url], "the store postgres://shop@127.0.0.1:1/shop", 1),
      (["config", "writer", "serve", "--store", url], "postgres://shop:***@127.0.0.1:1/shop", 0),
    ]
    for (arguments, words, code) in runs {
      let process = try await pipeline.start("ordersctl", arguments)
      let (found, log) = (try await process.exitCode(within: .seconds(20)), process.log)
      #expect(found == code && log.contains(words) && !log.contains("hunter2"), "\(found) \(log)")
    }
  }

  /// Wherever it was set; and what may be a secret is not shown.
  @Test func aPropertyOfKafkaThatIsRefusedIsNamedByWhereItWasSet() async throws {
    func file(_ name: String, _ text: String) throws -> String {
      let path = pipeline.file(name)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      return path
    }
    let secrets = try file("wrong.properties", "# secrets\nsasl.pasword=hunter2\n")
    let settings = try file(
      "settings.json", #"{"kafka": {"properties": {"delivery.timeout.ms": 5000}}}"#)
    for (environment, words) in [
      (
        ["EVENTUALLY_KAFKA_PROPERTIES_ENABLE_IDEMPOTENCE": "false"],
        ["EVENTUALLY_KAFKA_PROPERTIES_ENABLE_IDEMPOTENCE: ", "enable.idempotence=false is refused"]
      ),
      (
        ["EVENTUALLY_KAFKA_CONFIG": secrets],
        [
          "EVENTUALLY_KAFKA_CONFIG: ",
          "\(secrets), line 2: librdkafka has no property 'sasl.pasword'",
          "the nearest is 'sasl.password'",
        ]
      ),
      (
        ["EVENTUALLY_CONFIG": settings],
        ["\(settings): kafka.properties.delivery.timeout.ms: ", "the store is the backlog"]
      ),
    ] {
      for (name, arguments) in [
        ("writer", ["serve"]), ("projector", ["run", "orders"]),
      ] {
        let process = try await pipeline.start(name, arguments, environment: environment)
        expectFailure((try await process.exitCode(within: .seconds(20)), process.log), words[0])
        for word in words { #expect(process.log.contains(word), "\(process.log)") }
        #expect(!process.log.contains("hunter2"))
      }
    }
    let config = try await pipeline.run(
      "ordersctl", "config", "--kafka-config", secrets, "writer", "serve")
    #expect(!config.output.contains("hunter2"), "\(config.output)")
    let good = try file(
      "good.properties", "sasl.username=me\nsasl.password=hunter2\nssl.key.location=/key")
    let shown = try await pipeline.run(
      "ordersctl", "config", "writer", "serve", "--kafka-config", good, "--kafka",
      "ssl.key.location=/other")
    for line in [
      "kafka.properties.sasl.username +me +", "kafka.properties.sasl.password +\\(hidden\\) +",
      "kafka.properties.ssl.key.location +/other +--kafka",
    ] {
      #expect(try shown.output.contains(Regex(line)), "\(shown.output)")
    }
    #expect(shown.output.contains(good) && !shown.output.contains("hunter2"))
  }

  @Test func anAddressInUseIsNamed() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let address = writer.base.replacing("http://", with: "")
    expectFailure(
      try await pipeline.run(
        "projector", "serve", "--read-models", pipeline.readModels, "--listen", address), address)
  }
}
