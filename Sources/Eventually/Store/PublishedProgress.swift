/// An event whose record the bus refuses: its partition is published up to it, and no further.
public struct RefusedEvent: Sendable, Hashable, CustomStringConvertible {
  /// Where the event is.
  public var position: EventPosition
  /// The event's id.
  public var id: EventID
  /// The event's stream.
  public var streamID: String
  /// The name of the event's type.
  public var type: String
  /// About how many bytes the record takes.
  public var size: Int
  /// Why the bus refuses it, in the bus's words.
  public var reason: String
  /// When it was refused first.
  public var since: Timestamp

  /// A refusal.
  public init(
    position: EventPosition, id: EventID, streamID: String, type: String, size: Int,
    reason: String, since: Timestamp
  ) {
    self.position = position
    self.id = id
    self.streamID = streamID
    self.type = type
    self.size = size
    self.reason = reason
    self.since = since
  }

  /// The event, the reason, and what to do.
  public var description: String {
    let (partition, offset) = (position.partition, position.partitionOffset)
    return
      "partition \(partition) is published up to partition offset \(max(offset, 1) - 1): the broker refuses the event "
      + "at partition offset \(offset) (sequence number \(position.sequenceNumber), type '\(type)', stream "
      + "'\(streamID)', id \(id), \(size) bytes): \(reason). It is tried again by itself: raise the limit that it "
      + "is over, or remove the rule that it breaks; or have a placeholder published in its place, for which "
      + "workers take the event from the event feed (the command 'skip' --partition \(partition) --offset "
      + "\(offset))"
  }
}

/// How far a store is published, where some partitions are further than others.
public struct PublishedProgress: Sendable, Hashable {
  /// The sequence number up to which the bus has acknowledged everything.
  public var through: UInt64
  /// The partition offset up to which it has acknowledged everything, for each partition; empty where ``through`` says it.
  public var partitions: [UInt64]
  /// The events that hold partitions.
  public var refused: [RefusedEvent]

  /// Progress from its parts.
  public init(through: UInt64, partitions: [UInt64] = [], refused: [RefusedEvent] = []) {
    self.through = through
    self.partitions = partitions
    self.refused = refused
  }
}

extension Outbox {
  /// Nothing tells of it.
  public func mayHaveGoneBack() async throws(EventStoreError) -> Bool { false }

  /// The same by reading all records, for stores that can't select them.
  public func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) async throws(EventStoreError) -> [EventRecord] {
    var found: [EventRecord] = []
    var read = sequenceNumber
    while found.count < limit {
      let page = try await records(after: read, limit: 1000)
      guard let last = page.last else { break }
      read = last.position.sequenceNumber
      found += page.filter { partitions.contains($0.position.partition) }
        .prefix(limit - found.count)
    }
    return found
  }

  /// Nothing: for stores that keep only one number.
  public func publishedProgress() async throws(EventStoreError) -> PublishedProgress? { nil }

  /// Notes the sequence number only: after a restart more of the topic's end is read, and where that comes to its limits,
  /// events are published again.
  public func markPublished(_ progress: PublishedProgress) async throws(EventStoreError) {
    try await markPublished(progress.through)
  }

  /// No event is skipped: for stores that keep no decisions.
  public func isSkipped(
    partition: Partition, offset: UInt64
  ) async throws(EventStoreError) -> Bool { false }

  /// At once, and for as long as it likes: for stores with one writer.
  public func lease(
    _ standBy: @escaping @Sendable (RelayHolder) -> Void
  ) async throws -> RelayTerm { RelayTerm() }

  /// Asks the term, and then notes it: for stores with one writer.
  public func markPublished(_ sequenceNumber: UInt64, under term: RelayTerm) async throws {
    try term.check()
    try await markPublished(sequenceNumber)
  }

  /// Asks the term, and then notes it: for stores with one writer.
  public func markPublished(_ progress: PublishedProgress, under term: RelayTerm) async throws {
    try term.check()
    try await markPublished(progress)
  }
}
