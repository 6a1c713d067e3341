public import Eventually

/// Reads single streams.
extension SQLiteEventLog {
  /// How many streams have events.
  public func streamCount() async throws(EventStoreError) -> Int {
    try await read {
      Int(try $0.integer("SELECT count(*) FROM streams WHERE version > 0") ?? 0)
    }
  }

  /// The records of a stream from a version on, oldest first, in pages of up to 512 records and about `bytes` of payload.
  public func pages(
    ofStream streamID: String, from version: Version, bytes: Int
  ) -> any StreamPages {
    SQLiteStreamPages(log: self, streamID: streamID, from: version, bytes: bytes)
  }

  /// The version of a stream's last event; 0 where there is none.
  public func version(ofStream streamID: String) async throws(EventStoreError) -> Version {
    try await read { connection in
      UInt64(
        clamping: try connection.integer(
          "SELECT version FROM streams WHERE id = ?", .text(streamID)) ?? 0)
    }
  }

  /// The snapshot that is kept of a stream, where there is one that is as it was saved.
  public func snapshot(of streamID: String) async throws(EventStoreError) -> Snapshot? {
    try await read { try SnapshotTable.snapshot(of: streamID, $0) }
      .flatMap { SnapshotSeal.open($0, of: streamID) }
  }

  /// What is kept of a stream's idempotency key.
  func recorded(
    _ key: StoredKey, of streamID: String
  ) async throws(EventStoreError) -> RecordedKey<Int64>? {
    try await read { try KeyTable.recorded(key, of: streamID, $0) }
  }

  /// A stream's last removal; `nil` where it was never removed.
  public func erasure(of streamID: String) async throws(EventStoreError) -> StreamErasure? {
    try await read { connection in
      try connection.rows(
        """
        SELECT s.partition, r.partition_sequence, r.sequence, r.removed, r.erased
        FROM erasures r JOIN streams s ON s.key = r.stream WHERE s.id = ?
        """, [.text(streamID)]
      ) { row in
        StreamErasure(
          streamID: streamID,
          removal: EventPosition(
            partition: Partition(clamping: row.integer(0)), partitionOffset: row.unsigned(1),
            sequenceNumber: row.unsigned(2), version: 0),
          removed: Timestamp(microseconds: row.integer(3)),
          erased: row.optionalInteger(4).map { Timestamp(microseconds: $0) })
      }.first
    }
  }

  /// The removals whose events may still be in the store's write-ahead log. Why that is so, the writer knows.
  public func pendingErasures() async throws(EventStoreError) -> PendingErasures {
    try await read { try StoreEraser.pending($0) }
  }

  /// The sequence numbers of a stream's events from `version` on, oldest first.
  func sequenceNumbers(
    of streamID: String, from version: Version
  ) async throws(EventStoreError) -> [UInt64] {
    let known = chains.withLock { $0.numbers(of: streamID) }
    let numbers = try await read { connection -> [UInt64] in
      try connection.snapshot {
        let found = try connection.rows(
          "SELECT key, version, head FROM streams WHERE id = ?", [.text(streamID)]
        ) { (key: $0.integer(0), last: $0.unsigned(1), head: $0.unsigned(2)) }
        guard let stream = found.first else { return [] }
        return try StreamChain.sequenceNumbers(
          connection, stream: stream.key, last: stream.last, head: stream.head, from: version,
          known: known)
      }
    }
    if version <= 1 { chains.withLock { $0.note(numbers, of: streamID) } }
    return numbers
  }

  /// The records at the given sequence numbers, in their order, up to the one that brings their payloads to `bytes`.
  func records(
    at sequenceNumbers: ArraySlice<UInt64>, bytes: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    try await read { [partitionCount] connection in
      try connection.snapshot {
        var records: [EventRecord] = []
        records.reserveCapacity(sequenceNumbers.count)
        var size = 0
        for sequence in sequenceNumbers where size < bytes {
          let found = try connection.rows(
            "SELECT \(Self.columns) WHERE e.sequence = ?", [.integer(Int64(sequence))]
          ) { try Self.record($0, partitionCount) }
          guard let record = found.first else {
            throw StoreDamage.missing(sequenceNumber: sequence)
          }
          records.append(record)
          size += record.payload.count
        }
        return records
      }
    }
  }
}

/// Where the events of long streams are that were read last: a page of such a stream is read without following all of its links again.
///
/// An event stays at its sequence number. What is kept of a stream that was removed and has begun anew leads to no event of it: the links
/// are followed to the first.
struct StreamChains: Sendable {
  /// A shorter stream's links are followed as fast.
  static let long = 1_024
  private static let limit = 4
  /// The one that was used last comes last.
  private var chains: [(id: ByteKey, numbers: [UInt64])] = []

  mutating func numbers(of id: String) -> [UInt64] {
    guard let index = chains.firstIndex(where: { $0.id == ByteKey(id) }) else { return [] }
    chains.append(chains.remove(at: index))
    return chains.last?.numbers ?? []
  }

  /// - Parameter numbers: from the first version on.
  mutating func note(_ numbers: [UInt64], of id: String) {
    chains.removeAll { $0.id == ByteKey(id) }
    guard numbers.count >= Self.long else { return }
    chains.append((ByteKey(id), numbers))
    if chains.count > Self.limit { chains.removeFirst() }
  }
}
