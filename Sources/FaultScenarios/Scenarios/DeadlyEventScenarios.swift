import Eventually
import EventuallySQLite
import Foundation
import OrdersApp

extension Scenario {
  /// An event that ends every process that applies it, and a supervisor that starts the worker again and again.
  static let deadlyEventScenarios = [
    Scenario(
      "event-traps", "an event makes a worker trap at each start: it is parked, and others go on"
    ) { try await play(.trap, $0) },
    Scenario(
      "event-exhausts-stack",
      "an event makes a worker recurse without end at each start: it is parked, and others go on"
    ) { try await play(.overflow, $0) },
    Scenario(
      "event-exhausts-memory",
      "an event makes a worker take more memory than it may at each start: it is parked, and others go on"
    ) { try await play(.allocate, $0) },
  ]

  private static func play(_ crash: FaultPlan.Crash, _ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    let deadly = "deadly-\(stage.seed)"
    let item = #"{"sku":"A","quantity":2,"unitPrice":"1.25"}"#
    try stage.startLoad(orders: 60)
    try await stage.command("/orders/\(deadly)/create", #"{"country":"France","customer":"c"}"#)
    try await stage.command("/orders/\(deadly)/add-item", item)
    try await stage.command("/orders/\(deadly)/complete", "{}")
    let supervisor = Supervisor(
      stage, environment: Stage.faults("readmodel.project=\(crash.rawValue):\(deadly)"))
    try await supervisor.runUntil("the order is parked") {
      guard
        FileManager.default.fileExists(
          atPath: ReadModelName.sales.path(in: stage.pipeline.readModels))
      else { return false }
      return try await stage.parkedStreams(.sales).contains { $0.streamID == deadly }
    }
    let parked = try await stage.parkedStreams(.sales)
    guard parked.map(\.streamID) == [deadly], parked[0].reason.contains("ended the process 3 times")
    else { throw NotAsExpected("parked are \(parked)") }
    guard supervisor.deaths <= 4 else {
      throw NotAsExpected("the worker ended \(supervisor.deaths) times")
    }
    stage.tally.add(.workersKilled, supervisor.deaths)
    try await stage.loadEnds()
    try await stage.caughtUp([.sales])
    guard try await stage.parkedStreams(.sales).first?.events == 3 else {
      throw NotAsExpected("not all of the order's 3 events are parked")
    }
    try await stage.verifyWithParked()
    try await supervisor.stop()
    // The code is right again: what was parked is applied, and the read model is the fold.
    try await stage.startWorker(.sales, "sales-1")
    let retry = try await stage.pipeline.run(
      "eventuallyctl", "parked", "retry", "sales", "--all", "--read-models",
      stage.pipeline.readModels)
    guard retry.code == 0 else { throw NotAsExpected(retry.output) }
    stage.tally.add(.eventsRestored, 3)
    try await stage.checkAll([.sales])
  }
}

/// Starts a worker again whenever it has ended, as systemd or a container's restart policy does.
private final class Supervisor {
  private let stage: Stage
  private let environment: [String: String]
  private var process: RunningProcess?
  private(set) var deaths = 0

  /// Enough for a worker, and not for 2 GB more.
  private static let memoryLimit = 2_000_000

  init(_ stage: Stage, environment: [String: String]) {
    self.stage = stage
    // The backtrace of a debug build takes many times as long as everything else here.
    self.environment = environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
  }

  func runUntil(_ what: String, _ condition: () async throws -> Bool) async throws {
    try await waitUntil(
      what, within: .seconds(180), seen: { self.process?.lastWords ?? "" }
    ) {
      if let process, !process.isRunning {
        let code = try await process.exitCode()
        guard code > 128 else {
          throw NotAsExpected("the worker ended with \(code): \(process.lastWords)")
        }
        deaths += 1
        self.process = nil
      }
      if process == nil {
        process = try await stage.pipeline.harness.launchWorker(
          "sales", feed: try stage.writer.base, worker: "sales-1", environment: environment,
          memoryLimit: Self.memoryLimit)
      }
      return try await condition()
    }
  }

  func stop() async throws {
    guard let process else { return }
    let code = try await process.stop()
    guard code == 0 else { throw NotAsExpected("the worker ended with \(code)") }
  }
}
