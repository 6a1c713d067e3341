import Eventually
import EventuallySQLite
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyCommand
@testable import Orders

/// A store with orders, and read models of it, made without a broker.
final class StoredOrders {
  let pipeline: Pipeline
  let places: [String]

  init() throws {
    pipeline = try Pipeline()
    places = ["--store", pipeline.store, "--read-models", pipeline.readModels]
  }

  /// Places generated orders.
  func simulate(orders: Int) async throws {
    let process = try await pipeline.start(
      "writer",
      [
        "simulate", "--orders", "\(orders)", "--store", pipeline.store, "--brokers", "127.0.0.1:1",
        "--publish-timeout", "0", "--listen", "127.0.0.1:0", "--log-level", "error",
      ])
    guard try await process.exitCode() == 1, process.log.contains("are not published") else {
      throw NotAsExpected(process.log)
    }
  }

  /// Appends an order whose texts are not meant for terminals.
  func place(_ text: String) async throws {
    let store = try SQLiteEventStore(path: pipeline.store, codec: OrderEventCodec())
    let header = OrderHeader(
      customer: text, country: text, kind: .sale, time: Timestamp(microseconds: 0))
    let line = OrderLine(
      sku: text, description: text, quantity: 1, unitPrice: Money(tenThousandths: 10_000_000))
    _ = try await store.append(
      [.created(header), .itemAdded(line), .completed], to: "hostile", expecting: .exact(0))
    await store.close()
  }

  func build() async throws {
    for model in OrdersApplication().readModels {
      let built = try await ctl(["replay", model.name, "--from", "zero"] + places)
      guard built.code == 0 else { throw NotAsExpected(built.output) }
    }
  }

  func ctl(_ arguments: [String]) async throws -> (code: Int32, output: String) {
    let process = try await pipeline.start("ordersctl", arguments)
    return (try await process.exitCode(), process.log)
  }

  /// Runs an executable by a shell's redirection: `$@` is its command line.
  func shell(
    _ script: String, _ name: String, _ arguments: [String]
  ) async throws -> (code: Int32, output: String) {
    let process = try await RunningProcess.start(
      "/bin/bash", ["-c", script, "bash", "\(buildFolder)/\(name)"] + arguments,
      log: pipeline.file("shell.log"))
    return (try await process.exitCode(), process.log)
  }
}

