import Eventually
import EventuallySQLite
import EventuallyServer
import FaultScenarios
import Foundation
import Testing

/// SIGTERM and SIGINT: who serves ends with 0, who had something to finish with 143 or 130, and nothing is left behind.
@Suite(.serialized, .timeLimit(.minutes(10))) struct StopTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
    try FileManager.default.createDirectory(
      atPath: pipeline.file("tmp"), withIntermediateDirectories: true)
  }

  private var places: [String] {
    ["--store", pipeline.store, "--read-models", pipeline.readModels]
  }

  /// Stops a process once something holds, and checks what it leaves.
  private func stop(
    _ process: RunningProcess, _ signal: Int32 = SIGTERM, expecting expected: Int32,
    within limit: Duration = .seconds(20), once condition: () async throws -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await waitUntil("the work", within: .seconds(30), seen: { process.log }) {
      guard process.isRunning else { throw NotAsExpected("it ended: \(process.log)") }
      return try await condition()
    }
    process.send(signal)
    let code = try await process.exitCode(within: limit)
    #expect(code == expected, "\(process.log)", sourceLocation: sourceLocation)
    #expect(
      !process.log.contains("CancellationError"), "\(process.log)", sourceLocation: sourceLocation)
    let told = process.log.contains("stopped by \(signal == SIGINT ? "SIGINT" : "SIGTERM")")
    #expect(told == (expected != 0), "\(process.log)", sourceLocation: sourceLocation)
    let left = try FileManager.default.contentsOfDirectory(atPath: pipeline.file("tmp"))
    #expect(left == [], sourceLocation: sourceLocation)
  }

  private func start(
    _ name: String, _ arguments: [String], faults: String? = nil
  ) async throws -> RunningProcess {
    var environment = ["TMPDIR": pipeline.file("tmp")]
    environment[FaultPlan.variable] = faults
    return try await pipeline.start(name, arguments, environment: environment)
  }

  /// Who asks a server to read its configuration again by SIGHUP does not end it; `all` ends with its terminal.
  @Test func aHangUpEndsOnlyWhatBelongsToATerminal() async throws {
    let server = try await start(
      "projector", ["serve", "--read-models", pipeline.readModels, "--listen", "127.0.0.1:0"])
    try await waitUntil("it serves", within: .seconds(30), seen: { server.log }) {
      server.log.contains("serving")
    }
    server.send(SIGHUP)
    try await stop(server, expecting: 0) { server.log.contains("SIGHUP changes nothing") }
    let all = try await start(
      "ordersctl",
      [
        "all", "--data", pipeline.file("all"), "--listen", "127.0.0.1:0", "--queries",
        "127.0.0.1:0",
      ])
    try await stop(all, SIGHUP, expecting: 0) { all.log.contains("Ctrl-C") }
  }

  @Test func aProjectorThatWaitsForItsFeedEndsWithZero() async throws {
    for feed in ["http://127.0.0.1:1", pipeline.file("none.sqlite")] {
      let process = try await start(
        "projector",
        [
          "run", "sales", "--feed", feed, "--read-models", pipeline.readModels, "--brokers",
          "127.0.0.1:1",
        ])
      try await stop(process, expecting: 0) { process.log.contains("--feed says where") }
    }
  }

  @Test func aProjectorWithoutABrokerEndsWithZero() async throws {
    try await place(orders: 2)
    let process = try await start(
      "projector",
      [
        "run", "sales", "--feed", pipeline.store, "--read-models", pipeline.readModels, "--brokers",
        "127.0.0.1:1",
      ])
    try await stop(process, expecting: 0) { process.log.contains("brokers are down") }
  }

  private func place(orders: Int) async throws {
    let process = try await start(
      "writer", simulation + ["--orders", "\(orders)", "--publish-timeout", "0"])
    #expect(try await process.exitCode() == 1, "\(process.log)")
  }

  private var simulation: [String] {
    ["simulate", "--store", pipeline.store, "--brokers", "127.0.0.1:1", "--listen", "127.0.0.1:0"]
  }

  @Test(arguments: [(SIGTERM, 143), (SIGINT, 130)] as [(Int32, Int32)])
  func aSimulationThatIsStoppedSaysSo(signal: Int32, code: Int32) async throws {
    let process = try await start("writer", simulation + ["--orders", "100000", "--rate", "20"])
    try await stop(process, signal, expecting: code) { await pipeline.head() > 40 }
    // What waits for Kafka is stopped likewise.
    let waiting = try await start(
      "writer", simulation + ["--orders", "3", "--publish-timeout", "600"])
    let before = await pipeline.head()
    try await stop(waiting, signal, expecting: code) {
      await pipeline.head() > 0 && waiting.log.contains("serving") && before > 0
    }
  }

  /// Also where standard input brings nothing.
  @Test func anImportThatIsStoppedSaysSo() async throws {
    let broken = pipeline.file("fifo")
    try #require(mkfifo(broken, 0o600) == 0)
    let process = try await RunningProcess.start(
      "/bin/bash",
      [
        "-c", "exec 3<>\"$0\"; exec \"$@\" <&3", broken, "\(buildFolder)/writer", "import", "-",
        "--store", pipeline.store, "--brokers", "127.0.0.1:1", "--listen", "127.0.0.1:0",
        "--rejected", pipeline.file("rejected.csv"),
      ], log: pipeline.file("import.log"))
    try await stop(process, expecting: 143) { process.log.contains("serving") }
    let lost = try await start("writer", ["import", "/dev/null", "--url", "http://127.0.0.1:1"])
    try await stop(lost, expecting: 143) {
      // It does something about SIGTERM.
      let status = try String(contentsOfFile: "/proc/\(lost.processID)/status", encoding: .utf8)
      let signals = status.split(separator: "\n").filter {
        $0.hasPrefix("SigIgn:") || $0.hasPrefix("SigCgt:")
      }
      return signals.contains { line in
        let set = UInt64(line.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) ?? 0
        return set & (1 << UInt64(SIGTERM - 1)) != 0
      }
    }
  }

  /// A query that never ends, in its first step or in its rows.
  @Test func aTimeMachineThatIsStoppedLeavesNoCopy() async throws {
    try await place(orders: 3)
    let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
    for query in ["SELECT count(*) FROM c", "SELECT x FROM c"] {
      let process = try await start(
        "ordersctl",
        ["as-of", "sales", "--sequence", "5"] + places + ["--", "\(endless) \(query)"])
      try await stop(process, expecting: 143) {
        let folders = try FileManager.default.contentsOfDirectory(atPath: pipeline.file("tmp"))
        return try folders.contains { folder in
          try FileManager.default.subpathsOfDirectory(atPath: pipeline.file("tmp/\(folder)"))
            .contains { $0.contains("live-v") }
        }
      }
    }
  }

  /// Whatever it does at that moment: here it hangs.
  @Test func aReplayAndAVerificationThatAreStoppedLeaveNothing() async throws {
    try await place(orders: 3)
    let replay = ["replay", "sales", "--from", "zero"] + places
    let hanging = try await start("ordersctl", replay, faults: "readmodel.applied=hang")
    try await stop(hanging, SIGINT, expecting: 130) {
      FileManager.default.fileExists(atPath: "\(pipeline.readModels)/sales/generation-1.sqlite")
    }
    let again = try await start("ordersctl", replay)
    #expect(try await again.exitCode() == 0, "\(again.log)")
    let verify = try await start(
      "ordersctl", ["verify", "sales"] + places, faults: "readmodel.applied=hang")
    try await stop(verify, expecting: 143) {
      try FileManager.default.subpathsOfDirectory(atPath: pipeline.file("tmp"))
        .contains { $0.contains("fold-1.sqlite") }
    }
  }
}
