import Testing

@testable import Eventually

@Suite struct RelayLeaseTests {
  private typealias Instant = ContinuousClock.Instant
  private let start = Instant.now

  private func at(_ seconds: Double) -> Instant { start + .milliseconds(Int(seconds * 1000)) }

  @Test func itIsRenewedEverySecondAndEndsOneSecondEarlier() {
    var lease = RelayLease()
    #expect(lease.next(at: at(0)) == .claim)
    lease.claimed(7, sentAt: at(0))
    #expect(lease.heldUntil == at(2))
    #expect(lease.next(at: at(0.5)) == .wait(until: at(1)))
    #expect(lease.next(at: at(1)) == .renew)
    lease.renewed(true, sentAt: at(1), at: at(1.4))
    #expect(lease.heldUntil == at(3))
    #expect(lease.next(at: at(1.5)) == .wait(until: at(2)))
    #expect(lease.ending(at: at(2.9)) == nil)
    let ending = RelayFenced(epoch: 7, reason: .notRenewed(nil))
    #expect(lease.ending(at: at(3)) == ending)
    #expect(lease.next(at: at(3)) == .stop(ending))
  }

  @Test func aRefusedClaimIsMadeAgain() {
    var lease = RelayLease()
    lease.claimRefused(at: at(0))
    #expect(lease.next(at: at(0.1)) == .wait(until: at(0.25)))
    #expect(lease.ending(at: at(0.1)) == nil)
    #expect(lease.next(at: at(0.25)) == .claim)
  }

  @Test func aFailedRenewalIsTriedAgainUntilTheEnd() {
    var lease = RelayLease()
    lease.claimed(1, sentAt: at(0))
    lease.renewalFailed("away", at: at(1.2))
    #expect(lease.next(at: at(1.2)) == .wait(until: at(1.3)))
    #expect(lease.next(at: at(1.3)) == .renew)
    #expect(
      lease.next(at: at(2)) == .stop(RelayFenced(epoch: 1, reason: .notRenewed("away"))))
    // The answer that comes now does not bring it back.
    lease.renewed(true, sentAt: at(1.3), at: at(2.1))
    #expect(lease.ending(at: at(2.1)) != nil)
  }

  @Test func whoTookTooLongToClaimHasNothing() {
    var lease = RelayLease()
    lease.claimed(1, sentAt: at(0))
    #expect(lease.ending(at: at(2.5)) == RelayFenced(epoch: 1, reason: .notRenewed(nil)))
  }

  @Test func theStoreCanEndIt() {
    var lease = RelayLease()
    lease.claimed(1, sentAt: at(0))
    lease.renewed(false, sentAt: at(1), at: at(1.1))
    #expect(lease.ending(at: at(1.1)) == RelayFenced(epoch: 1, reason: .taken))
    lease.end(.released)
    #expect(lease.ending(at: at(1.1)) == RelayFenced(epoch: 1, reason: .taken))
  }

  @Test func oneThatNobodyCanTakeLasts() {
    var lease = RelayLease(alwaysHeld: 0)
    #expect(lease.ending(at: at(1e6)) == nil)
    #expect(lease.heldUntil == nil)
    lease.end(.released)
    #expect(lease.ending(at: at(0)) == RelayFenced(epoch: 0, reason: .released))
  }

  /// Two processes at one store, whose requests take any time, are lost, fail and are carried out nevertheless, or whose
  /// answers are: in every order of up to five seconds. Never have both the lease, and never has one what the store would
  /// give to another.
  @Test func everyOrderOfTwoProcesses() {
    var search = LeaseSearch(start: start)
    search.run()
    #expect(search.violations == 0)
    // Not for want of anything to be seen.
    #expect(search.largestEpoch >= 2)
    #expect(search.states > 10_000)
  }

  /// The same finds out whoever counts from the answer, without a margin.
  @Test func whoCountsFromTheAnswerIsFoundOut() {
    var search = LeaseSearch(start: start)
    search.countsFromAnswer = true
    search.run()
    #expect(search.violations > 0)
  }
}

/// Goes through all that can happen to two processes, in steps of a second.
private struct LeaseSearch {
  private struct Request: Hashable {
    var isClaim: Bool
    var epoch: UInt64
    var sent: Int
    /// What the store has answered, once it has: the epoch, or 0 for a refusal.
    var answer: UInt64?
  }

