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

/// Waits for the file that a process writes when it serves.
func contentOfFile(_ file: String, by process: RunningProcess? = nil) async throws -> String {
  try await waitUntil("the file \(file)", within: .seconds(30), seen: { process?.log ?? "" }) {
    if let process, !process.isRunning {
      throw NotAsExpected("\(process.name) ended: \(process.log.suffix(2000))")
    }
    return FileManager.default.fileExists(atPath: file)
  }
  return try String(contentsOfFile: file, encoding: .utf8)
    .trimmingCharacters(in: .whitespacesAndNewlines)
}

/// The folder that the executables were built in: the one that holds this one, or the tests.
package let buildFolder = Bundle.main.executableURL?.deletingLastPathComponent().path() ?? "."

/// A process of the caller's, which does not outlive it.
///
/// Foundation's `Process` learns of a child's end by a socket that other children, started at the same time, may hold
/// open; this asks the kernel.
package final class RunningProcess {
  package let name: String
  package let logPath: String
  package let processID: Int32
  /// How the process ended, as `waitpid` tells it; `nil` while it runs.
  private var status: Int32?

  /// - Parameter memoryLimit: how many KiB of addresses the process may have.
  package init(
    _ executable: String, _ arguments: [String], log: String, environment: [String: String] = [:],
    memoryLimit: Int? = nil
  ) throws {
    name = URL(filePath: executable).lastPathComponent
    logPath = log
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    var command = [executable] + arguments
    if let memoryLimit {
      command = ["/bin/sh", "-c", #"ulimit -v "$0"; exec "$@""#, "\(memoryLimit)"] + command
    }
    processID = try Self.spawn(
      command, variables.map { "\($0.key)=\($0.value)" }, log: log)
  }

  deinit {
    if isRunning { killHard() }
  }

  private static func spawn(
    _ arguments: [String], _ environment: [String], log: String
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    keepDescriptorsFromChildren()
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Signals that this process ignores are not to be ignored by its children.
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK))
    var pid: pid_t = 0
    let executable = arguments[0]
    let code = withStrings(arguments) { arguments in
      withStrings(environment) { environment in
        posix_spawn(&pid, executable, &actions, &attributes, arguments, environment)
      }
    }
    guard code == 0 else {
      throw NotAsExpected("\(arguments[0]) can't be started: \(String(cString: strerror(code)))")
    }
    return pid
  }

  /// A connection of this process's that a child has too does not end when it is closed here.
  private static func keepDescriptorsFromChildren() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    for descriptor in names.compactMap({ Int32($0) }) where descriptor > 2 {
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
  }

  private static func withStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return body(copies)
  }

  package var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

  /// The end of the log, or, where the process crashed, what it said first of that.
  package var lastWords: String {
    let log = log
    for sign in ["ssertion", "Fatal error", " crashed"] {
      if let place = log.range(of: sign) {
        return String(log[..<place.upperBound].suffix(600)) + log[place.upperBound...].prefix(900)
      }
    }
    return String(log.suffix(1500))
  }

  package var isRunning: Bool {
    wait(WNOHANG)
    return status == nil
  }

  private func wait(_ options: Int32) {
    guard status == nil else { return }
    var value: Int32 = 0
    if waitpid(processID, &value, options) == processID { status = value }
  }

  package func send(_ signal: Int32) {
    if isRunning { kill(processID, signal) }
  }

  /// Kills the process with SIGKILL, and waits until it is gone.
  package func killHard() {
    send(SIGKILL)
    wait(0)
  }

  /// Waits for the process to end by itself, and returns its exit code; a signal counts as 128 and its number.
  package func exitCode(within limit: Duration = .seconds(120)) async throws -> Int32 {
    try await waitUntil(
      "the end of \(name)", within: limit, seen: { String(self.log.suffix(2000)) }
    ) { !self.isRunning }
    let status = status ?? 0
    let signal = status & 0x7F
    return signal != 0 ? 128 + signal : (status >> 8) & 0xFF
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
