extension Task where Failure == Never {
  /// What the task returns; `nil` where that takes longer than `limit`. The task goes on, and isn't cancelled.
  package func value(within limit: Duration) async -> Success? {
    await withCheckedContinuation { continuation in
      let waiting = Locked<CheckedContinuation<Success?, Never>?>(continuation)
      let answer = { @Sendable (value: Success?) in
        let continuation = waiting.withLock { waiting in
          defer { waiting = nil }
          return waiting
        }
        continuation?.resume(returning: value)
      }
      let pause = Task<Void, Never> {
        // A cancelled pause means that the value was first.
        try? await Task<Never, Never>.sleep(for: limit)
        answer(nil)
      }
      Task<Void, Never> {
        answer(await value)
        pause.cancel()
      }
    }
  }
}
