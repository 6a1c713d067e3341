import Dispatch

/// Whether the events of an append can be read back, found out while the store inserts them.
///
/// The appending task checks its own events, on another core than the store's thread inserts them on; before the store
/// commits it waits for the outcome, or checks by itself where the task has not come to it.
package final class AppendCheck: Sendable {
  private enum State {
    case waiting
    case running
    /// The store waits for whoever runs it.
    case awaited(@Sendable () -> Void)
    case finished(ReadBackFailure?)
  }

  private let state = Locked(State.waiting)
  private let body: @Sendable () -> ReadBackFailure?

  package init(_ body: @escaping @Sendable () -> ReadBackFailure?) {
    self.body = body
  }

  /// Finds out, unless somebody does already.
  package func run() {
    let isMine = state.withLock { state in
      guard case .waiting = state else { return false }
      state = .running
      return true
    }
    guard isMine else { return }
    let outcome = body()
    let waiting = state.withLock { state -> (@Sendable () -> Void)? in
      defer { state = .finished(outcome) }
      if case .awaited(let finished) = state { return finished }
      return nil
    }
    waiting?()
  }

  /// The event that can't be read back; `nil` where there is none, or where that is not known yet.
  package var knownFailure: ReadBackFailure? {
    state.withLock { state in
      if case .finished(let outcome) = state { return outcome }
      return nil
    }
  }

  /// The event that can't be read back, `nil` for none. It may block: for the store's own thread, and for one caller.
  package func failure() -> ReadBackFailure? {
    run()
    let semaphore = DispatchSemaphore(value: 0)
    if awaits({ semaphore.signal() }) { semaphore.wait() }
    return knownFailure
  }

  /// The same without blocking: for one caller, where a store can't take an event back that it has sent.
  package func outcome() async -> ReadBackFailure? {
    run()
    await withCheckedContinuation { continuation in
      if !awaits({ continuation.resume() }) { continuation.resume() }
    }
    return knownFailure
  }

  /// - Returns: whether somebody still runs it, who calls `finished` at its end.
  private func awaits(_ finished: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      guard case .running = state else { return false }
      state = .awaited(finished)
      return true
    }
  }
}
