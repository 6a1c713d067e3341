/// A position that rises, and that tasks wait for.
///
/// Waiters hold no queue of what happened: they are told that there is more, and read it from where it is.
public final class PositionSignal: Sendable {
  private struct State {
    var position: UInt64
    var tickets = 0
    var waiting: [Int: (past: UInt64, continuation: CheckedContinuation<Void, Never>)] = [:]
    /// Tickets whose task was cancelled before it began to wait.
    var cancelled: Set<Int> = []
  }

  private let state: Locked<State>

  /// A signal that stands at `position`.
  public init(at position: UInt64) {
    state = Locked(State(position: position))
  }

  /// Where the signal stands.
  public var position: UInt64 { state.withLock { $0.position } }

  /// Moves the signal, where that is forwards, and wakes those who waited for it.
  public func advance(to position: UInt64) {
    let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
      guard position > state.position else { return [] }
      state.position = position
      let ready = state.waiting.filter { $0.value.past < position }
      for ticket in ready.keys { state.waiting[ticket] = nil }
      return ready.values.map(\.continuation)
    }
    for continuation in woken { continuation.resume() }
  }

  /// Moves the signal back, where what it told of is lost.
  package func fall(to position: UInt64) {
    state.withLock { $0.position = min($0.position, position) }
  }

  /// Returns when the signal stands beyond `position`, or when the task is cancelled.
  public func wait(past position: UInt64) async {
    let ticket = state.withLock { state in
      state.tickets += 1
      return state.tickets
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let waits = state.withLock { state in
          if state.position > position || state.cancelled.contains(ticket) { return false }
          state.waiting[ticket] = (position, continuation)
          return true
        }
        if !waits { continuation.resume() }
      }
    } onCancel: {
      let continuation = state.withLock { state in
        state.cancelled.insert(ticket)
        return state.waiting.removeValue(forKey: ticket)?.continuation
      }
      continuation?.resume()
    }
    state.withLock { _ = $0.cancelled.remove(ticket) }
  }
}
