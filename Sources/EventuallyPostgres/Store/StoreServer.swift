import Eventually

/// Which server a store's connections lead to, as far as that can be told: after a fail-over to a standby, or a restore to an
/// earlier time, a server writes another timeline of its log, and may lack what the former one had acknowledged.
final class StoreServer: Sendable {
  private struct State {
    var name: String?
    var changes = 0
    var observers: [@Sendable () -> Void] = []
  }

  private let state = Locked(State())

  /// The server's identifier and its timeline; `nil` where it is a standby, or does not tell.
  var name: String? { state.withLock { $0.name } }
  /// How often it has become another one.
  var changes: Int { state.withLock { $0.changes } }

  /// Has `action` called when it becomes another one, before anything is asked of that.
  func onChange(_ action: @escaping @Sendable () -> Void) {
    state.withLock { $0.observers.append(action) }
  }

  /// A new connection leads to this server.
  func connected(to name: String) {
    let observers = state.withLock { state in
      defer { state.name = name }
      guard let known = state.name, known != name else { return [@Sendable () -> Void]() }
      state.changes += 1
      return state.observers
    }
    for observer in observers { observer() }
  }
}
