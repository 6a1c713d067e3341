import Foundation

/// What was waited for did not happen, or what happened is not what must hold.
package struct NotAsExpected: Error, CustomStringConvertible {
  package var description: String

  package init(_ description: String) {
    self.description = description
  }
}

/// Waits until a condition holds; throws with what `seen` tells where it takes too long.
package func waitUntil(
  _ what: String, within limit: Duration = .seconds(60), seen: () async -> String = { "" },
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      throw NotAsExpected("\(what): not within \(limit); saw: \(await seen())")
    }
    // A poll, not a delay: other processes give no signal.
    try await Task.sleep(for: .milliseconds(20))
  }
}

/// The folder that the executables were built in: the one that holds this one, or the tests.
package let buildFolder = Bundle.main.executableURL?.deletingLastPathComponent().path() ?? "."

/// A process of the caller's, which does not outlive it.
package final class RunningProcess {
  private let process = Process()
  package let name: String
  package let logPath: String

  package init(
    _ executable: String, _ arguments: [String], log: String, environment: [String: String] = [:]
  ) throws {
    name = URL(filePath: executable).lastPathComponent
    logPath = log
    try Data().write(to: URL(filePath: log))
    let handle = try FileHandle(forWritingTo: URL(filePath: log))
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = FileHandle.nullDevice
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  package var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
  package var isRunning: Bool { process.isRunning }
  package var processID: Int32 { process.processIdentifier }

  package func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Kills the process with SIGKILL, and waits until it is gone.
  package func killHard() {
    send(SIGKILL)
    process.waitUntilExit()
  }

  /// Waits for the process to end by itself, and returns its exit code; a signal counts as 128 and its number.
  package func exitCode(within limit: Duration = .seconds(120)) async throws -> Int32 {
    try await waitUntil(
      "the end of \(name)", within: limit, seen: { String(self.log.suffix(2000)) }
    ) { !self.process.isRunning }
    return process.terminationReason == .uncaughtSignal
      ? 128 + process.terminationStatus : process.terminationStatus
  }

  /// Asks the process to stop in order, and returns its exit code.
  package func stop() async throws -> Int32 {
    send(SIGTERM)
    return try await exitCode(within: .seconds(30))
  }

  /// Whether the process is stopped by SIGSTOP.
  package var isStopped: Bool {
    guard let stat = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8),
      let state = stat.split(separator: ")").last?.split(separator: " ").first
    else { return false }
    return state == "T"
  }
}
