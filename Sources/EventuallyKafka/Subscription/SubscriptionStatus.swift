public import Eventually

/// What a subscription is doing.
public struct SubscriptionStatus: Sendable, Hashable {
  /// What it is doing with one partition.
  public struct Assigned: Sendable, Hashable {
    /// What keeps a partition from going on.
    public enum Phase: Sendable, Hashable {
      /// Nothing: records are taken as they come.
      case consuming
      /// Records are missing and are being fetched from the feed.
      case repairing(ClosedRange<UInt64>)
      /// The lease was refused, since another worker took the partition over or what was applied is gone; a new one is taken after a
      /// while.
      case fenced
      /// An event was applied at this partition offset that the store does not have there: nothing is applied until the
      /// read model is repaired from the store.
      case forged(at: UInt64)
    }

    /// The number of the lease.
    public var epoch: UInt64
    /// The partition offset that was applied last; `nil` for never.
    public var position: UInt64?
    /// When the event was appended that was applied last; `nil` where none was since the lease was taken.
    public var appliedTime: Timestamp?
    /// Where the bus has what comes after that, where that is known.
    public var nextOffset: Int64?
    /// The last partition offset in the store, as the feed told last.
    public var storeHead: UInt64?
    /// Whether the store ends before what was applied already, as one restored from an older copy does.
    public var isStoreBehind = false
    /// What it is doing.
    public var phase: Phase
    /// Where it is fenced: whether nobody else has the partition, but a crash of the read model's database has taken back what was
    /// applied.
    public var isAheadOfCheckpoint = false
    /// Why the partition can't go on at the moment.
    public var failure: String?
    /// What keeps records from coming though the worker waits for them; `nil` where nothing does.
    public var stall: Stall?
  }

  /// A partition of which no record comes, and not its end either.
  public struct Stall: Sendable, Hashable {
    /// For how long the worker has waited for records since there was a sign of them.
    public var waited: Duration
    /// Why the last fetch failed; `nil` where none did.
    public var reason: String?
  }

  /// Whether the group has given this worker an assignment, which may be empty.
  public var isAssigned = false
  /// The partitions that this worker has.
  public var partitions: [Partition: Assigned] = [:]
  /// How often the assignment has changed.
  public var rebalances: UInt64 = 0
  /// Records that were had before and dropped.
  public var duplicates: UInt64 = 0
  /// Gaps that were filled from the feed.
  public var gapsRepaired: UInt64 = 0
  /// Events that came from the feed.
  public var eventsFromFeed: UInt64 = 0
  /// Records that are not of this store, and were not applied.
  public var rejectedRecords: UInt64 = 0
  /// Leases that were fenced.
  public var fencings: UInt64 = 0
  /// When the store's heads were last told by the feed.
  public var headsHeard: ContinuousClock.Instant?
  /// What is known of the broker.
  public var broker = BrokerStatus()
  /// Why the feed can't be read at the moment.
  public var feedFailure: String?
  /// The client's last error.
  public var failure: String?
  /// Partitions of the topic that were assigned and that the store does not have. They are not consumed: the topic is another one's.
  public var foreignPartitions: [Partition] = []
}

/// What a worker knows of the broker, which it asks every few seconds.
public struct BrokerStatus: Sendable, Hashable {
  /// The offset after the last record of each partition, as of ``heard``.
  public var ends: [Partition: Int64] = [:]
  /// When the broker answered last.
  public var heard: ContinuousClock.Instant?
  /// Why it has not answered since.
  public var failure: String?
}
