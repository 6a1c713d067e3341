import EventuallyServer
import ArgumentParser
import Dispatch
import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A command that applies events, one of which may end the process that applies it.
///
/// It is run in a child process. Where that is ended by a signal of its own making, another one goes on where it was, and parks the
/// event that does it; so the command names the event instead of dying of it.
protocol CrashSupervised: AsyncParsableCommand {}

/// Runs a command in a child process, as often as it takes.
enum CrashSupervisor {
  /// Names the folder that the children of a command share, one after the other.
  private static let folderVariable = "EVENTUALLY_SCRATCH"
  /// Names the descriptor of a pipe that the parent holds open as long as it lives.
  private static let parentVariable = "EVENTUALLY_PARENT"
  /// An event is parked after its third death, and the first one may be that of a batch: where this many do not help, nothing does.
  private static let attempts = 40

  /// The folder for what has to be found again by the next child; `nil` where this process is nobody's child.
  static let folder: String? = ProcessInfo.processInfo.environment[folderVariable]

  /// Whether this process is a child. It does not outlive its parent then.
  static func beginAsChild() -> Bool {
    guard folder != nil,
      let descriptor = ProcessInfo.processInfo.environment[parentVariable].flatMap({ Int32($0) })
    else { return false }
    let watch = Thread {
      var byte: UInt8 = 0
      // Nothing is ever written: the end of the pipe is the end of the parent.
      while read(descriptor, &byte, 1) < 0, errno == EINTR {}
      kill(getpid(), SIGKILL)
    }
    watch.start()
    return true
  }

  /// Runs this process's command line in children until one of them ends by itself.
  /// - Throws: the child's exit code, where it is not 0.
  static func run() async throws {
    let scratch = try ScratchFolder("eventually-command")
    let pipe = Pipe()
    defer { withExtendedLifetime(pipe) {} }
    // A child has the reading end only.
    let (reading, writing) = (
      pipe.fileHandleForReading.fileDescriptor, pipe.fileHandleForWriting.fileDescriptor
    )
    guard fcntl(reading, F_SETFD, 0) == 0, fcntl(writing, F_SETFD, FD_CLOEXEC) == 0 else {
      throw POSIXError(.init(rawValue: errno) ?? .EIO)
    }
    let environment = ProcessInfo.processInfo.environment.merging([
      folderVariable: scratch.path, parentVariable: "\(reading)",
    ]) { $1 }
    for attempt in 1...attempts {
      let child = try Child(environment)
      let status = try await child.end()
      let signal = status & 0x7F
      guard signal != 0 else {
        let code = (status >> 8) & 0xFF
        if code != 0 { throw ExitCode(code) }
        return
      }
      try Task.checkCancellation()
      remark(
        "applying events has ended the process by signal \(signal), time \(attempt): it goes on one event at a time"
      )
    }
    throw Failure("it was ended by signals \(attempts) times, and comes no further")
  }

  /// A process with this one's executable, arguments and open files.
  private final class Child: Sendable {
    private let processID: pid_t
    private let hasEnded = Locked(false)
    private let executor = BlockingExecutor(label: "command.child")

    init(_ environment: [String: String]) throws {
      var pid: pid_t = 0
      let arguments = CommandLine.arguments.map { strdup($0) } + [nil]
      let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
      defer { for text in arguments + variables { free(text) } }
      #if canImport(Darwin)
        var attributes: posix_spawnattr_t?
        let executable = Bundle.main.executablePath ?? CommandLine.arguments[0]
      #else
        var attributes = posix_spawnattr_t()
        let executable = "/proc/self/exe"
      #endif
      posix_spawnattr_init(&attributes)
      defer { posix_spawnattr_destroy(&attributes) }
      // Signals that this process ignores or has sources for are the child's own again.
      var signals = sigset_t()
      sigfillset(&signals)
      posix_spawnattr_setsigdefault(&attributes, &signals)
      posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
      let code = posix_spawn(
        &pid, executable, nil, &attributes, arguments, variables)
      guard code == 0 else {
        throw Failure("a process can't be started: \(String(cString: strerror(code)))")
      }
      processID = pid
    }

    private func send(_ signal: Int32) {
      hasEnded.withLock { hasEnded in
        if !hasEnded { _ = kill(processID, signal) }
      }
    }

    /// Waits for its end, and returns the status that `waitpid` tells. It is told to stop when the task is cancelled.
    func end() async throws -> Int32 {
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          executor.run { [self] in
            // Its number is its own until its status is taken.
            var info = siginfo_t()
            while waitid(P_PID, id_t(processID), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
            var status: Int32 = 0
            hasEnded.withLock { hasEnded in
              hasEnded = true
              while waitpid(processID, &status, 0) < 0, errno == EINTR {}
            }
            continuation.resume(returning: status)
          }
        }
      } onCancel: {
        send(SIGTERM)
        // One that hangs, or is stopped, does not outlive this process either.
        DispatchQueue(label: "command.child.stop").asyncAfter(deadline: .now() + 4) {
          self.send(SIGKILL)
        }
      }
    }
  }
}
