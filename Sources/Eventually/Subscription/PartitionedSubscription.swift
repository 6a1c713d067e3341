/// The right to apply a partition's events to a read model, and where to go on.
///
/// The epoch rises each time a worker takes the partition, so that at most one lease of a partition can
/// still commit: the one with the newest epoch.
public struct PartitionLease: Sendable, Hashable {
  /// The partition.
  public var partition: Partition
  /// The number of this lease among all leases of the partition.
  public var epoch: UInt64
  /// The partition offset that was applied last; `nil` where nothing ever was.
  public var position: UInt64?
  /// Where the bus is likely to hold the event after `position`: a hint that may be wrong.
  public var offsetHint: Int64?
  /// The id of the event at `position`; `nil` where it is not known.
  public var eventID: EventID?
  /// Where an event was applied that the store does not have there, see
  /// ``PartitionCheckpointStore/markForged(_:at:)``: nothing more is applied under this lease.
  public var forgedPosition: UInt64?
  /// Of a lease that was refused: whether nobody else has taken the partition, but its checkpoint is before what was applied under the
  /// lease, as where a crash of the database's server has taken that back.
  public var isAheadOfCheckpoint = false

  /// A lease from its parts.
  public init(
    partition: Partition, epoch: UInt64, position: UInt64?, offsetHint: Int64?,
    eventID: EventID? = nil, forgedPosition: UInt64? = nil
  ) {
    self.eventID = eventID
    self.forgedPosition = forgedPosition
    self.partition = partition
    self.epoch = epoch
    self.position = position
    self.offsetHint = offsetHint
  }
}

/// Consecutive entries of one partition, delivered under one lease.
public struct Delivery<Event: Sendable>: Sendable {
  /// The partition that the entries are of.
  public var partition: Partition
  /// The epoch of the lease that they were read under.
  public var epoch: UInt64
  /// The partition offset before the first entry; `nil` where there is none and never was a checkpoint.
  public var after: UInt64?
  /// The entries: partition sequences `after + 1`, `after + 2` … without a gap, never empty.
  public var entries: [LogEntry<String, Event>]
  /// Where the bus holds what comes next, where that is known.
  public var nextOffset: Int64?

  /// The partition offset of the last entry.
  public var lastPosition: UInt64 {
    (after ?? 0) + UInt64(entries.count)
  }

  /// A delivery from its parts.
  public init(
    partition: Partition, epoch: UInt64, after: UInt64?, entries: [LogEntry<String, Event>],
    nextOffset: Int64?
  ) {
    self.partition = partition
    self.epoch = epoch
    self.after = after
    self.entries = entries
    self.nextOffset = nextOffset
  }
}

/// A subscription to a log whose partitions are divided among workers.
///
/// It keeps no checkpoints, so it is no ``Subscription``: they are with the read model, in a ``PartitionCheckpointStore``.
public protocol PartitionedSubscription<Event>: Sendable {
  /// The events that are delivered.
  associatedtype Event: Sendable
  /// Batches, read as fast as they are consumed and no faster.
  associatedtype Deliveries: AsyncSequence<[Delivery<Event>], any Error>

  /// Begins after the read model's checkpoints. One run at a time.
  func resume() async throws -> Deliveries

  /// Tells that a batch is done with: `deliveries` are those of it that were applied, whose checkpoints the read model has.
  /// Called once for each batch.
  func acknowledge(_ deliveries: [Delivery<Event>]) async throws

  /// Gives up leases that turned out to be fenced. Where the bus still assigns such a partition to this
  /// worker, the subscription takes a new lease after a while and goes on from its position.
  func release(_ leases: [PartitionLease]) async

  /// Takes new leases of all partitions, and goes on from where they say: the read model was replaced by one that stands elsewhere.
  /// May be called again before that is done.
  func renewLeases()

  /// Ends the deliveries, and leaves the group where there is one.
  func stop() async

  /// Why nothing is delivered at the moment, where that is known.
  var stallReason: String? { get }

