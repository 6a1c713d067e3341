package import Dispatch

/// Runs an actor on a thread of its own, so that its calls may block in C libraries without holding up
/// the threads that all other tasks share.
package final class BlockingExecutor: SerialExecutor {
  private let queue: DispatchQueue

  /// An executor whose thread shows up under `label` in a debugger.
  package init(label: String) {
    queue = DispatchQueue(label: label)
  }

  /// Runs a job after those that came before it.
  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }

  /// Runs `body` after what came before it, without a task: for the shell of an actor, whose `assumeIsolated` works in it.
  package func run(_ body: @escaping @Sendable () -> Void) {
    queue.async(execute: body)
  }

  /// Runs `body` after what came before it, and waits for it: in the caller's thread, where nothing else runs here. For what takes
  /// microseconds, and less than to change to another thread.
  package func runHere<Result>(_ body: () -> Result) -> Result { queue.sync(execute: body) }

  /// Runs `body`, which may block, once, on a thread of its own.
  package static func run<Result: Sendable, Failure>(
    label: String, _ body: @escaping @Sendable () throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    let executor = BlockingExecutor(label: label)
    let result = await withCheckedContinuation { continuation in
      executor.run { continuation.resume(returning: Swift.Result(catching: body)) }
    }
    return try result.get()
  }

  /// Tells on this executor when a descriptor can be read.
  package func readSource(_ descriptor: Int32) -> any DispatchSourceRead {
    DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
  }

  /// Tells on this executor when a descriptor can be written.
  package func writeSource(_ descriptor: Int32) -> any DispatchSourceWrite {
    DispatchSource.makeWriteSource(fileDescriptor: descriptor, queue: queue)
  }

  /// Tells on this executor that a time has come.
  package func timer() -> any DispatchSourceTimer { DispatchSource.makeTimerSource(queue: queue) }

  /// Traps where the caller does not run on this executor.
  package func checkIsolated() {
    dispatchPrecondition(condition: .onQueue(queue))
  }

  /// A reference for an actor's `unownedExecutor`.
  package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }
}
