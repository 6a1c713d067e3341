/// A subscription whose checkpoint lives as long as the value: for read models in memory.
///
/// After the Rust crate's `Transient`, which delivered the last event again on resume and could not tell "no
/// checkpoint" from "checkpoint 0"; this one does neither.
public final class TransientSubscription<Subscriber: EventSubscriber>: Subscription {
  private let subscriber: Subscriber
  private let applied: Locked<UInt64?>

  /// A subscription that begins after `checkpoint`, or with the first entry where that is `nil`.
  public init(_ subscriber: Subscriber, checkpoint: UInt64? = nil) {
    self.subscriber = subscriber
    self.applied = Locked(checkpoint)
  }

  /// The sequence number that was applied last; `nil` for never.
  public var position: UInt64? { applied.withLock { $0 } }

  /// All entries after the checkpoint, then new ones as they come.
  public func resume() -> Subscriber.Live {
    subscriber.subscribeAll(after: position ?? 0)
  }

  /// Moves the checkpoint to a sequence number. It never moves back.
  public func checkpoint(_ position: UInt64) {
    applied.withLock { $0 = max($0 ?? 0, position) }
  }
}
