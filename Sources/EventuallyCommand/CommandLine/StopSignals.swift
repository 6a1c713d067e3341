import EventuallyServer
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

/// A command that had something to finish was told to stop before it had.
struct Interrupted: Error, CustomStringConvertible {
  var signal: Int32
  /// What the work said to that, where it is more than that it was cancelled.
  var cause: (any Error)?

  init(signal: Int32, cause: any Error) {
    self.signal = signal
    self.cause = cause is CancellationError ? nil : cause
  }

  /// As a shell tells it.
  var exitCode: Int32 { 128 + signal }

  var description: String {
    "stopped by \(signal == SIGINT ? "SIGINT" : "SIGTERM") before it was done"
      + (cause.map { " (\($0))" } ?? "")
  }
}

/// Calls `onSignal` when SIGTERM or SIGINT comes while `body` works.
///
/// - Parameter limit: what is not done so long after the signal is left where it is: the process ends.
func withStopSignals<Result>(
  limit: Duration, _ onSignal: @escaping @Sendable (Int32) -> Void,
  _ body: () async throws -> Result
) async rethrows -> Result {
  // Not the threads that tasks share: those may be what hangs.
  let queue = DispatchQueue(label: "stop-signals")
  let sources = [SIGTERM, SIGINT].map { number in
    let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
    source.setEventHandler {
      onSignal(number)
      queue.asyncAfter(deadline: .now() + limit.seconds) {
        let interrupted = Interrupted(signal: number, cause: CancellationError())
        complain("\(interrupted), and did not end within \(limit)")
        ScratchFolder.removeAll()
        _exit(interrupted.exitCode)
      }
    }
    return source
  }
  // Until a source is registered, the signal ends the process as ever: one that was ignored meanwhile would be lost.
  for source in sources {
    await withCheckedContinuation { continuation in
      source.setRegistrationHandler { continuation.resume() }
      source.resume()
    }
  }
  defer {
    for source in sources { source.cancel() }
    signal(SIGTERM, SIG_DFL)
    signal(SIGINT, SIG_DFL)
  }
  return try await body()
}

/// The first signal that came.
final class Received: Sendable {
  let signal = Locked<Int32?>(nil)

  /// What an error of the work means: that it was stopped, where it was.
  func interruption(_ error: any Error) -> any Error {
    guard let number = signal.withLock({ $0 }) else { return error }
    return Interrupted(signal: number, cause: error)
  }
}

/// Runs `work` until it is done; SIGTERM and SIGINT cancel it.
///
/// - Parameter limit: the process ends where the work does not so long after it was cancelled.
/// - Throws: ``Interrupted`` where it was cancelled before it was done.
package func runUntilSignal(
  limit: Duration = .seconds(5), _ work: @escaping @Sendable () async throws -> Void
) async throws {
  let received = Received()
  let task = Task(operation: work)
  try await withStopSignals(limit: limit) { number in
    received.signal.withLock { $0 = $0 ?? number }
    task.cancel()
  } _: {
    do {
      try await task.value
    } catch {
      throw received.interruption(error)
    }
  }
}
