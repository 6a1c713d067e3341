public import Eventually
public import Logging

/// A worker's subscription to the topic of a store's events.
///
/// The workers of one group divide the partitions among them. Where a partition begins is decided by the
/// checkpoint in the read model, not by the broker: a record that was had before is dropped, and where records
/// are missing (the broker forgot them, or a rejected record stands in their place) they are fetched from the
/// feed. Nothing is skipped: while a gap can't be filled, its partition is stalled and says so.
public final class KafkaSubscription<Codec: EventCodec>: PartitionedSubscription {
  /// What the codec decodes.
  public typealias Event = Codec.Event

  /// How a subscription consumes.
  public struct Options: Sendable {
    /// The consumer group.
    public var group: String
    /// What this worker calls itself in leases and logs.
    public var owner: String
    /// What metrics call the read model: the value of the lag's dimension `read_model`. The group's name where it is `nil`.
    public var readModel: String?
    /// A batch of deliveries has at most this many events.
    public var batchSize = 5_000
    /// How often the store's heads are asked for.
    public var headInterval: Duration = .seconds(1)
    /// Told that the subscription's loops are alive.
    public var heartbeats = Heartbeats()
    /// What to consume, where that is fixed beforehand instead of being shared with a group.
    public var range: Range?

    /// A part of the topic with an end: for replays.
    public struct Range: Sendable {
      /// The partitions.
      public var partitions: [Partition]
      /// The position in each partition of the store after which the subscription ends.
      public var through: [UInt64]

      /// A range from its parts.
      public init(partitions: [Partition], through: [UInt64]) {
        self.partitions = partitions
        self.through = through
      }

      /// Whether a place is in the range.
      func contains(_ partition: Partition, _ position: UInt64) -> Bool {
        position <= through[Int(partition)]
      }
    }

    /// Options with the defaults.
    public init(group: String, owner: String) {
      self.group = group
      self.owner = owner
    }
  }

  private let consumption: Consumption<Codec>

  /// A subscription to a store's events.
  /// - Parameters:
  ///   - configuration: which Kafka, and which topic.
  ///   - storeID: the store; records of others are not applied.
  ///   - partitionCount: how many partitions the store has; a record whose key belongs to another partition than
  ///     it is in is not applied.
  ///   - codec: encodes and decodes events.
  ///   - checkpoints: gives leases, and with them the positions to begin after.
  ///   - feed: gives what the topic does not hold.
  ///   - options: how it consumes.
  ///   - logger: gets what an operator may want to know.
  public init(
    _ configuration: KafkaConfiguration, storeID: String, partitionCount: Partition, codec: Codec,
    checkpoints: any PartitionCheckpointStore, feed: any EventFeed, options: Options,
    logger: Logger
  ) {
    consumption = Consumption(
      configuration,
      source: EventSource(
        storeID: storeID, partitionCount: partitionCount, keys: configuration.keys),
      codec: codec, checkpoints: checkpoints, feed: feed, options: options, logger: logger)
  }

  /// The topic, and the group.
  public var endpoint: MessagingEndpoint { consumption.endpoint }

  /// What the subscription is doing.
  public var status: SubscriptionStatus { consumption.status.withLock { $0 } }

  /// Joins the group and begins after the read model's checkpoints. Where the range is fixed, no group is joined, and the
  /// deliveries end with the range.
  public func resume() async throws -> Deliveries {
    try await consumption.start()
    return Deliveries(consumption: consumption)
  }

  /// Tells that a batch is done with, and which of its deliveries were applied; the broker is told how far the read model
  /// is, for others to see.
  ///
  /// It must be called once for each batch: until then the next one is only delivered when it is full, and partitions
  /// are not given back.
  public func acknowledge(_ deliveries: [Delivery<Event>]) {
    consumption.batches.complete(deliveries)
  }

  /// Gives up leases that have been fenced; new ones are taken after a while.
  public func release(_ leases: [PartitionLease]) {
    consumption.batches.release(leases)
  }

  /// Takes new leases of all partitions, and goes on from where they say: for a read model that begins to stand elsewhere
  /// than where it was, because it was replaced.
  public func renewLeases() {
    consumption.batches.askForRenewal()
  }

  /// Leaves the group. The deliveries end.
  public func stop() async {
    await consumption.stop()
  }

  /// A forged event, or what the broker, the feed or the client failed with last.
  public var stallReason: String? {
    let status = status
    for case (let partition, .forged(let position)) in status.partitions.mapValues(\.phase) {
      return
        "the topic has a forged event at partition \(partition), partition offset \(position)"
    }
    return status.broker.failure ?? status.feedFailure ?? status.failure
  }

  /// Batches of deliveries. While one is applied, the next is consumed.
  public struct Deliveries: AsyncSequence {
    /// One batch: at most one delivery for each partition and lease.
    public typealias Element = [Delivery<Event>]
    /// ``KafkaError``, or what the checkpoint store throws.
    public typealias Failure = any Error
    fileprivate let consumption: Consumption<Codec>

    /// The iterator; there is one consumer behind all of them.
    public func makeAsyncIterator() -> Iterator {
      Iterator(ahead: Prefetcher { [consumption] in try await consumption.next() })
    }

    /// Consumes one batch ahead.
    public struct Iterator: AsyncIteratorProtocol {
      fileprivate let ahead: Prefetcher<[Delivery<Event>]>

      /// The next batch, waiting for one; `nil` when the task is cancelled or the subscription stopped.
      public mutating func next() async throws -> [Delivery<Event>]? {
        try await ahead.next()
      }
    }
  }
}
