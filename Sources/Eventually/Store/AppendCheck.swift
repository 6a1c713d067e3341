import Dispatch

/// Whether the events of an append can be read back, found out while the store inserts them.
///
/// The appending task checks its own events, on another core than the store's thread inserts them on; before the store
/// commits it waits for the outcome, or checks by itself where the task has not come to it.
package final class AppendCheck: Sendable {
  private enum State {
    case waiting
    case running
    /// The store's thread waits for whoever runs it.
    case awaited(DispatchSemaphore)
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
    let waiting = state.withLock { state -> DispatchSemaphore? in
      defer { state = .finished(outcome) }
      if case .awaited(let semaphore) = state { return semaphore }
      return nil
    }
    waiting?.signal()
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
    let semaphore = state.withLock { state -> DispatchSemaphore? in
      guard case .running = state else { return nil }
      let semaphore = DispatchSemaphore(value: 0)
      state = .awaited(semaphore)
      return semaphore
    }
    semaphore?.wait()
    return knownFailure
  }
}
