/// Decides when a process claims a store's lease for its relay and when it renews it, and knows whether the process has
/// it. It does no work itself.
///
/// The store gives the lease for a time that begins, by its own clock, after the request was sent; here it begins when the
/// request was sent, and ends earlier by a margin. So nobody here has the lease when the store gives it to another,
/// unless the clocks of both run apart by the margin within one lease.
package struct RelayLease: Hashable, Sendable {
  package typealias Instant = ContinuousClock.Instant

  /// Times of a lease.
  package struct Timing: Hashable, Sendable {
    /// For how long the store gives it.
    package var length = Duration.seconds(3)
    /// How long after a request the next is sent.
    package var renewal = Duration.seconds(1)
    /// So long before the store's end it ends here.
    package var margin = Duration.seconds(1)
    /// How long to wait after a claim that was refused.
    package var claim = Duration.milliseconds(250)
    /// How long to wait after a renewal that failed.
    package var retry = Duration.milliseconds(100)

    /// The usual ones.
    package init() {}
  }

  /// What is to be done.
  package enum Action: Equatable, Sendable {
    case claim
    case renew
    case wait(until: Instant)
    case stop(RelayFenced)
  }

  private enum Phase: Hashable {
    case standby(claimAt: Instant?)
    /// `until` is `nil` where it lasts.
    case held(epoch: UInt64, until: Instant?, renewAt: Instant?)
    case over(RelayFenced)
  }

  package let timing: Timing
  private var phase = Phase.standby(claimAt: nil)
  /// Why the last renewal failed.
  private var failure: String?

  /// A lease that the process has not.
  package init(_ timing: Timing = Timing()) { self.timing = timing }

  /// One that nobody can take.
  init(alwaysHeld epoch: UInt64) {
    timing = Timing()
    phase = .held(epoch: epoch, until: nil, renewAt: nil)
  }

  /// When it ends unless it is renewed; `nil` where it does not end, or is not held.
  package var heldUntil: Instant? {
    if case .held(_, let until, _) = phase { until } else { nil }
  }

  /// The number of the term; `nil` where none has begun.
  package var epoch: UInt64? {
    switch phase {
    case .standby: nil
    case .held(let epoch, _, _): epoch
    case .over(let ending): ending.epoch
    }
  }

  /// What is to be done now.
  package mutating func next(at now: Instant) -> Action {
    if let ending = ending(at: now) { return .stop(ending) }
    switch phase {
    case .standby(let claimAt):
      guard let claimAt, now < claimAt else { return .claim }
      return .wait(until: claimAt)
    case .held(_, let until?, let renewAt?):
      return now < renewAt ? .wait(until: min(renewAt, until)) : .renew
    case .held: return .wait(until: now + timing.renewal)
    case .over(let ending): return .stop(ending)
    }
  }

  /// How it ended; `nil` while it is held, or was not had yet. What has ended stays so.
  package mutating func ending(at now: Instant) -> RelayFenced? {
    switch phase {
    case .standby: return nil
    case .over(let ending): return ending
    case .held(let epoch, let until, _):
      guard let until, now >= until else { return nil }
      let ending = RelayFenced(epoch: epoch, reason: .notRenewed(failure))
      phase = .over(ending)
      return ending
    }
  }

  /// Another process has it.
  package mutating func claimRefused(at now: Instant) {
    guard case .standby = phase else { return }
    phase = .standby(claimAt: now + timing.claim)
  }

  /// The process has it, from a request that was sent at `sent`.
  package mutating func claimed(_ epoch: UInt64, sentAt sent: Instant) {
    guard case .standby = phase else { return }
    phase = .held(
      epoch: epoch, until: sent + timing.length - timing.margin, renewAt: sent + timing.renewal)
  }

  /// The store has answered a renewal that was sent at `sent`.
  package mutating func renewed(_ isRenewed: Bool, sentAt sent: Instant, at now: Instant) {
    // An answer that comes too late changes nothing: who asked meanwhile was told that it is over.
    guard ending(at: now) == nil, case .held(let epoch, let until?, _) = phase else { return }
    guard isRenewed else {
      phase = .over(RelayFenced(epoch: epoch, reason: .taken))
      return
    }
    failure = nil
    phase = .held(
      epoch: epoch, until: max(until, sent + timing.length - timing.margin),
      renewAt: sent + timing.renewal)
  }

  /// A renewal failed; it may have reached the store.
  package mutating func renewalFailed(_ reason: String, at now: Instant) {
    failure = reason
    guard ending(at: now) == nil, case .held(let epoch, let until?, _) = phase else { return }
    phase = .held(epoch: epoch, until: until, renewAt: now + timing.retry)
  }

  /// It ends now.
  package mutating func end(_ reason: RelayFenced.Reason) {
    guard case .held(let epoch, _, _) = phase else { return }
    phase = .over(RelayFenced(epoch: epoch, reason: reason))
  }
}
