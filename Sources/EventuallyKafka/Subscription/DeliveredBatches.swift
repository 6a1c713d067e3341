import Eventually

/// The batches that were delivered, and what has become of them.
///
/// Whoever applies them tells it here, and does not wait for the consuming thread, which may be waiting for the broker.
final class DeliveredBatches: Sendable {
  /// What has been told since it was last asked for.
  struct Updates: Sendable {
    /// The last event of deliveries that were applied, in order.
    var applied: [Applied] = []
    /// Leases that were fenced.
    var fenced: [PartitionLease] = []
    /// All leases are to be taken anew.
    var isRenewalAsked = false
  }

  /// Up to where a partition was applied.
  struct Applied: Sendable {
    var partition: Partition
    var epoch: UInt64
    var position: UInt64
    var nextOffset: Int64?
    /// When the last of its events was appended, where that is known.
    var time: Timestamp?
  }

  private struct State {
    /// How many batches are not completed.
    var out = 0
    var updates = Updates()
    var waiting: [CheckedContinuation<Void, Never>] = []
    var onCompletion: (@Sendable () -> Void)?
  }

  private let state = Locked(State())

  /// Whether there is a batch that is not completed.
  var isOut: Bool { state.withLock { $0.out > 0 } }

  /// Calls `action` whenever the last batch that is out has been completed, which the next one waits for.
  func onCompletion(_ action: @escaping @Sendable () -> Void) {
    state.withLock { $0.onCompletion = action }
  }

  /// A batch goes out.
  func deliver() {
    state.withLock { $0.out += 1 }
  }

  /// Nothing more is to be done about a batch: these of its deliveries were applied.
  func complete<Event>(_ applied: [Delivery<Event>]) {
    let (waiting, onCompletion) = state.withLock { state in
      for delivery in applied {
        state.updates.applied.append(
          Applied(
            partition: delivery.partition, epoch: delivery.epoch, position: delivery.lastPosition,
            nextOffset: delivery.nextOffset, time: delivery.lastTime))
      }
      state.out = max(0, state.out - 1)
      return state.out == 0 ? (take(&state.waiting), state.onCompletion) : ([], nil)
    }
    for waiter in waiting { waiter.resume() }
    onCompletion?()
  }

  /// Leases of deliveries turned out to be fenced.
  func release(_ leases: [PartitionLease]) {
    state.withLock { $0.updates.fenced += leases }
  }

  /// All leases are to be taken anew.
  func askForRenewal() {
    state.withLock { $0.updates.isRenewalAsked = true }
  }

  /// What has been told since the last call.
  func drainUpdates() -> Updates {
    state.withLock { state in
      defer { state.updates = Updates() }
      return state.updates
    }
  }

  /// Waits until something has become of everything that was delivered.
  func allCompleted() async {
    await withCheckedContinuation { continuation in
      let isDone = state.withLock { state in
        if state.out > 0 { state.waiting.append(continuation) }
        return state.out == 0
      }
      if isDone { continuation.resume() }
    }
  }

  /// What is out will not be completed.
  func forget() {
    let waiting = state.withLock { state in
      state.out = 0
      return take(&state.waiting)
    }
    for waiter in waiting { waiter.resume() }
  }
}

extension Delivery {
  /// When the last event was appended, where that is known.
  fileprivate var lastTime: Timestamp? {
    guard case .event(let persisted)? = entries.last else { return nil }
    return persisted.time
  }
}

private func take<Element>(_ elements: inout [Element]) -> [Element] {
  defer { elements = [] }
  return elements
}
