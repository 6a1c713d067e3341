/// Reads a read model, in a database of any kind, for queries and for whoever looks at it: beside the workers, and in any number of processes.
///
/// It follows: each call is answered from the generation that is live then. What is to be answered from one generation, as a wait and the
/// query after it, is asked of ``pinned()``.
public protocol ReadModelSource: Sendable {
  /// Where the generation is, for messages: a file's path, or an address without its password.
  var location: String { get }
  /// The store that the read model is built from.
  var storeID: String { get }
  /// How many partitions that store has.
  var partitionCount: Partition { get }

  /// A source that stays with the generation that is live now.
  func pinned() async throws(ReadModelError) -> any ReadModelSource

  /// Runs a query that reads a few rows by their keys; all of its reads see one state of the read model. It does not wait behind queries that
  /// read more, of which ``read(_:)`` runs a few at a time.
  /// - Throws: ``ReadModelError/timeLimit(_:location:)`` where it takes longer than it may, and what `body` throws.
  func lookUp<Answer: Sendable>(
    _ body: @Sendable (any SQLRows) throws -> Answer
  ) async throws -> Answer

  /// Runs a query; all of its reads see one state of the read model.
  /// - Throws: ``ReadModelError/timeLimit(_:location:)`` where it takes longer than it may, and what `body` throws.
  func read<Answer: Sendable>(
    _ body: @Sendable (any SQLRows) throws -> Answer
  ) async throws -> Answer

  /// Waits until the read model has applied a partition up to a position.
  /// - Returns: how far the partition has been applied, which is less where the time is up; `nil` for never.
  func wait(
    for position: UInt64, in partition: Partition, atMost limit: Duration
  ) async throws -> UInt64?

  /// What the read model is at: another value where anything was written since, or another generation is live.
  func version() async throws -> ReadModelVersion

  /// Whether the read model has never caught up with the store yet.
  func isBuilding() async throws -> Bool

  /// How far the read model is, for each partition that a worker has ever taken.
  func checkpoints() async throws -> [CheckpointStatus]

  /// How many events and records were not applied.
  func unappliedCounts() async throws -> UnappliedCounts

  /// How many streams are parked.
  func parkedStreamCount() async throws -> Int

  /// The parked streams, those first that have been parked for longest.
  func parkedStreams() async throws -> [ParkedStream]

  /// The events of a parked stream, in order.
  func parkedEvents(of streamID: String) async throws -> [EventRecord]

  /// The places of all events that are parked or were dropped, by partition.
  func unapplied() async throws -> [Partition: Set<UInt64>]

  /// The same, of those whose partition offset is at most a given one.
  func unapplied(upTo partitionOffset: UInt64) async throws -> [Partition: Set<UInt64>]

  /// Whether the event at a partition offset was not applied, since its stream is parked or was given up.
  func isUnapplied(_ partitionOffset: UInt64, in partition: Partition) async throws -> Bool

  /// The newest rejected records.
  func rejectedRecords(limit: Int) async throws -> [RejectedRecord]

  /// By partition, the first place at which an event was applied that the store does not have there.
  func forgedPositions() async throws -> [Partition: UInt64]

  /// The removed streams of which something may be left in the read model's generations and savepoints, as the live generation says.
  func pendingRemovals() async throws -> PendingRemovals

  /// Looks for damage.
  /// - Parameter limit: at most so many findings are told.
  /// - Returns: what was found, in the database's words; empty where it is sound.
  func findDamage(limit: Int) async throws -> [String]

  /// How many bytes the generation takes.
  func size() async throws -> UInt64
}

extension ReadModelSource {
  /// How far each partition of the store is applied, as a list; 0 for nothing.
  public func positions() async throws -> [UInt64] {
    try await checkpoints().positions(of: partitionCount)
  }

  /// The places of all events that are parked or were dropped whose partition offset is at most a given one.
  public func unapplied(
    upTo partitionOffset: UInt64
  ) async throws -> [Partition: Set<UInt64>] {
    // A database that can ask for less does.
    try await unapplied().mapValues { $0.filter { $0 <= partitionOffset } }
      .filter { !$0.value.isEmpty }
  }
}

/// How far a read model is in one partition.
public struct CheckpointStatus: Sendable, Hashable {
  /// The partition.
  public var partition: Partition
  /// The number of the lease that was taken last.
  public var epoch: UInt64
  /// The partition offset that was applied last; `nil` for never.
  public var position: UInt64?
  /// The worker that took the partition last.
  public var owner: String
  /// When events were applied last, or the partition was first taken where none ever was.
  public var updated: Timestamp

  /// A status from its parts.
  public init(
    partition: Partition, epoch: UInt64, position: UInt64?, owner: String, updated: Timestamp
  ) {
    self.partition = partition
    self.epoch = epoch
    self.position = position
    self.owner = owner
    self.updated = updated
  }
}

extension [CheckpointStatus] {
  /// How far each of so many partitions is applied, as a list; 0 for nothing.
  package func positions(of count: Partition) -> [UInt64] {
    var positions = [UInt64](repeating: 0, count: Int(count))
    for checkpoint in self where positions.indices.contains(Int(checkpoint.partition)) {
      positions[Int(checkpoint.partition)] = checkpoint.position ?? 0
    }
    return positions
  }
}

/// One of a read model's states, for comparison with others that the same source has told.
public struct ReadModelVersion: Sendable, Hashable {
  private let parts: [Int64?]

  /// A version that is another one where any part is.
  public init(_ parts: Int64?...) {
    self.parts = parts
  }
}

/// How many events and records a read model has not applied.
public struct UnappliedCounts: Sendable, Hashable {
  /// Streams that are parked.
  public var parkedStreams: Int
  /// Their parked events.
  public var parkedEvents: Int
  /// Events that were given up for good.
  public var droppedEvents: Int
  /// Records that are not of this store, or can't be read.
  public var rejectedRecords: Int

  /// Counts from their parts.
  public init(
    parkedStreams: Int = 0, parkedEvents: Int = 0, droppedEvents: Int = 0, rejectedRecords: Int = 0
  ) {
    self.parkedStreams = parkedStreams
    self.parkedEvents = parkedEvents
    self.droppedEvents = droppedEvents
    self.rejectedRecords = rejectedRecords
  }
}

/// A stream whose events are parked since one of them could not be projected.
public struct ParkedStream: Sendable, Hashable {
  /// The stream.
  public var streamID: String
  /// Its partition.
  public var partition: Partition
  /// Why its first parked event could not be projected.
  public var reason: String
  /// Since when it is parked.
  public var since: Timestamp
  /// How many of its events are parked.
  public var events: Int
  /// The partition offset of the first of them.
  public var firstPosition: UInt64

  /// A stream from its parts.
  public init(
    streamID: String, partition: Partition, reason: String, since: Timestamp, events: Int,
    firstPosition: UInt64
  ) {
    self.streamID = streamID
    self.partition = partition
    self.reason = reason
    self.since = since
    self.events = events
    self.firstPosition = firstPosition
  }
}

/// Removed streams of which something may be left in a read model's generations and savepoints.
public struct PendingRemovals: Sendable, Hashable {
  /// How many streams.
  public var count: Int
  /// When the first of them was applied; `nil` for none.
  public var since: Timestamp?

  /// Removals from their parts.
  public init(count: Int, since: Timestamp? = nil) {
    self.count = count
    self.since = since
  }
}
