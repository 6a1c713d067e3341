extension RecordEventStore: Outbox {
  /// Tells this store from every other.
  public var storeID: String { base.storeID }
  /// How many partitions the store's streams are divided among.
  public var partitionCount: Partition { base.partitionCount }

  /// Up to `limit` records in order, the first of them the one after `sequenceNumber`.
  public func records(
    after sequenceNumber: UInt64, limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    try await base.records(after: sequenceNumber, limit: limit)
  }

  /// Up to `limit` records of some partitions in the store's order, the first of them the first after `sequenceNumber`.
  public func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) async throws(EventStoreError) -> [EventRecord] {
    try await base.records(after: sequenceNumber, limit: limit, of: partitions)
  }

  /// The last partition offset of each partition.
  public func heads() async throws -> [UInt64] { try await base.heads() }

  /// The last partition offset that each partition had when the store's last sequence number was
  /// `sequenceNumber`, 0 for none.
  public func heads(at sequenceNumber: UInt64) async throws -> [UInt64] {
    try await base.heads(at: sequenceNumber)
  }

  /// The sequence number up to which the bus has acknowledged everything, as last noted.
  public func published() async throws(EventStoreError) -> UInt64 { try await base.published() }

  /// What was noted last of partitions that are not as far as others.
  public func publishedProgress() async throws(EventStoreError) -> PublishedProgress? {
    try await base.publishedProgress()
  }

  /// Notes that the bus has acknowledged everything up to `sequenceNumber`.
  public func markPublished(_ sequenceNumber: UInt64) async throws(EventStoreError) {
    try await base.markPublished(sequenceNumber)
  }

  /// Notes how far each partition is published, and which events the bus refuses.
  public func markPublished(_ progress: PublishedProgress) async throws(EventStoreError) {
    try await base.markPublished(progress)
  }

  /// Whether an administrator has decided that a placeholder is published in an event's place.
  public func isSkipped(
    partition: Partition, offset: UInt64
  ) async throws(EventStoreError) -> Bool {
    try await base.isSkipped(partition: partition, offset: offset)
  }
}

extension RecordEventStore {
  /// Whether the store may have gone back since its events were published last.
  public func mayHaveGoneBack() async throws(EventStoreError) -> Bool {
    try await base.mayHaveGoneBack()
  }

  /// Waits until this process may publish; see ``Outbox/lease(_:)``.
  public func lease(
    _ standBy: @escaping @Sendable (RelayHolder) -> Void
  ) async throws -> RelayTerm {
    try await base.lease(standBy)
  }

  /// Notes that the bus has acknowledged everything up to `sequenceNumber`, unless the term is over.
  public func markPublished(_ sequenceNumber: UInt64, under term: RelayTerm) async throws {
    try await base.markPublished(sequenceNumber, under: term)
  }

  /// Notes how far each partition is published, and which events the bus refuses, unless the term is over.
  public func markPublished(_ progress: PublishedProgress, under term: RelayTerm) async throws {
    try await base.markPublished(progress, under: term)
  }
}

extension RecordEventStore: SnapshotStore {
  /// The snapshot that is kept of a stream, where there is one.
  public func snapshot(of streamID: String) async throws(EventStoreError) -> Snapshot? {
    try await base.snapshot(of: try names.name(of: streamID))
  }

  /// Keeps a snapshot in place of an older one, where its event is in the stream; with the transaction of other appends.
  public func save(_ snapshot: Snapshot, of streamID: String) async throws(EventStoreError) {
    _ = try await base.perform(.snapshot(streamID: try names.name(of: streamID), snapshot))
  }
}