/// What the command lines do with numbers that are too large, output that can't be written, and texts that act on
/// terminals.
@Suite(.serialized, .timeLimit(.minutes(15))) struct CommandLineTests {
  private let shop: StoredOrders

  init() throws {
    shop = try StoredOrders()
  }

  private static let extremes = [
    "18446744073709551615", "18446744073709551616", "9223372036854775807", "9223372036854775808",
    "-1", "-9223372036854775808", "99999999999999999999999999999999999999", "1e308", "nan", "",
    "１", "1_000",
  ]

  /// Each numeric option of each executable, with values that are out of its range or no numbers: refused in words,
  /// never a crash, and nothing begins to serve.
  @Test func numbersOutOfRangeAreRefused() async throws {
    try await shop.simulate(orders: 3)
    let writer = ["--store", shop.pipeline.store, "--brokers", "127.0.0.1:1"]
    let table: [(name: String, arguments: [String], option: String)] = [
      ("writer", ["serve"] + writer, "--partitions"),
      ("writer", ["serve"] + writer, "--stall-limit"),
      ("writer", ["import", "none.csv"] + writer, "--publish-timeout"),
      ("writer", ["simulate"] + writer, "--publish-timeout"),
      ("writer", ["simulate"] + writer, "--orders"), ("writer", ["simulate"] + writer, "--rate"),
      ("projector", ["run", "sales"], "--savepoint-events"),
      ("projector", ["run", "sales"], "--savepoint-seconds"),
      ("projector", ["run", "sales"], "--keep-savepoints"),
      ("projector", ["run", "sales"], "--stall-limit"),
      ("ordersctl", ["events"] + shop.places.prefix(2), "--from"),
      ("ordersctl", ["events"] + shop.places.prefix(2), "--limit"),
      ("ordersctl", ["events", "--stream", "S1-1"] + shop.places.prefix(2), "--limit"),
      ("ordersctl", ["show"] + shop.places.suffix(2), "--limit"),
      ("ordersctl", ["wait"] + shop.places, "--timeout"),
      ("ordersctl", ["wait", "--timeout", "0"] + shop.places, "--since"),
      ("ordersctl", ["as-of", "sales"] + shop.places, "--sequence"),
      ("ordersctl", ["as-of", "order", "S1-1"] + shop.places, "--sequence"),
      ("ordersctl", ["as-of", "sales"] + shop.places, "--time"),
      ("ordersctl", ["replay", "sales", "--from", "zero"] + shop.places, "--to"),
      ("ordersctl", ["replay", "sales"] + shop.places, "--from"),
      ("ordersctl", ["replay", "sales", "--from", "zero"] + shop.places, "--workers"),
      ("ordersctl", ["rejected", "sales"] + shop.places.suffix(2), "--limit"),
      ("ordersctl", ["generations", "switch", "sales"] + shop.places.suffix(2), ""),
      ("ordersctl", ["generations", "drop", "sales"] + shop.places.suffix(2), ""),
      ("ordersctl", ["broker"], "--brokers"), ("ordersctl", ["broker"], "--partitions"),
      ("ordersctl", ["broker"], "--control"),
    ]
    for (name, arguments, option) in table {
      for value in Self.extremes {
        let words = option.isEmpty ? ["--", value] : ["\(option)=\(value)"]
        let process = try await shop.pipeline.start(name, arguments + words)
        let code = try await process.exitCode(within: .seconds(30))
        #expect(
          (code == 64 || code == 1) && process.log.contains("Error: "),
          "\(name) \(arguments) \(words): \(code) \(process.log.suffix(600))")
      }
    }
    // What failed has made nothing that stands in the way of the next.
    try await shop.build()
    for seed in ["18446744073709551616", "-1"] {
      let outcome = try await shop.pipeline.run("writer", "simulate", "--seed=\(seed)")
      #expect(outcome.code == 64)
    }
  }

  /// The largest values that are allowed do no harm either.
  @Test func theLargestNumbersAreTaken() async throws {
    try await shop.simulate(orders: 3)
    try await shop.build()
    let largest = "4611686018427387904"
    for (arguments, code, told) in [
      (["events", "--from", largest], 0, nil), (["wait", "--since", largest], 1, "the store ends"),
      (["wait", "--timeout", "315360000"], 0, "sales: all"),
      (["wait", "--since", "1"], 0, "applied to sales"),
      (["as-of", "sales", "--sequence", largest], 1, "the store ends"),
      (["as-of", "sales", "--sequence", "0"], 0, "as of"),
      (["as-of", "sales", "--time", "9999-12-31T23:59:59Z"], 0, "as of"),
      (["replay", "sales", "--from", "zero", "--to", largest], 1, "the store ends"),
    ] as [([String], Int32, String?)] {
      let places = arguments[0] == "events" ? Array(shop.places.prefix(2)) : shop.places
      let outcome = try await shop.ctl(arguments + places)
      #expect(
        outcome.code == code && told.map(outcome.output.contains) ?? outcome.output.isEmpty,
        "\(arguments): \(outcome)")
    }
  }

  @Test func aStreamsEventsBeginWhereTheyAreAskedTo() async throws {
    try await shop.simulate(orders: 2)
    let store = Array(shop.places.prefix(2))
    let all = try await shop.ctl(["events", "--stream", "S1-1", "--limit", "0"] + store)
    let some = try await shop.ctl(
      ["events", "--stream", "S1-1", "--from", "3", "--limit", "2"] + store)
    let lines = all.output.split(separator: "\n").filter {
      Int($0.split(separator: " ")[0]) ?? 0 >= 3
    }
    #expect(lines.count > 2)
    #expect(some.output.split(separator: "\n") == Array(lines.prefix(2)), "\(some)")
  }

  /// A replay to where the store has not come yet begins no generation, which would stand in the way of the next.
  @Test func aReplayBeyondTheEndMakesNothing() async throws {
    try await shop.simulate(orders: 3)
    for end in ["999999999", "4611686018427387904"] {
      let outcome = try await shop.ctl(
        ["replay", "sales", "--from", "zero", "--to", end] + shop.places)
      #expect(outcome.code == 1 && outcome.output.contains("the store ends before"), "\(outcome)")
    }
    #expect(!FileManager.default.fileExists(atPath: shop.pipeline.readModels))
    try await shop.build()
    let saved = try await shop.ctl(
      ["savepoint", "save", "sales", "later"] + shop.places.suffix(2))
    #expect(saved.code == 0, "\(saved)")
    let early = try await shop.ctl(
      ["replay", "sales", "--from", "later", "--to", "2"] + shop.places)
    #expect(early.code == 1 && early.output.contains("'later' is beyond where"), "\(early)")
    let next = try await shop.ctl(["replay", "sales", "--from", "later"] + shop.places)
    #expect(next.code == 0 && next.output.contains("equal"), "\(next)")
  }

  @Test func outputThatCannotBeWrittenIsAnError() async throws {
    try await shop.simulate(orders: 3)
    try await shop.build()
    let store = Array(shop.places.prefix(2))
    let models = Array(shop.places.suffix(2))
    let query = ["--", "SELECT * FROM sales_by_day"]
    for arguments in [
      ["events"] + store, ["events", "--json"] + store, ["events", "--stream", "S1-1"] + store,
      ["status"] + shop.places, ["show"] + models, ["verify"] + shop.places, ["wait"] + shop.places,
      ["savepoint", "save", "sales", "one"] + models, ["savepoint", "list", "sales"] + models,
      ["savepoint", "show", "sales", "one"] + models,
      ["savepoint", "delete", "sales", "one"] + models, ["generations", "list", "sales"] + models,
      ["generations", "switch", "sales", "1"] + models,
      ["replay", "sales", "--from", "zero"] + shop.places,
      ["generations", "drop", "sales", "1"] + models,
      ["as-of", "sales", "--sequence", "2"] + shop.places,
      ["as-of", "sales", "--sequence", "2"] + shop.places + ["--", "/sales"],
      ["as-of", "sales", "--sequence", "2"] + shop.places + query,
      ["as-of", "order", "S1-1", "--sequence", "2"] + shop.places,
      ["history", "order", "S1-1"] + store, ["parked", "list", "sales"] + models,
      ["rejected", "sales"] + models, ["faults"], ["--help"], ["help", "events"],
      ["events", "--help"],
    ] {
      let outcome = try await shop.shell("exec \"$@\" > /dev/full", "ordersctl", arguments)
      #expect(
        outcome.code == 1 && outcome.output.contains("the output can't be written: No space left"),
        "\(arguments): \(outcome)")
    }
    let broker = try await shop.shell("exec \"$@\" > /dev/full", "ordersctl", ["broker"])
    #expect(broker.code == 1, "\(broker)")
    let csv = shop.pipeline.file("one.csv")
    try Data(
      ("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        + "1,s,d,x,2011-01-01 00:00:00,1,1,X\n").utf8
    ).write(to: URL(filePath: csv))
    for (script, rejected, told) in [
      ("exec \"$@\" > /dev/full", shop.pipeline.file("rejected.csv"), "output can't be written"),
      ("exec \"$@\"", "/dev/full", "/dev/full"),
    ] {
      let outcome = try await shop.shell(
        script, "writer",
        [
          "import", csv, "--store", shop.pipeline.store, "--brokers", "127.0.0.1:1", "--listen",
          "127.0.0.1:0", "--publish-timeout", "0", "--rejected", rejected,
        ])
      #expect(outcome.code == 1 && outcome.output.contains(told), "\(outcome)")
    }
  }

  @Test func aClosedPipeEndsQuietly() async throws {
    try await shop.simulate(orders: 300)
    let outcome = try await shop.shell(
      "\"$@\" | head -n 1; echo \"codes ${PIPESTATUS[*]}\"", "ordersctl",
      ["events", "--limit", "0"] + shop.places.prefix(2))
    let lines = outcome.output.split(separator: "\n")
    #expect(
      lines.count == 2 && lines[0].hasPrefix("1  ") && lines[1] == "codes 141 0", "\(outcome)")
  }

  /// What an order says does not command the terminal of whoever looks at it, and JSON is still JSON.
  @Test func textsFromOutsideAreEscaped() async throws {
    let text = "\u{1B}]0;x\u{7}\u{9B}2J\u{202E}a\u{2066}b\u{200B}c\u{7F}\nd"
    try await shop.place(text)
    try await shop.build()
    let store = Array(shop.places.prefix(2))
    let models = Array(shop.places.suffix(2))
    let asOf = ["as-of", "sales", "--sequence", "3"] + shop.places + ["--"]
    for (arguments, isJSON) in [
      (["events"] + store, false), (["events", "--json"] + store, true),
      (["history", "order", "hostile"] + store, false), (["show"] + models, false),
      (["as-of", "sales", "--sequence", "3"] + shop.places, false),
      (asOf + ["/sales/countries"], true),
      (asOf + ["SELECT country, '\(text)' FROM sales_by_country"], false),
      (["as-of", "order", "hostile", "--sequence", "3"] + shop.places, true),
      (asOf + ["SELECT \(text)"], false), (asOf + ["/\(text)"], false),
      (["events", "--stream", text] + store, false), (["events", "--store", text], false),
      (["generations", "switch", "sales", text] + models, false), ([text], false),
    ] {
      let outcome = try await shop.ctl(arguments)
      let harmless = printable(outcome.output, keepsNewlines: true)
      #expect(outcome.output == harmless, "\(arguments)")
      #expect(
        outcome.output.contains("\\u001B") || outcome.output.contains("\\u001b"),
        "\(arguments): \(outcome)")
      guard isJSON else { continue }
      for line in outcome.output.split(separator: "\n") {
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
      }
    }
  }
}
