import Eventually
import Subprocess
import SystemPackage

/// Kills the processes that this one started when this one ends, however it ends.
///
/// They are in one process group, led by a shell that reads from a pipe. Nobody writes to the pipe: it ends with this
/// process, and then the shell kills its group. Linux's `PR_SET_PDEATHSIG` would not do, since it means the thread that
/// started the child.
enum OrphanGuard {
  private static let leader = Task<Int32, any Error> {
    try await withCheckedThrowingContinuation { continuation in
      let started = OneResume(continuation)
      Task {
        var options = PlatformOptions()
        options.processGroupID = 0
        do {
          _ = try await Subprocess.run(
            .path("/bin/sh"), arguments: ["-c", "read line; kill -KILL 0"],
            platformOptions: options, input: .inputWriter, output: .discarded, error: .discarded
          ) { execution in
            started.resume(returning: execution.processIdentifier.value)
            // For as long as this process lives: the pipe is closed when this returns.
            await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
          }
        } catch {
          started.resume(throwing: error)
        }
      }
    }
  }

  /// The group that a process must be in so that it does not outlive this one.
  static var processGroup: Int32 {
    get async throws { try await leader.value }
  }
}

/// A continuation that only the first call resumes.
final class OneResume<Value: Sendable>: Sendable {
  private let continuation: Locked<CheckedContinuation<Value, any Error>?>

  init(_ continuation: CheckedContinuation<Value, any Error>) {
    self.continuation = Locked(continuation)
  }

  func resume(returning value: Value) { take()?.resume(returning: value) }
  func resume(throwing error: any Error) { take()?.resume(throwing: error) }

  private func take() -> CheckedContinuation<Value, any Error>? {
    continuation.withLock { continuation in
      defer { continuation = nil }
      return continuation
    }
  }
}
