import Dispatch

/// Threads for tasks that block them, as copying and comparing generations does: requests are answered meanwhile.
final class BlockingTasks: TaskExecutor {
  static let shared = BlockingTasks()
  private let queue = DispatchQueue(label: "console", attributes: .concurrent)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }

  /// Runs `body` on these threads. It goes on where its caller is cancelled: what it changes is changed whole.
  static func run<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await Task(executorPreference: shared) { try await body() }.value
  }
}
