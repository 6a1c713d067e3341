/// What a store of encoded events does for ``RecordEventStore``, which makes a typed store of it: an adapter to a database
/// implements this and ``StoreLog``.
///
/// What an ``Outbox`` reads comes from ``log``, and what it notes goes the way of all requests, unless an adapter says otherwise.
package protocol RecordStore: AnyObject, Outbox {
  /// The database, by the name that OpenTelemetry's semantic conventions have for it.
  var databaseSystem: String { get }

  /// The same store, for reading.
  var log: any StoreLog { get }

  /// Hands a request over; its completion is called when it has been carried out, durably, or refused.
  func submit(_ request: StoreRequest)

  /// About how many bytes a stream's events take, without asking the database; 0 for less than 256 KiB.
  func size(ofLargeStream name: String) -> UInt64

  /// The snapshot that is kept of a stream; without asking the database where it is known that there is none.
  func snapshot(of name: String) async throws(EventStoreError) -> Snapshot?

  /// What is kept of a stream's idempotency key.
  func recorded(
    _ key: StoredKey, of name: String
  ) async throws(EventStoreError) -> RecordedKey<Int64>?

  /// Why the store could not be written last; `nil` where it could. After a failure it is tried anew.
  func writeFailure() async -> String?

  /// Waits until nothing is left of a removed stream's events in the store.
  /// - Returns: whether nothing is left.
  func waitForErasure(of removal: EventPosition, atMost limit: Duration) async -> Bool

  /// The removals of which something may be left, and why.
  var pendingErasures: PendingErasures { get }

  /// Takes no requests any more, and gives back what the store holds of its database.
  func close() async
}

extension RecordStore {
  /// Has a request carried out.
  package func perform(
    _ kind: StoreRequest.Kind
  ) async throws(EventStoreError) -> StoreOutcome {
    try await kind.carriedOut(by: submit)
  }
  package var storeID: String { log.storeID }
  package var partitionCount: Partition { log.partitionCount }

  package func records(
    after sequenceNumber: UInt64, limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    try await log.records(after: sequenceNumber, limit: limit)
  }

  package func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) async throws(EventStoreError) -> [EventRecord] {
    try await log.records(of: .partitions(partitions), after: sequenceNumber, limit: limit)
  }

  package func heads() async throws -> [UInt64] { try await log.heads() }

  package func heads(at sequenceNumber: UInt64) async throws -> [UInt64] {
    try await log.heads(at: sequenceNumber)
  }

  package func published() async throws(EventStoreError) -> UInt64 { try await log.published() }

  package func publishedProgress() async throws(EventStoreError) -> PublishedProgress? {
    try await log.publishedProgress()
  }

  package func markPublished(_ sequenceNumber: UInt64) async throws(EventStoreError) {
    _ = try await perform(.published(sequenceNumber))
  }

  package func markPublished(_ progress: PublishedProgress) async throws(EventStoreError) {
    _ = try await perform(.progress(progress))
  }

  package func isSkipped(
    partition: Partition, offset: UInt64
  ) async throws(EventStoreError) -> Bool {
    try await log.isSkipped(partition: partition, offset: offset)
  }
}
