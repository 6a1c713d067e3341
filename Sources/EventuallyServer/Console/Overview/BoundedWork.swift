import Eventually

/// Work that is waited for only so long; it goes on, and whoever asks next waits for the same.
final class BoundedWork<Value: Sendable>: Sendable {
  private let running = Locked<Task<Result<Value, any Error>, Never>?>(nil)

  struct NoAnswer: Error, CustomStringConvertible {
    var limit: Duration
    var description: String { "it has not answered for \(limit)" }
  }

  /// - Throws: what `work` throws, and ``NoAnswer``.
  func run(
    within limit: Duration, _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let task = running.withLock { running in
      let task = running ?? Task { await self.finish(work) }
      running = task
      return task
    }
    guard let result = await task.value(within: limit) else { throw NoAnswer(limit: limit) }
    return try result.get()
  }

  private func finish(
    _ work: @Sendable () async throws -> Value
  ) async -> Result<Value, any Error> {
    defer { running.withLock { $0 = nil } }
    do {
      return .success(try await work())
    } catch {
      return .failure(error)
    }
  }
}
