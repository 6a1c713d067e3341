import EventuallyTesting
import Foundation
import Testing

/// The process harness, as a user's test has it.
@Suite(.timeLimit(.minutes(5))) final class HarnessTests {
  private static let built = Bundle.main.executableURL?.deletingLastPathComponent().path() ?? "."
  private let folder: String
  private let shop: ApplicationExecutables

  /// The sample has an executable for each role. A script makes them one, as a user's application is.
  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "shop-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    let script = url.appending(path: "shop")
    try Data(
      """
      #!/bin/sh
      case $1 in
        writer | projector) exec "\(Self.built)/$@" ;;
        broker) shift; exec "\(Self.built)/ordersctl" broker "$@" ;;
        *) exec "\(Self.built)/ordersctl" "$@" ;;
      esac
      """.utf8
    ).write(to: script)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path())
    folder = url.path()
    shop = ApplicationExecutables(application: script.path())
  }

  deinit {
    try? FileManager.default.removeItem(atPath: folder)
  }

  private func order(_ shop: ApplicationHarness, _ numbers: ClosedRange<Int>) async throws {
    for number in numbers {
      let answer = try await shop.post(
        "/orders/\(number)/create", json: #"{"country":"France","customer":"Ann"}"#)
      #expect(answer.status == 200, "\(answer)")
    }
  }

  @Test func nothingIsLostWhenAWorkerIsKilledAndAnotherFrozen() async throws {
    try await ApplicationHarness.run(shop) { shop in
      try await shop.startBroker()
      try await shop.startWriter()
      let killed = try await shop.startWorker("orders", faults: "readmodel.applied=kill@2")
      let frozen = try await shop.startWorker("customers")
      try await order(shop, 1...30)
      #expect(try await killed.exitCode() == 128 + SIGKILL)
      frozen.freeze()
      try await waitUntil("it is frozen") { frozen.isFrozen }
      try await order(shop, 31...60)
      frozen.resume()
      try await shop.startWorker("orders")
      let digests = try await shop.verify("orders", "customers")
      #expect(digests.keys.sorted() == ["customers", "orders"])
      #expect(try await shop.query("/orders/60", of: "orders").body.contains("France"))
      #expect(try await frozen.stop() == 0)
    }
  }

  @Test func aWriterThatDiesOfAFaultIsStartedAgainAtItsAddress() async throws {
    try await ApplicationHarness.run(shop, partitions: 2) { shop in
      let broker = try await shop.startBroker()
      let first = try await shop.startWriter(faults: "relay.acknowledged=kill")
      try await shop.startWorker("orders")
      // It may die before it answers: its end is what tells that the command was carried out.
      try? await order(shop, 1...1)
      #expect(try await first.exitCode() == 128 + SIGKILL)
      try await broker.takeDown()
      let second = try await shop.startWriter()
      #expect(second.url == first.url)
      try await order(shop, 2...20)
      try await broker.bringUp()
      try await shop.verify("orders")
      let status = try await shop.run(
        "status", "--store", shop.store, "--read-models", shop.readModels)
      #expect(status.code == 0 && status.output.contains("orders"), "\(status)")
    }
  }

  @Test func whatCanNotBeStartedIsSaid() async throws {
    await #expect(throws: ScenarioFailure.self) {
      try await ApplicationHarness.run(.init(application: "/nowhere/bank")) { bank in
        try await bank.startBroker()
      }
    }
    let failure = await #expect(throws: ScenarioFailure.self) {
      try await ApplicationHarness.run(shop) { shop in
        try await shop.startBroker()
        try await shop.startWriter(arguments: ["--no-such-option"])
      }
    }
    #expect(
      failure?.description.contains("no-such-option") == true, "\(String(describing: failure))")
  }

  /// A run of the harness in a process of its own, which is killed.
  @Test func noProcessOutlivesItsTest() async throws {
    let test = try await RunningProcess.start(
      "\(Self.built)/torture", ["--minutes", "0", "--scenario", "rebalance-storm"],
      log: "\(folder)/log", environment: ["TMPDIR": folder])
    try await waitUntil("broker, writer and a worker run", seen: { test.log }) {
      processes(naming: folder).count >= 3
    }
    test.kill()
    try await waitUntil("they are gone", seen: { "\(processes(naming: folder))" }) {
      processes(naming: folder).isEmpty
    }
  }

  /// The command lines of the processes that have a text in theirs.
  private func processes(naming text: String) -> [String] {
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return numbers.compactMap { number in
      guard Int(number) != nil,
        let line = FileManager.default.contents(atPath: "/proc/\(number)/cmdline")
      else { return nil }
      let words = String(decoding: line, as: UTF8.self)
      return words.contains(text) ? words : nil
    }
  }
}