  private struct Process: Hashable {
    var lease: RelayLease
    var request: Request?
    /// A request that it has given up, and that the store may still carry out.
    var stray: Request?
  }

  private struct State: Hashable {
    var now = 0
    var processes: [Process]
    var epoch: UInt64 = 0
    var expires = 0

    /// The same for both orders of the processes.
    var ordered: State {
      var state = self
      if state.processes[0].hashValue > state.processes[1].hashValue {
        state.processes.swapAt(0, 1)
      }
      return state
    }
  }

  let start: ContinuousClock.Instant
  /// The mistake that is to be found out.
  var countsFromAnswer = false
  private let length = 3
  private let end = 5
  private(set) var violations = 0
  private(set) var largestEpoch: UInt64 = 0
  private var seen: Set<State> = []
  var states: Int { seen.count }

  init(start: ContinuousClock.Instant) { self.start = start }

  mutating func run() {
    var timing = RelayLease.Timing()
    timing.margin = countsFromAnswer ? .zero : .seconds(1)
    timing.claim = .seconds(1)
    timing.retry = .seconds(1)
    let idle = Process(lease: RelayLease(timing))
    var open = [State(processes: [idle, idle])]
    while let state = open.popLast()?.ordered {
      guard seen.insert(state).inserted else { continue }
      check(state)
      if violations > 0 { return }
      if state.now < end {
        var later = state
        later.now += 1
        open.append(later)
      }
      for index in 0..<2 { open += moves(of: index, in: state) }
    }
  }

  private func instant(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

  private mutating func check(_ state: State) {
    largestEpoch = max(largestEpoch, state.epoch)
    var holders = 0
    for process in state.processes {
      var lease = process.lease
      guard lease.heldUntil != nil, lease.ending(at: instant(state.now)) == nil else { continue }
      holders += 1
      if state.now >= state.expires { violations += 1 }
    }
    if holders > 1 { violations += 1 }
  }

  private func moves(of index: Int, in state: State) -> [State] {
    var found: [State] = []
    func add(_ change: (inout State, inout Process) -> Void) {
      var next = state
      var process = next.processes[index]
      change(&next, &process)
      next.processes[index] = process
      found.append(next)
    }
    let process = state.processes[index]
    if process.stray != nil {
      add { state, process in
        if let stray = process.stray { _ = carryOut(stray, &state) }
        process.stray = nil
      }
    }
    guard let request = process.request else {
      add { state, process in
        switch process.lease.next(at: instant(state.now)) {
        case .claim: process.request = Request(isClaim: true, epoch: 0, sent: state.now)
        case .renew:
          process.request = Request(
            isClaim: false, epoch: process.lease.epoch ?? 0, sent: state.now)
        case .wait: break
        // The next term begins.
        case .stop: process.lease = RelayLease(process.lease.timing)
        }
      }
      return found
    }
    add { state, process in
      fail(&process, at: state.now)
      process.stray = request.answer == nil ? request : nil
    }
    if let answer = request.answer {
      add { state, process in take(answer, of: request, &process, at: state.now) }
    } else {
      add { state, process in process.request?.answer = carryOut(request, &state) }
    }
    return found
  }

  private func carryOut(_ request: Request, _ state: inout State) -> UInt64 {
    if request.isClaim {
      guard state.expires <= state.now else { return 0 }
      state.epoch += 1
    } else {
      guard state.epoch == request.epoch, state.expires > state.now else { return 0 }
    }
    state.expires = state.now + length
    return state.epoch
  }

  private func take(_ answer: UInt64, of request: Request, _ process: inout Process, at now: Int) {
    process.request = nil
    let sent = instant(countsFromAnswer ? now : request.sent)
    switch (request.isClaim, answer) {
    case (true, 0): process.lease.claimRefused(at: instant(now))
    case (true, _): process.lease.claimed(answer, sentAt: sent)
    case (false, _): process.lease.renewed(answer > 0, sentAt: sent, at: instant(now))
    }
  }

  private func fail(_ process: inout Process, at now: Int) {
    if process.request?.isClaim == true {
      process.lease.claimRefused(at: instant(now))
    } else {
      process.lease.renewalFailed("lost", at: instant(now))
    }
    process.request = nil
  }
}
