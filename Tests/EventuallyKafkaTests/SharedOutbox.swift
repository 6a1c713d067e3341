import Eventually

@testable import EventuallyKafka

/// The lease of a store in memory that several publishers share.
final class LeaseTable: Sendable {
  private struct State {
    var epoch: UInt64 = 0
    var holder = ""
    var expires = ContinuousClock.now
    var claims: [String: Int] = [:]
    var isSilent: Set<String> = []
  }

  private let state = Locked(State())

  /// How often a process has claimed the lease.
  func claims(_ name: String) -> Int { state.withLock { $0.claims[name] ?? 0 } }
  var epoch: UInt64 { state.withLock { $0.epoch } }
  var holder: String { state.withLock { $0.holder } }

  /// Lets somebody have it who publishes nothing, until ``giveUp()``.
  func take(_ name: String) {
    state.withLock { state in
      state.epoch += 1
      state.holder = name
      state.expires = .now + .seconds(600)
    }
  }

  /// Whoever has it, has it no longer.
  func giveUp() { state.withLock { $0.expires = .now } }

  /// No renewal of a process is answered any more, as when it is cut off.
  func silence(_ name: String) { state.withLock { _ = $0.isSilent.insert(name) } }

  func claim(_ name: String, for length: Duration) -> RelayClaim {
    state.withLock { state in
      state.claims[name, default: 0] += 1
      guard state.expires <= .now, !state.isSilent.contains(name) else {
        return .held(RelayHolder(name: state.holder, epoch: state.epoch))
      }
      state.epoch += 1
      state.holder = name
      state.expires = .now + length
      return .granted(epoch: state.epoch)
    }
  }

  /// - Returns: `nil` where no answer comes.
  func renew(_ name: String, _ epoch: UInt64, for length: Duration) -> Bool? {
    state.withLock { state in
      if state.isSilent.contains(name) { return nil }
      guard state.epoch == epoch, state.expires > .now else { return false }
      state.expires = .now + length
      return true
    }
  }

  func release(_ epoch: UInt64) {
    state.withLock { if $0.epoch == epoch { $0.expires = .now } }
  }

  func isCurrent(_ epoch: UInt64) -> Bool { state.withLock { $0.epoch == epoch } }
}

/// One process's view of a store that several publishers share.
final class SharedOutbox: Outbox {
  /// Where a publisher is when a test has something for it.
  enum Step: Sendable, Hashable {
    /// A page of records was read that is not handed over yet.
    case pageRead
    /// How far the store is published is about to be noted.
    case cursorSaving
    /// It was noted.
    case cursorSaved
  }

  let inner: MemoryOutbox
  let table: LeaseTable
  let name: String
  private let timing: RelayLease.Timing
  private struct State {
    var term: RelayTerm?
    var hook: (step: Step, passage: Int, body: @Sendable () -> Void)?
  }
  private let state = Locked(State())

  init(_ inner: MemoryOutbox, _ table: LeaseTable, _ name: String, length: Duration) {
    self.inner = inner
    self.table = table
    self.name = name
    var timing = RelayLease.Timing()
    timing.length = length
    timing.renewal = .milliseconds(50)
    timing.claim = .milliseconds(20)
    self.timing = timing
  }

  /// The term that it has, or had last.
  var term: RelayTerm? { state.withLock { $0.term } }

  /// Calls `body` once, when the step is passed for the given time from now.
  func at(_ step: Step, passage: Int = 1, _ body: @escaping @Sendable () -> Void) {
    state.withLock { $0.hook = (step, passage, body) }
  }

  private func pass(_ step: Step) {
    let body = state.withLock { state -> (@Sendable () -> Void)? in
      guard let hook = state.hook, hook.step == step else { return nil }
      state.hook = hook.passage > 1 ? (step, hook.passage - 1, hook.body) : nil
      return hook.passage > 1 ? nil : hook.body
    }
    body?()
  }

  var storeID: String { inner.storeID }
  var partitionCount: Partition { inner.partitionCount }
  var head: PositionSignal { inner.head }
  func published() -> UInt64 { inner.published() }
  func heads() -> [UInt64] { inner.heads() }
  func heads(at sequenceNumber: UInt64) -> [UInt64] { inner.heads(at: sequenceNumber) }
  func publishedProgress() -> PublishedProgress? { inner.publishedProgress() }
  func records(after sequenceNumber: UInt64, limit: Int) -> [EventRecord] {
    let page = inner.records(after: sequenceNumber, limit: limit)
    // What reads the topic's end reads smaller ones.
    if limit > 1_000, !page.isEmpty { pass(.pageRead) }
    return page
  }

  func markPublished(_ sequenceNumber: UInt64) { inner.markPublished(sequenceNumber) }

  func markPublished(_ sequenceNumber: UInt64, under term: RelayTerm) throws {
    try note(under: term) { inner.markPublished(sequenceNumber) }
  }

  func markPublished(_ progress: PublishedProgress, under term: RelayTerm) throws {
    try note(under: term) { inner.markPublished(progress) }
  }

  /// As a store does: whoever asks, it is the epoch that counts.
  private func note(under term: RelayTerm, _ body: () -> Void) throws {
    pass(.cursorSaving)
    guard table.isCurrent(term.epoch) else {
      throw RelayFenced(epoch: term.epoch, reason: .taken)
    }
    body()
    pass(.cursorSaved)
  }

  func lease(_ standBy: @escaping @Sendable (RelayHolder) -> Void) async throws -> RelayTerm {
    let term = try await RelayTerm.acquire(from: self, timing: timing, standBy)
    state.withLock { $0.term = term }
    return term
  }
}

extension SharedOutbox: RelayLeaseStore {
  func claimRelay(for length: Duration) -> RelayClaim { table.claim(name, for: length) }

  func renewRelay(_ epoch: UInt64, for length: Duration) async throws -> Bool {
    if let answer = table.renew(name, epoch, for: length) { return answer }
    try await Task.sleep(for: .seconds(600))
    return false
  }

  func releaseRelay(_ epoch: UInt64) { table.release(epoch) }
}
