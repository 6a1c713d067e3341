/// What a store of any kind can be asked for without being its writer: its log, its streams, and what is kept beside them.
///
/// Everything that only reads a store takes one of these: the routes of a writer, administrative commands, replays.
public protocol StoreLog: EventLog {
  /// Where the store is, for messages: a file's path, or an address without its password.
  var location: String { get }

  /// Up to `limit` records in order. They end with the one that brings their payloads to `bytes`.
  /// - Parameters:
  ///   - scope: whose records are meant.
  ///   - position: the sequence number, or the position in a single partition, of the last record that is not meant.
  ///   - limit: at most so many records.
  ///   - bytes: how many bytes of payload are enough.
  func records(
    of scope: LogScope, after position: UInt64, limit: Int, bytes: Int
  ) async throws(EventStoreError) -> [EventRecord]

  /// The last sequence number, 0 where the store is empty.
  func head() async throws(EventStoreError) -> UInt64

  /// How many streams have events.
  func streamCount() async throws(EventStoreError) -> Int

  /// The records of a stream from a version on, oldest first, in pages of up to 512 records and about `bytes` of payload.
  func pages(ofStream streamID: String, from version: Version, bytes: Int) -> any StreamPages

  /// All records of a stream, oldest first. A large stream is better read in ``pages(ofStream:from:bytes:)``.
  func records(ofStream streamID: String) async throws(EventStoreError) -> [EventRecord]

  /// The version of a stream's last event; 0 where there is none.
  func version(ofStream streamID: String) async throws(EventStoreError) -> Version

  /// The snapshot that is kept of a stream, where there is one that is as it was saved.
  func snapshot(of streamID: String) async throws(EventStoreError) -> Snapshot?

  /// A stream's last removal; `nil` where it was never removed.
  func erasure(of streamID: String) async throws(EventStoreError) -> StreamErasure?

  /// The removals of which something may be left in the store.
  func pendingErasures() async throws(EventStoreError) -> PendingErasures

  /// The sequence number up to which all events have been acknowledged by the bus, as last noted: the bus may be further.
  func published() async throws(EventStoreError) -> UInt64

  /// What was noted last of partitions that are not published as far as others, and of the events that hold them; `nil` where
  /// ``published()`` says all.
  func publishedProgress() async throws(EventStoreError) -> PublishedProgress?

  /// Which process publishes the store's events; `nil` where none has the right now, or one writer at a time is all that the
  /// store can have.
  func relayHolder() async throws(EventStoreError) -> RelayHolder?

  /// Whether an administrator has decided that a placeholder is published in an event's place.
  func isSkipped(partition: Partition, offset: UInt64) async throws(EventStoreError) -> Bool

  /// The newest events of each type, of those that are among the store's last ones; removals and erased events are left out.
  /// - Parameters:
  ///   - count: at most so many of each type and category, the oldest first.
  ///   - limit: how many of the store's last events are looked at.
  func newestOfEachType(
    _ count: Int, amongLast limit: Int
  ) async throws(EventStoreError) -> [EventRecord]

  /// Decides that a placeholder is published in the place of an event that holds its partition, because the broker refuses its
  /// record: the store's relay does so within seconds, or when one runs again. To decide it twice changes nothing.
  /// - Returns: the event.
  func skip(partition: Partition, offset: UInt64) async throws(SkipError) -> RefusedEvent

  /// Has the next publisher publish events again, because the bus has lost them: from a sequence number on, no event counts as
  /// published any more. Nobody may publish meanwhile.
  ///
  /// The next publisher reads the topic's end, as ever, and publishes all that it does not find there. Consumers that have applied
  /// an event drop it when it comes again. Where the events from `sequenceNumber` on do not count as published anyway, nothing
  /// changes but that what was noted of single partitions is forgotten.
  /// - Parameter sequenceNumber: the first event that is to be published again.
  @discardableResult
  func republish(from sequenceNumber: UInt64) async throws(RepublishError) -> Republication
}

extension StoreLog {
  /// Up to `limit` records in order, and about 4 MiB of payload.
  /// - Parameters:
  ///   - scope: whose records are meant.
  ///   - position: the sequence number, or the position in a single partition, of the last record that is not meant.
  ///   - limit: at most so many records.
  public func records(
    of scope: LogScope, after position: UInt64, limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    try await records(of: scope, after: position, limit: limit, bytes: 4 << 20)
  }

  /// Up to `limit` records in order, and about 4 MiB of payload, the first of them the one after
  /// `sequenceNumber`.
  public func records(
    after sequenceNumber: UInt64, limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    try await records(of: .store, after: sequenceNumber, limit: limit)
  }

  /// Up to `limit` records of some partitions in the store's order, and about 4 MiB of payload.
  public func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) async throws(EventStoreError) -> [EventRecord] {
    try await records(of: .partitions(partitions), after: sequenceNumber, limit: limit)
  }

  /// Up to `limit` records of a partition in order, the first of them the one after `position`.
  public func records(
    partition: Partition, after position: UInt64, limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    try await records(of: .partition(partition), after: position, limit: limit)
  }

  /// The records of a stream from a version on, oldest first, in pages of up to 512 records and about 128 KiB of payload.
  public func pages(ofStream streamID: String, from version: Version = 1) -> any StreamPages {
    pages(ofStream: streamID, from: version, bytes: 128 << 10)
  }

  /// All records of a stream, oldest first. A large stream is better read in ``pages(ofStream:from:bytes:)``.
  public func records(ofStream streamID: String) async throws(EventStoreError) -> [EventRecord] {
    var pages = pages(ofStream: streamID, from: 1, bytes: .max)
    var records = try await pages.next()
    while !pages.isAtEnd { records += try await pages.next() }
    return records
  }

  /// Has the next publisher publish all events again: see ``republish(from:)``.
  @discardableResult
  public func republish() async throws(RepublishError) -> Republication {
    try await republish(from: 1)
  }
}

/// The records of a stream, a page at a time, so that a large stream is never in memory as a whole.
public protocol StreamPages: Sendable {
  /// The version at which the stream ends, once the first page has been read; 0 before.
  var lastVersion: Version { get }
  /// Whether the last page has been read.
  var isAtEnd: Bool { get }

  /// The next records in order of version, up to 512 of them; none at the end.
  ///
  /// The stream ends where it ended when the first page was read. Of a stream that is removed meanwhile, records either end, or come
  /// with the type ``EventRecord/erasedType``; events of a stream of the same name that began afterwards never come.
  mutating func next() async throws(EventStoreError) -> [EventRecord]
}
