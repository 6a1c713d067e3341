import Eventually

/// Keeps the memory that loaded aggregates take within bounds: those who load large ones wait for each other.
final class LoadGate: Sendable {
  private struct State {
    var queue: LoadQueue
    var waiters: [LoadQueue.Ticket: CheckedContinuation<Void, any Error>] = [:]
    /// Tickets of those that were admitted, or gave up, before they began to wait.
    var settled: [LoadQueue.Ticket: (any Error)?] = [:]
  }

  private let state: Locked<State>
  private let patience: Duration

  /// - Parameters:
  ///   - capacity: bytes.
  ///   - patience: how long one waits before it is told to come again.
  init(capacity: Int, patience: Duration = .seconds(10)) {
    state = Locked(State(queue: LoadQueue(capacity: capacity)))
    self.patience = patience
  }

  /// Lets its holder load something; given back with the last reference.
  final class Pass: Sendable {
    private let gate: LoadGate
    private let weight: Int

    fileprivate init(_ gate: LoadGate, _ weight: Int) {
      self.gate = gate
      self.weight = weight
    }

    deinit { gate.leave(weight) }
  }

  /// Waits until there is room.
  /// - Throws: ``Overloaded`` where there is none for too long.
  func enter(_ weight: Int) async throws -> Pass {
    guard let ticket = state.withLock({ $0.queue.enter(weight) }) else { return Pass(self, weight) }
    let alarm = Task { [patience] in
      try await Task.sleep(for: patience)
      giveUp(ticket, Overloaded("too many large streams are being worked on"))
    }
    defer { alarm.cancel() }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let outcome = state.withLock { state -> (any Error)?? in
          if let outcome = state.settled.removeValue(forKey: ticket) { return .some(outcome) }
          state.waiters[ticket] = continuation
          return nil
        }
        if let outcome { Self.resume(continuation, outcome) }
      }
    } onCancel: {
      giveUp(ticket, CancellationError())
    }
    return Pass(self, weight)
  }

  private func leave(_ weight: Int) {
    settle { ($0.leave(weight), nil) }
  }

  private func giveUp(_ ticket: LoadQueue.Ticket, _ error: any Error) {
    settle { queue in
      let (waited, admitted) = queue.giveUp(ticket)
      return (admitted, waited ? (ticket, error) : nil)
    }
  }

  /// Changes the queue, and tells those whose wait ends with that.
  private func settle(
    _ change:
      (inout LoadQueue) -> (
        admitted: [LoadQueue.Ticket], refused: (LoadQueue.Ticket, any Error)?
      )
  ) {
    let woken = state.withLock { state -> [(CheckedContinuation<Void, any Error>, (any Error)?)] in
      let (admitted, refused) = change(&state.queue)
      var outcomes: [(LoadQueue.Ticket, (any Error)?)] = admitted.map { ($0, nil) }
      if let refused { outcomes.append(refused) }
      return outcomes.compactMap { ticket, error in
        guard let waiter = state.waiters.removeValue(forKey: ticket) else {
          state.settled[ticket] = .some(error)
          return nil
        }
        return (waiter, error)
      }
    }
    for (continuation, error) in woken { Self.resume(continuation, error) }
  }

  private static func resume(
    _ continuation: CheckedContinuation<Void, any Error>, _ error: (any Error)?
  ) {
    if let error { continuation.resume(throwing: error) } else { continuation.resume() }
  }
}