  /// What the deliveries come from, for metrics and spans.
  var endpoint: MessagingEndpoint { get }
}

extension PartitionedSubscription {
  /// Nothing: what is delivered under leases that are not valid any more is refused, and ``release(_:)`` is called then.
  public func renewLeases() {}

  /// Nothing: the deliveries end when the task that reads them is cancelled.
  public func stop() async {}

  /// Nothing is known.
  public var stallReason: String? { nil }

  /// The store itself.
  public var endpoint: MessagingEndpoint { MessagingEndpoint(system: "eventually") }
}

/// Keeps the checkpoints and epochs of a read model's partitions.
public protocol PartitionCheckpointStore: Sendable {
  /// Takes partitions for a worker: raises each one's epoch and tells where to go on.
  func claim(_ partitions: [Partition], owner: String) async throws -> [PartitionLease]

  /// Keeps records that are not applied, to be looked at. The same record may come more than once.
  func keep(_ records: [RejectedRecord]) async throws

  /// Notes which event is worked on; `nil` where this process's end leaves no trace. It may be another one after each
  /// ``claim(_:owner:)``.
  var crashJournal: (any CrashJournal)? { get }

  /// The partition offsets of events of unknown types that an administrator has decided to park, instead of waiting for code that
  /// knows them.
  func parkRequests(in partition: Partition) async throws -> Set<UInt64>

  /// Notes for good that an event was applied at a place where the store has another one or none, so that leases of the
  /// partition say so until the read model is built anew. The first place that is noted of a partition counts.
  func markForged(_ partition: Partition, at position: UInt64) async throws
}

extension PartitionCheckpointStore {
  /// Nothing is noted.
  public var crashJournal: (any CrashJournal)? { nil }

  /// Nothing was decided.
  public func parkRequests(in partition: Partition) async throws -> Set<UInt64> { [] }

  /// Notes nothing: for stores that live no longer than the worker that has stopped.
  public func markForged(_ partition: Partition, at position: UInt64) async throws {}
}

extension PartitionCheckpointStore {
  /// The entry of a record of an unknown type: unreadable, where an administrator has decided to park it.
  ///
  /// It is a call of its own, so that records which can be decoded are decoded without an asynchronous one.
  /// - Parameter error: why it is not decoded.
  /// - Throws: the error where nobody has decided that: the partition is held before it.
  package func entry<Event>(
    _ record: EventRecord, after error: EventStoreError
  ) async throws -> LogEntry<String, Event> {
    let position = record.position
    let requests = try await parkRequests(in: position.partition)
    guard requests.contains(position.partitionOffset) else { throw error }
    return .unreadable(UnreadableEvent(record, reason: error.description))
  }
}

/// A record on the bus that is not applied: it is of another store, or can't be read.
public struct RejectedRecord: Sendable, Hashable {
  /// The partition that it is in.
  public var partition: Partition
  /// Where the bus has it.
  public var offset: Int64
  /// Why it is not applied.
  public var reason: String
  /// The beginning of its key.
  public var key: [UInt8]
  /// The beginning of its value.
  public var value: [UInt8]
  /// How many bytes its value has.
  public var size: Int

  /// Of keys and values, this many bytes are kept.
  public static let keptBytes = 1024

  /// A record from its parts.
  public init(
    partition: Partition, offset: Int64, reason: String, key: [UInt8], value: [UInt8], size: Int
  ) {
    self.partition = partition
    self.offset = offset
    self.reason = reason
    self.key = key
    self.value = value
    self.size = size
  }
}

/// Serves a store's events by partition, to whoever missed some of them on the bus.
public protocol EventFeed: Sendable {
  /// Up to `limit` records of a partition in order, the first of them the one after `position`.
  func records(
    partition: Partition, after position: UInt64, limit: Int
  ) async throws -> [EventRecord]

  /// The last partition offset of each partition, as of now.
  func heads() async throws -> [UInt64]
}
