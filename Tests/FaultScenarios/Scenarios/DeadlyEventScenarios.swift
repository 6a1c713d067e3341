import Eventually
import Foundation

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
    try stage.startLoad(entities: 60)
    for command in stage.application.fourCommands(on: deadly).prefix(3) {
      try await stage.send(command)
    }
    let stream = stage.application.stream(of: deadly)
    let supervisor = Supervisor(
      stage, environment: Stage.faults("readmodel.project=\(crash.rawValue):\(deadly)"))
    try await supervisor.runUntil("the stream is parked") {
      do {
        return try await stage.parkedStreams(.first).contains { $0.streamID == stream }
      } catch ReadModelError.notBuilt {
        return false
      }
    }
    let parked = try await stage.parkedStreams(.first)
    guard parked.map(\.streamID) == [stream], parked[0].reason.contains("ended the process 3 times")
    else { throw NotAsExpected("parked are \(parked)") }
    guard supervisor.deaths <= 4 else {
      throw NotAsExpected(
        "the worker ended \(supervisor.deaths) times: \(supervisor.ends.joined(separator: "\n"))")
    }
    stage.tally.add(.workersKilled, supervisor.deaths)
    try await stage.loadEnds()
    try await stage.caughtUp([.first])
    guard try await stage.parkedStreams(.first).first?.events == 3 else {
      throw NotAsExpected("not all of the stream's 3 events are parked")
    }
    try await stage.verifyWithParked()
    try await supervisor.stop()
    // The code is right again: what was parked is applied, and the read model is the fold.
    try await stage.startWorker(.first, "first-1")
    try await stage.readModels(["parked", "retry", stage.first, "--all"])
    stage.tally.add(.eventsRestored, 3)
    try await stage.checkAll([.first])
  }
}

/// Starts a worker again whenever it has ended, as systemd or a container's restart policy does.
private final class Supervisor {
  private let stage: Stage
  private let environment: [String: String]
  private var process: RunningProcess?
  /// What each process that has ended said last.
  private(set) var ends: [String] = []
  var deaths: Int { ends.count }

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
        ends.append("\(code): \(process.lastWords.prefix(700))")
        self.process = nil
      }
      if process == nil {
        process = try await stage.pipeline.harness.launchWorker(
          stage.first, worker: "first-1", environment: environment,
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
