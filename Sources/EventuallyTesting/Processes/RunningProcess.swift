import Eventually
import Foundation
import Subprocess
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A process that a test has started. It does not outlive the test's process, nor the last reference to it.
///
/// Its standard output and error are one file, ``logPath``.
public final class RunningProcess: Sendable {
  /// The executable's name.
  public let name: String
  /// The file that the process writes its output to.
  public let logPath: String
  /// The kernel's number of the process.
  public let processID: Int32

  private struct State {
    var hasEnded = false
    var url: String?
  }

  /// What is known of the process's end once it has been reaped.
  private final class Ending: Sendable {
    let status = Locked<Result<TerminationStatus, any Error>?>(nil)
  }

  private let state = Locked(State())
  private let ending: Ending
  /// Ends when the process may be reaped. Until then its number stays its own, and signals reach nobody else.
  private let reaping: AsyncStream<Never>.Continuation

  private init(
    name: String, logPath: String, processID: Int32, reaping: AsyncStream<Never>.Continuation,
    ending: Ending
  ) {
    self.name = name
    self.logPath = logPath
    self.processID = processID
    self.reaping = reaping
    self.ending = ending
  }

  deinit {
    kill()
  }

  /// Starts a process.
  /// - Parameters:
  ///   - place: where it runs.
  ///   - log: the file for its output, which is emptied.
  ///   - environment: variables beside those of this process.
  ///   - memoryLimit: how many KiB of addresses the process may have.
  ///   - isGuarded: whether the process, and what it starts, ends with this one.
  /// - Throws: ``ScenarioFailure`` where it can't be started.
  package static func start(
    _ executable: String, _ arguments: [String], at place: ProcessPlace = .here, log: String,
    environment: [String: String] = [:], memoryLimit: Int? = nil, isGuarded: Bool = true
  ) async throws -> RunningProcess {
    var command = place.prefix + [executable] + arguments
    if let memoryLimit {
      command = ["/bin/sh", "-c", #"ulimit -v "$0"; exec "$@""#, "\(memoryLimit)"] + command
    }
    var options = PlatformOptions()
    if isGuarded { options.processGroupID = try await OrphanGuard.processGroup }
    let configuration = Configuration(
      executable: .path(FilePath(command[0])), arguments: Arguments(Array(command.dropFirst())),
      environment: .inherit.updating(
        Dictionary(
          uniqueKeysWithValues: environment.map { (.init(stringLiteral: $0.key), $0.value) })),
      platformOptions: options)
    let file = try FileDescriptor.open(
      FilePath(log), .writeOnly, options: [.create, .truncate, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    let name = URL(filePath: executable).lastPathComponent
    do {
      return try await withCheckedThrowingContinuation { continuation in
        run(configuration, output: file, name: name, log: log, continuation)
      }
    } catch {
      throw ScenarioFailure("\(executable) can't be started: \(error)")
    }
  }

  private static func run(
    _ configuration: Configuration, output: FileDescriptor, name: String, log: String,
    _ started: CheckedContinuation<RunningProcess, any Error>
  ) {
    let started = OneResume(started)
    Task {
      let (ended, reaping) = AsyncStream<Never>.makeStream()
      let ending = Ending()
      do {
        let result = try await Subprocess.run(
          configuration, input: .none,
          output: .fileDescriptor(output, closeAfterSpawningProcess: true),
          error: .combinedWithOutput
        ) { execution in
          // Only the caller keeps it: the process ends with the last reference.
          started.resume(
            returning: RunningProcess(
              name: name, logPath: log, processID: execution.processIdentifier.value,
              reaping: reaping, ending: ending))
          for await _ in ended {}
        }
        ending.status.withLock { $0 = .success(result.terminationStatus) }
      } catch {
        started.resume(throwing: error)
        ending.status.withLock { $0 = .failure(error) }
      }
    }
  }

  // MARK: - Its state

  /// Whether the process has not ended. One that is frozen runs.
  public var isRunning: Bool { !hasEnded(WNOHANG) }

  private func hasEnded(_ options: Int32) -> Bool {
    state.withLock { state in
      if !state.hasEnded, changed(to: WEXITED | options) {
        state.hasEnded = true
        reaping.finish()
      }
      return state.hasEnded
    }
  }

  /// Whether the process is stopped by SIGSTOP, by ``freeze()`` or a fault of its own.
  public var isFrozen: Bool { changed(to: WSTOPPED | WNOHANG) }

  /// Asks the kernel for the process's state, and leaves it there to be asked for again.
  private func changed(to states: Int32) -> Bool {
    var info = siginfo_t()
    return waitid(P_PID, id_t(processID), &info, states | WNOWAIT) == 0 && info.si_signo != 0
  }

  /// What the process has written so far.
  public var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

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

  /// The base URL that the process serves at; `nil` where it does not.
  public var url: String? { state.withLock { $0.url } }

  /// Waits for the file that the process writes its address to.
  package func serves(addressFile: String) async throws {
    let address = try await content(of: addressFile)
    state.withLock { $0.url = address }
  }

  /// Waits for a file that the process writes when it is ready.
  package func content(of file: String) async throws -> String {
    try await contentOfFile(file, by: self)
  }

  // MARK: - Its end

  /// Sends a signal, unless the process has ended.
  package func send(_ signal: Int32) {
    if isRunning { sendSignal(signal, to: processID) }
  }

  /// Kills the process with SIGKILL, and returns when it is gone.
  public func kill() {
    send(SIGKILL)
    _ = hasEnded(0)
  }

  /// Stops the process with SIGSTOP: its connections stay open, and nothing answers.
  public func freeze() { send(SIGSTOP) }

  /// Lets the process go on after ``freeze()``.
  public func resume() { send(SIGCONT) }

  /// Waits for the process to end by itself.
  /// - Returns: its exit code; where a signal ended it, 128 and the signal's number.
  /// - Throws: ``ScenarioFailure`` with the end of the log where it takes too long.
  public func exitCode(within limit: Duration = .seconds(120)) async throws -> Int32 {
    var end: Result<TerminationStatus, any Error>?
    try await waitUntil(
      "the end of \(name)", within: limit, seen: { String(self.log.suffix(2000)) }
    ) {
      guard !self.isRunning else { return false }
      end = self.ending.status.withLock { $0 }
      return end != nil
    }
    switch try end?.get() {
    case .exited(let code): return code
    case .signaled(let signal): return 128 + signal
    case nil: throw ScenarioFailure("nothing is known of the end of \(name)")
    }
  }

  /// Asks the process to stop in order, with SIGTERM, and waits for its end: 30 seconds at most.
  /// - Returns: its exit code.
  @discardableResult
  public func stop() async throws -> Int32 {
    send(SIGTERM)
    return try await exitCode(within: .seconds(30))
  }
}

/// `kill(2)`, whose name a method of the process has.
private func sendSignal(_ signal: Int32, to processID: Int32) { _ = kill(processID, signal) }

/// Waits for a file that a process writes when it is ready.
package func contentOfFile(_ file: String, by process: RunningProcess? = nil) async throws -> String
{
  try await waitUntil("the file \(file)", within: .seconds(30), seen: { process?.log ?? "" }) {
    if let process, !process.isRunning {
      throw ScenarioFailure("\(process.name) ended: \(process.log.suffix(2000))")
    }
    return FileManager.default.fileExists(atPath: file)
  }
  return try String(contentsOfFile: file, encoding: .utf8)
    .trimmingCharacters(in: .whitespacesAndNewlines)
}
