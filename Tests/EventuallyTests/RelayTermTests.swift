import Testing

@testable import Eventually

/// A store's lease in memory.
private final class LeaseTable: RelayLeaseStore {
  struct Unreachable: Error {}

  private struct State {
    var epoch: UInt64 = 0
    var expires = ContinuousClock.now
    var isAway = false
    var renewals = 0
  }

  private let state = Locked(State())

  var renewals: Int { state.withLock { $0.renewals } }
  func goAway() { state.withLock { $0.isAway = true } }
  /// As when another process takes it.
  func take() {
    state.withLock {
      $0.epoch += 1
      $0.expires = .now
    }
  }

  func claimRelay(for length: Duration) async throws -> RelayClaim {
    try state.withLock { state in
      if state.isAway { throw Unreachable() }
      guard state.expires <= .now else {
        return .held(RelayHolder(name: "the other", epoch: state.epoch))
      }
      state.epoch += 1
      state.expires = .now + length
      return .granted(epoch: state.epoch)
    }
  }

  func renewRelay(_ epoch: UInt64, for length: Duration) async throws -> Bool {
    try state.withLock { state in
      if state.isAway { throw Unreachable() }
      guard state.epoch == epoch, state.expires > .now else { return false }
      state.expires = .now + length
      state.renewals += 1
      return true
    }
  }

  func releaseRelay(_ epoch: UInt64) async {
    state.withLock { if $0.epoch == epoch { $0.expires = .now } }
  }
}

@Suite(.timeLimit(.minutes(5))) struct RelayTermTests {
  /// Long ones, so that nothing ends but for the reason that is tested.
  private func timing(_ length: Duration, margin: Duration = .zero) -> RelayLease.Timing {
    var timing = RelayLease.Timing()
    timing.length = length
    timing.renewal = .milliseconds(10)
    timing.margin = margin
    timing.claim = .milliseconds(10)
    timing.retry = .milliseconds(10)
    return timing
  }

  @Test func aStoreWithOneWriterGivesOneThatLasts() async throws {
    let term = RelayTerm()
    try term.check()
    #expect(term.isHeld)
    #expect(term.length == nil)
    await term.release()
    #expect(!term.isHeld)
    await term.waitUntilLost()
  }

  @Test func whoWaitsGetsItWhenItIsGivenBack() async throws {
    let table = LeaseTable()
    let timing = timing(.seconds(600))
    let first = try await RelayTerm.acquire(from: table, timing: timing) { _ in }
    let refusals = PositionSignal(at: 0)
    let holder = Locked<RelayHolder?>(nil)
    let second = Task {
      try await RelayTerm.acquire(from: table, timing: timing) { found in
        holder.withLock { $0 = found }
        refusals.advance(to: refusals.position + 1)
      }
    }
    await refusals.wait(past: 2)
    #expect(holder.withLock { $0 } == RelayHolder(name: "the other", epoch: 1))
    #expect(first.isHeld)
    await first.release()
    let term = try await second.value
    #expect(term.epoch == 2)
    #expect(term.isHeld)
    #expect(throws: RelayFenced(epoch: 1, reason: .released)) { try first.check() }
    await term.release()
  }

  @Test func itIsRenewed() async throws {
    let table = LeaseTable()
    let term = try await RelayTerm.acquire(from: table, timing: timing(.seconds(600))) { _ in }
    while table.renewals < 3 { try await Task.sleep(for: .milliseconds(1)) }
    #expect(term.isHeld)
    await term.release()
  }

  @Test func whoeverWaitsLearnsThatItWasTaken() async throws {
    let table = LeaseTable()
    let term = try await RelayTerm.acquire(from: table, timing: timing(.seconds(600))) { _ in }
    let waiting = Task { await term.waitUntilLost() }
    table.take()
    await waiting.value
    #expect(throws: RelayFenced(epoch: 1, reason: .taken)) { try term.check() }
    await term.release()
  }

  @Test func whoeverWaitsLearnsThatItWasNotRenewed() async throws {
    let table = LeaseTable()
    let term = try await RelayTerm.acquire(
      from: table, timing: timing(.seconds(2), margin: .milliseconds(1500))
    ) { _ in }
    table.goAway()
    await term.waitUntilLost()
    let fenced = #expect(throws: RelayFenced.self) { try term.check() }
    // Why the last attempt failed, where there was time for one.
    let reasons = ["Unreachable()", nil].map { RelayFenced(epoch: 1, reason: .notRenewed($0)) }
    #expect(fenced.map { reasons.contains($0) } == true, "\(fenced as Any)")
    await term.release()
  }

  @Test func theClockEndsItWithoutAnAnswer() async throws {
    let table = LeaseTable()
    let term = RelayTerm(
      {
        var lease = RelayLease(timing(.milliseconds(100)))
        lease.claimed(1, sentAt: .now)
        return lease
      }(), epoch: 1, now: { .now }, giveBack: { await table.releaseRelay(1) })
    await term.waitUntilLost()
    #expect(throws: RelayFenced(epoch: 1, reason: .notRenewed(nil))) { try term.check() }
  }

  @Test func aStoreThatIsAwayGivesNone() async throws {
    let table = LeaseTable()
    table.goAway()
    await #expect(throws: LeaseTable.Unreachable.self) {
      _ = try await RelayTerm.acquire(from: table, timing: timing(.seconds(1))) { _ in }
    }
  }

  @Test func whoeverIsCancelledWaitsNoMore() async throws {
    let table = LeaseTable()
    let timing = timing(.seconds(600))
    let term = try await RelayTerm.acquire(from: table, timing: timing) { _ in }
    let second = Task { try await RelayTerm.acquire(from: table, timing: timing) { _ in } }
    second.cancel()
    await #expect(throws: CancellationError.self) { _ = try await second.value }
    let waiting = Task { await term.waitUntilLost() }
    waiting.cancel()
    await waiting.value
    #expect(term.isHeld)
    await term.release()
  }
}
