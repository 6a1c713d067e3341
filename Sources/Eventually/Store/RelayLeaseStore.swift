/// What a store that several processes share keeps of its relay's lease: an epoch, a holder and an end, by the store's clock.
/// With this, ``RelayTerm/acquire(from:timing:now:_:)`` does the rest.
package protocol RelayLeaseStore: Sendable {
  /// Takes the lease where nobody has it, under the next epoch.
  func claimRelay(for length: Duration) async throws -> RelayClaim

  /// Lets the lease last for `length` from now.
  /// - Returns: whether the epoch is the current one and its lease has not ended.
  func renewRelay(_ epoch: UInt64, for length: Duration) async throws -> Bool

  /// Ends the lease, where the epoch is the current one. It does not take long, whatever state the store is in: where the
  /// store can't be told, the lease ends by itself.
  func releaseRelay(_ epoch: UInt64) async
}

/// What a store answers to a claim.
package enum RelayClaim: Sendable, Hashable {
  /// The lease is the process's.
  case granted(epoch: UInt64)
  /// Another has it.
  case held(RelayHolder)
}

extension RelayTerm {
  /// Waits until the process has the lease, and then renews it until the term is over.
  /// - Parameter standBy: called with who has it, after each claim that was refused.
  /// - Throws: what the store throws to a claim, and `CancellationError`.
  package static func acquire(
    from store: some RelayLeaseStore, timing: RelayLease.Timing = RelayLease.Timing(),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
    _ standBy: @Sendable (RelayHolder) -> Void
  ) async throws -> RelayTerm {
    var lease = RelayLease(timing)
    while true {
      if case .wait(let end) = lease.next(at: now()) {
        try await Task.sleep(until: end, clock: .continuous)
      }
      try Task.checkCancellation()
      let sent = now()
      switch try await store.claimRelay(for: timing.length) {
      case .held(let holder):
        standBy(holder)
        lease.claimRefused(at: now())
      case .granted(let epoch):
        lease.claimed(epoch, sentAt: sent)
        let term = RelayTerm(lease, epoch: epoch, now: now) { await store.releaseRelay(epoch) }
        term.keepRenewing { try await store.renewRelay(epoch, for: timing.length) }
        return term
      }
    }
  }
}
