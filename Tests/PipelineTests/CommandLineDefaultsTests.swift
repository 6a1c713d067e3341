import ArgumentParser
import EventuallyServer
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyCommand

/// What commands do where little is said, and what they say themselves.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CommandLineDefaultsTests {
  private let shop: StoredOrders

  init() throws {
    shop = try StoredOrders()
  }

  /// Commands that take several read models take all that exist where none is named; each finds its files by `--data`.
  @Test func allReadModelsAreTheDefault() async throws {
    try await shop.simulate(orders: 3)
    let data = ["--data", shop.pipeline.folder]
    let lists = [
      ["parked", "list"], ["rejected"], ["savepoint", "list"], ["generations", "list"], ["forget"],
      ["show"], ["verify"],
    ]
    for command in lists {
      let none = try await shop.ctl(command + data)
      #expect(none.code == 1 && none.output.contains("there is no read model in"), "\(none)")
    }
    let built = try await shop.ctl(["replay", "sales", "--from", "zero"] + data)
    #expect(built.code == 0, "\(built)")
    for command in lists + [["status"], ["show", "--by", "revenue"]] {
      let outcome = try await shop.ctl(command + data)
      #expect(outcome.code == 0, "\(command): \(outcome)")
    }
    let generations = try await shop.ctl(["generations", "list"] + data)
    #expect(generations.output.split(separator: "\n").count == 3, "\(generations)")
    for (command, told) in [
      (["show", "orders"], "orders: not built yet ("),
      (["show", "--by", "nope"], "no table has the column 'nope'; there are sales_orders (id,"),
      (["savepoint", "show", "sales", "nope"], "'savepoint list' shows"),
    ] {
      let outcome = try await shop.ctl(command + data)
      #expect(outcome.code == 1 && outcome.output.contains(told), "\(command): \(outcome)")
    }
    let query = try await shop.ctl(
      ["as-of", "sales", "--sequence", "1"] + data + ["--", "/sales/nowhere"])
    #expect(
      query.code == 1 && query.output.contains("is answered 404: {")
        && query.output.hasSuffix("}\n") && !query.output.contains("\\u000A"), "\(query)")
  }

  @Test func helpShowsDefaults() async throws {
    for (command, defaults) in [
      (["wait"], ["120"]), (["show"], ["5"]), (["projector", "run"], ["10", "30", "5"]),
      (["projector", "serve"], ["127.0.0.1:8081"]), (["replay"], ["1", "data"]),
    ] {
      let help = try await shop.ctl(command + ["--help"])
      for value in defaults {
        #expect(help.output.contains("default: \(value))"), "\(command): \(help)")
      }
      #expect(!help.output.contains("--replication-factor"), "\(help)")
    }
  }

  /// The same flag has another default in another command.
  @Test func configTellsTheDefaultsOfTheCommand() async throws {
    for (command, value) in [
      (["writer", "serve"], "127.0.0.1:8080"), (["projector", "run", "sales"], "127.0.0.1:0"),
      (["projector", "serve"], "127.0.0.1:8081"),
    ] {
      let config = try await shop.ctl(["config"] + command)
      let line = config.output.split(separator: "\n").first { $0.hasPrefix("listen ") }
      #expect(line?.contains(" \(value) ") == true, "\(command): \(config)")
    }
  }

  /// Also what is there to try things out asks for the tokens that it is given.
  @Test func allAsksForTokens() async throws {
    let all = try await shop.pipeline.start(
      "ordersctl",
      [
        "all", "--data", shop.pipeline.file("tokens"), "--listen", "127.0.0.1:0", "--queries",
        "127.0.0.1:0",
      ], environment: ["EVENTUALLY_TOKEN": "0123456789abcdef"])
    try await waitUntil("what to do next", seen: { all.log }) { all.log.contains("Ctrl-C") }
    for (name, path) in [("commands ", "/store"), ("queries ", "/sales")] {
      let line = try #require(all.log.split(separator: "\n").first { $0.hasPrefix(name) })
      let address = try #require(line.firstMatch(of: /http:\/\/[0-9.:]+/)?.0)
      var endpoint = try #require(HTTPEndpoint(String(address)))
      #expect(try await endpoint.send("GET", path).status == 401)
      endpoint.token = "0123456789abcdef"
      // The read models may not be built yet.
      let asked = endpoint
      try await waitUntil("\(path) is answered", seen: { all.log }) {
        try await asked.send("GET", path).status == 200
      }
    }
    #expect(try await all.stop() == 0, "\(all.log)")
  }

  /// The article on limits names the options that there are, with their defaults.
  @Test func theArticleOnLimitsNamesEveryOption() throws {
    let article = try String(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../Sources/EventuallyServer/EventuallyServer.docc/Limits.md"), encoding: .utf8)
    let limits = LimitOptions.helpMessage(columns: 400)
    var options = 0
    for option in limits.matches(of: /(--[a-z-]+) <[a-z]+>[^(]*\(default: ([0-9]+)\)/) {
      options += 1
      let row = article.split(separator: "\n").first { $0.contains("| `\(option.1)` |") }
      let words = try #require(row, "the article lacks \(option.1)")
      #expect(words.filter { $0 != "," }.contains("| \(option.2)"), "\(words)")
    }
    #expect(options == 13, "\(limits)")
  }

  /// `all` says what to do next; a second one is told at once that its address is in use, and makes nothing.
  @Test func allTellsWhereItServes() async throws {
    let data = shop.pipeline.file("all")
    let all = try await shop.pipeline.start(
      "ordersctl",
      ["all", "--data", data, "--listen", "127.0.0.1:0", "--queries", "127.0.0.1:0"])
    try await waitUntil("what to do next", seen: { all.log }) { all.log.contains("Ctrl-C") }
    let line = try #require(all.log.split(separator: "\n").first { $0.hasPrefix("commands ") })
    let address = try #require(line.firstMatch(of: /http:\/\/([0-9.:]+)\//)?.1)
    let second = try await shop.ctl(
      [
        "all", "--data", shop.pipeline.file("second"), "--listen", String(address), "--queries",
        "127.0.0.1:0",
      ])
    #expect(
      second.code == 1
        && second.output.contains("HTTP can't be served at \(address): the address is in use;"),
      "\(second)")
    #expect(!FileManager.default.fileExists(atPath: shop.pipeline.file("second")))
    let status = try await shop.ctl(["status", "--data", data])
    #expect(status.code == 0 && status.output.contains("\(data)/store.sqlite"), "\(status)")
    let writer = try #require(HTTPEndpoint("http://\(address)"))
    #expect(try await writer.post("/orders/1/create", #"{"country":"T"}"#).status == 200)
    let wait = try await shop.ctl(["wait", "--data", data, "--timeout", "60"])
    #expect(wait.code == 0, "\(wait)")
    #expect(try await all.stop() == 0, "\(all.log)")
    // The topic begins anew with the broker, which is expected.
    let again = try await shop.pipeline.start(
      "ordersctl", ["all", "--data", data, "--listen", String(address), "--queries", "127.0.0.1:0"])
    try await waitUntil("what to do next", seen: { again.log }) { again.log.contains("Ctrl-C") }
    let item = #"{"sku":"A","quantity":1,"unitPrice":"10"}"#
    #expect(try await writer.post("/orders/1/add-item", item).status == 200)
    try await waitUntil("the loss is told", seen: { again.log }) {
      again.log.contains("the topic has lost events")
    }
    #expect(try await again.stop() == 0, "\(again.log)")
    for log in [all.log, again.log] {
      #expect(!log.contains(" warning ") && !log.contains("enable.gapless"), "\(log)")
    }
  }
}
