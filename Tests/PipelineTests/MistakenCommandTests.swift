import FaultScenarios
import Foundation
import Testing

/// Commands that name another store than a read model's, a read model twice, or what can't be reached.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MistakenCommandTests {
  private let shop: StoredOrders

  init() async throws {
    shop = try StoredOrders()
    try await shop.simulate(orders: 3)
    try await shop.build()
  }

  private func expectFailure(_ arguments: [String], _ words: String) async throws {
    let outcome = try await shop.ctl(arguments)
    #expect(
      outcome.code != 0 && outcome.output.contains(words),
      "\(arguments): \(outcome.code) \(outcome.output.suffix(600))")
  }

  /// As `verify` and `wait` refuse it; before anything is built.
  @Test func anotherStoreIsRefused() async throws {
    let other = try StoredOrders()
    try await other.simulate(orders: 5)
    let wrong = ["--store", other.pipeline.store, "--read-models", shop.pipeline.readModels]
    let replay = ["replay", "sales", "--from", "zero"]
    for end in [[], ["--no-switch"], ["--to", "2"]] {
      try await expectFailure(replay + end + wrong, "was built from the store")
    }
    let built = try await shop.ctl(replay + ["--no-switch"] + shop.places)
    #expect(built.code == 0 && built.output.contains("generation 2 is built"), "\(built)")
    let `switch` = ["generations", "switch", "sales"]
    for end in [["1"], ["2"], ["2", "--catch-up"]] {
      try await expectFailure(`switch` + end + wrong, "was built from the store")
    }
    try await expectFailure(`switch` + ["3"] + shop.places, "has no generation 3")
    // A store that is not there has no say.
    let alone = ["--data", shop.pipeline.file("none"), "--read-models", shop.pipeline.readModels]
    for places in [shop.places + ["--catch-up"], alone] {
      #expect(try await shop.ctl(`switch` + ["2"] + places).code == 0)
      #expect(try await shop.ctl(`switch` + ["1"] + places).code == 0)
    }
  }

  @Test func whatIsNamedTwiceCountsOnce() async throws {
    for command in [["wait", "--timeout", "5"], ["verify"]] {
      let outcome = try await shop.ctl(command + ["sales", "orders", "sales"] + shop.places)
      let lines = outcome.output.split(separator: "\n").filter { $0.hasPrefix("sales: ") }
      #expect(outcome.code == 0 && lines.count == 1, "\(outcome)")
    }
  }

  @Test func whatCannotBeReachedIsNamed() async throws {
    let refused = "Error: http://127.0.0.1:1 can't be reached: connection refused\n"
    try await expectFailure(
      ["replay", "sales", "--from", "zero", "--feed", "http://127.0.0.1:1"]
        + shop.places.suffix(2), refused)
    try await expectFailure(["health", "http://127.0.0.1:1"], refused)
    try await expectFailure(
      ["replay", "sales", "--from", "zero", "--feed", "http://127.0.0.1:1"]
        + shop.places.suffix(2) + ["--token-file", "/dev/null"],
      "the token file /dev/null can't be read: it is not a regular file")
    try await expectFailure(
      ["backup", "/nowhere/at/all.sqlite"] + shop.places.prefix(2),
      "/nowhere/at/all.sqlite: No such file or directory\n")
  }
}
