/// Who publishes a store's events at the moment.
public struct RelayHolder: Sendable, Hashable {
  /// The holder's name, for messages: a host and a process, mostly.
  public var name: String
  /// The number of its term.
  public var epoch: UInt64

  /// A holder.
  public init(name: String, epoch: UInt64) {
    self.name = name
    self.epoch = epoch
  }
}

extension StoreLog {
  /// None: for stores with one writer.
  public func relayHolder() async throws(EventStoreError) -> RelayHolder? { nil }
}

/// A relay's term is over: another one may publish, and nothing may be noted under this one any more.
public struct RelayFenced: Error, Hashable, CustomStringConvertible {
  /// How a term comes to its end.
  public enum Reason: Sendable, Hashable {
    /// The store says that the term is not the current one.
    case taken
    /// It could not be renewed in time, for the reason that is given.
    case notRenewed(String?)
    /// The process itself gave it back.
    case released
    /// The database's server is another one, or was restored, and may lack what the one before had.
    case serverChanged
  }

  /// Whether the term ended because it could not be renewed in time.
  package var isByClock: Bool {
    if case .notRenewed = reason { return true }
    return false
  }

  /// The number of the term.
  public var epoch: UInt64
  /// How it came to its end.
  public var reason: Reason

  /// The end of a term.
  public init(epoch: UInt64, reason: Reason) {
    self.epoch = epoch
    self.reason = reason
  }

  /// What happened, for logs.
  public var description: String {
    let words =
      switch reason {
      case .taken: "another relay has taken it"
      case .notRenewed(let cause): "it was not renewed in time" + (cause.map { ": \($0)" } ?? "")
      case .released: "it was given back"
      case .serverChanged: "the store is on another server, or was restored"
      }
    return "this process is not the store's relay any more, epoch \(epoch): \(words)"
  }
}

/// The right of one process to publish a store's events, from when ``Outbox/lease(_:)`` returns it until it is lost or
/// given back. One that is over never begins again.
///
/// Whoever gets one gives it back with ``release()``, also after it was lost.
public final class RelayTerm: Sendable {
  /// Rises with each term of the store; 0 where nobody else can have one.
  public let epoch: UInt64
  /// For how long the store keeps the right for a process that it does not hear of; `nil` where nobody else can have it.
  public let length: Duration?

  private let lease: Locked<RelayLease>
  /// 1 when the term is over.
  private let over = PositionSignal(at: 0)
  private let now: @Sendable () -> ContinuousClock.Instant
  private let giveBack: @Sendable () async -> Void
  private let renewal = Locked<Task<Void, Never>?>(nil)

  /// A term that lasts until it is given back, for stores that one process alone can publish.
  public init() {
    epoch = 0
    length = nil
    lease = Locked(RelayLease(alwaysHeld: 0))
    now = { .now }
    giveBack = {}
  }

  init(
    _ lease: RelayLease, epoch: UInt64, now: @escaping @Sendable () -> ContinuousClock.Instant,
    giveBack: @escaping @Sendable () async -> Void
  ) {
    self.epoch = epoch
    length = lease.timing.length
    self.lease = Locked(lease)
    self.now = now
    self.giveBack = giveBack
  }

  /// Whether the process has the right now. It stops having it by its own clock before the store would give it to another,
  /// however long the process was stopped.
  public var isHeld: Bool { ending == nil }

  /// Makes sure that the process has the right now.
  public func check() throws(RelayFenced) {
    if let ending { throw ending }
  }

  /// Returns when the term is over, or when the task is cancelled.
  public func waitUntilLost() async {
    while !Task.isCancelled, ending == nil {
      guard let end = lease.withLock({ $0.heldUntil }) else {
        await over.wait(past: 0)
        continue
      }
      // The clock ends a term too, though nothing comes from the store.
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.over.wait(past: 0) }
        // A cancelled pause means that the other task was first.
        group.addTask { try? await Task.sleep(until: end, clock: .continuous) }
        await group.next()
        group.cancelAll()
      }
    }
  }

  /// Ends the term, and lets another process have one at once, where the store can be told.
  public func release() async {
    end(.released)
    renewal.withLock { task in
      task?.cancel()
      task = nil
    }
    // Whoever is cancelled gives it back too.
    await Task { [giveBack] in await giveBack() }.value
  }

  /// The store has said that the term is not the current one, or shows that it can't be.
  package func fence(_ reason: RelayFenced.Reason = .taken) { end(reason) }

  private var ending: RelayFenced? {
    let ending = lease.withLock { $0.ending(at: now()) }
    if ending != nil { over.advance(to: 1) }
    return ending
  }

  private func end(_ reason: RelayFenced.Reason) {
    lease.withLock { $0.end(reason) }
    over.advance(to: 1)
  }

  // MARK: - Renewal

  /// Renews the term until it is over.
  func keepRenewing(_ renew: @escaping @Sendable () async throws -> Bool) {
    renewal.withLock { $0 = Task { await self.renewUntilOver(renew) } }
  }

  private func renewUntilOver(_ renew: @Sendable () async throws -> Bool) async {
    while !Task.isCancelled {
      switch lease.withLock({ $0.next(at: now()) }) {
      case .claim, .stop:
        over.advance(to: 1)
        return
      case .wait(let end):
        // A cancelled pause ends the loop by its condition.
        try? await Task.sleep(until: end, clock: .continuous)
      case .renew:
        let sent = now()
        do {
          let isRenewed = try await renew()
          lease.withLock { $0.renewed(isRenewed, sentAt: sent, at: now()) }
        } catch {
          lease.withLock { $0.renewalFailed("\(error)", at: now()) }
        }
      }
    }
  }
}
