/// An idempotency key as stores keep it; see ``StoredKey``.
package struct CopiedKey: Sendable, Hashable {
  /// The name of the stream that it was used on.
  package var stream: String
  /// The digest of the stream and the key.
  package var key: [UInt8]
  /// The sequence number of the stream's last event after the request; 0 for none.
  package var sequence: UInt64
  /// When it was kept, in seconds since 1970, rounded up.
  package var seconds: Int64
  /// The highest number of a sender that numbers its requests.
  package var number: UInt64?
  /// The digest of the request.
  package var request: Int64?

  package init(
    stream: String, key: [UInt8], sequence: UInt64, seconds: Int64, number: UInt64?, request: Int64?
  ) {
    self.stream = stream
    self.key = key
    self.sequence = sequence
    self.seconds = seconds
    self.number = number
    self.request = request
  }
}

/// A decision that a placeholder is published in an event's place.
package struct CopiedSkip: Sendable, Hashable {
  package var partition: Partition
  package var offset: UInt64
  package var decided: Timestamp

  package init(partition: Partition, offset: UInt64, decided: Timestamp) {
    self.partition = partition
    self.offset = offset
    self.decided = decided
  }
}

/// All that a copy of a store has, for reading.
///
/// Snapshots are no part of it, since they are made again. Removals of streams are: their records tell all that there is to know.
package protocol StoreContents: Sendable {
  /// The store's log.
  var log: any StoreLog { get }

  /// Up to `limit` idempotency keys in the order of the bytes of their streams' names, then of the keys.
  /// - Parameter last: the last key that is not meant; `nil` for the first ones.
  func keys(after last: CopiedKey?, limit: Int) async throws(EventStoreError) -> [CopiedKey]

  /// All decisions to publish placeholders, by partition and offset.
  func skips() async throws(EventStoreError) -> [CopiedSkip]
}

extension StoreContents {
  /// How far the store is published.
  package func progress() async throws(EventStoreError) -> PublishedProgress {
    if let progress = try await log.publishedProgress() { return progress }
    return PublishedProgress(through: try await log.published())
  }
}

/// A store that is moved. Whoever has it holds the writer's role, or the relay's, where several may write.
package protocol CopySource: Sendable {
  /// Where it is, as a target there would say.
  var location: String { get }

  var contents: any StoreContents { get }

  /// Where the store was moved to, or is about to be; `nil` for one that takes appends.
  func movedTo() async throws(EventStoreError) -> String?

  /// Notes that the store is moved, from when on nobody appends to it; with `nil`, that it takes appends again.
  func setMoved(to location: String?) async throws(EventStoreError)

  /// Gives the role back.
  func close() async
}

/// What a copy is made in. Each call is a transaction of its own, durable when it returns, so that a copy can be gone on with
/// wherever it was stopped; until ``finish()`` nobody but a copy opens the store.
package protocol CopyTarget: Sendable {
  /// Where it is, for messages and as the mark of the source.
  var location: String { get }

  /// What is there. It takes the store's role, where there is a store.
  func state() async throws(StoreCopyError) -> CopyTargetState

  /// Makes an unfinished store where there is none.
  func begin(storeID: String, partitionCount: Partition) async throws(StoreCopyError)

  /// The unfinished store, for reading.
  func contents() async throws(StoreCopyError) -> any StoreContents

  /// Adds records, which come in order of sequence number without a gap. A removal among them erases what is there of its stream.
  func add(_ records: [EventRecord]) async throws(StoreCopyError)

  /// Deletes all idempotency keys.
  func removeKeys() async throws(StoreCopyError)

  /// Adds idempotency keys, whose events are there.
  func add(_ keys: [CopiedKey]) async throws(StoreCopyError)

  /// Puts these in the place of what is there.
  func replace(
    skips: [CopiedSkip], progress: PublishedProgress
  ) async throws(StoreCopyError)

  /// Lets writers and readers open the store.
  func finish() async throws(StoreCopyError)

  /// Gives the role back.
  func close() async
}

/// What is where a copy is to be.
package enum CopyTargetState: Sendable, Hashable {
  /// No store.
  case nothing
  /// A copy that was begun, of this store, with its last event: sequence number 0 and no id for none.
  case unfinished(storeID: String, partitionCount: Partition, head: UInt64, last: EventID?)
  /// A store.
  case store(id: String)
}
