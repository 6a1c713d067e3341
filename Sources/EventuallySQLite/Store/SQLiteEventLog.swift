public import Eventually

/// Reads an event store's file: any number of processes may, beside the writer.
public final class SQLiteEventLog: StoreLog {
  /// Tells this store from every other.
  public let storeID: String
  /// How many partitions the store's streams are divided among.
  public let partitionCount: Partition
  /// The store's file.
  public let path: String
  /// The store's file.
  public var location: String { path }
  private let readers: SQLiteReaderPool
  let chains = Locked(StreamChains())

  /// Opens a store that exists.
  public convenience init(path: String, readers: Int = 4) throws(StoreOpenError) {
    try self.init(path: path, readers: readers, isUnfinished: false)
  }

  /// - Parameter isUnfinished: whether it may be a copy that is not whole.
  init(path: String, readers: Int = 4, isUnfinished: Bool) throws(StoreOpenError) {
    do {
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      let identity = try StoreSchema.identity(connection, isUnfinished: isUnfinished)
      storeID = identity.storeID
      partitionCount = identity.partitionCount
      self.path = path
      self.readers = try SQLiteReaderPool(path: path, count: readers)
    } catch {
      throw .failed(path, error)
    }
  }

  static let columns = """
    e.sequence, e.version, e.partition, e.partition_sequence, e.type, e.id, e.time, e.payload, s.id,
      e.metadata
    FROM events e LEFT JOIN streams s ON s.key = e.stream
    """

  /// Up to `limit` records in order. They end with the one that brings their payloads to `bytes`.
  /// - Parameters:
  ///   - scope: whose records are meant.
  ///   - position: the sequence number, or the position in a single partition, of the last record that is not meant.
  ///   - limit: at most so many records.
  ///   - bytes: how many bytes of payload are enough.
  public func records(
    of scope: LogScope, after position: UInt64, limit: Int, bytes: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    try await read { [partitionCount] connection in
      switch scope {
      case .partition(let partition):
        return try Self.page(
          connection,
          """
          SELECT \(Self.columns) WHERE e.partition = ? AND e.partition_sequence > ?
          ORDER BY e.partition_sequence LIMIT ?
          """,
          [
            .integer(Int64(partition)), .integer(Int64(clamping: position)), .integer(Int64(limit)),
          ],
          bytes: bytes, partitionCount, next: { ($0.partitionOffset, position) })
      case .partitions(let partitions) where partitions.count < Int(partitionCount):
        // One statement for every list: SQLite reads it as a table.
        let list = "[" + partitions.sorted().map(String.init).joined(separator: ",") + "]"
        return try Self.page(
          connection,
          """
          SELECT \(Self.columns) WHERE e.sequence > ? AND +e.partition IN (SELECT value FROM json_each(?))
          ORDER BY e.sequence LIMIT ?
          """, [.integer(Int64(clamping: position)), .text(list), .integer(Int64(limit))],
          bytes: bytes, partitionCount)
      case .store, .partitions:
        return try Self.page(
          connection, "SELECT \(Self.columns) WHERE e.sequence > ? ORDER BY e.sequence LIMIT ?",
          [.integer(Int64(clamping: position)), .integer(Int64(limit))], bytes: bytes,
          partitionCount, next: { ($0.sequenceNumber, position) })
      }
    }
  }

  /// The last partition offset of each partition.
  public func heads() async throws(EventStoreError) -> [UInt64] {
    let count = partitionCount
    return try await read { connection in
      try (0..<count).map { partition in
        let last = try connection.integer(
          "SELECT max(partition_sequence) FROM events WHERE partition = ?",
          .integer(Int64(partition)))
        return UInt64(clamping: last ?? 0)
      }
    }
  }

  /// The last partition offset that each partition had when the store's last sequence number was
  /// `sequenceNumber`, 0 for none.
  public func heads(at sequenceNumber: UInt64) async throws(EventStoreError) -> [UInt64] {
    let heads = try await heads()
    return try await read { connection in
      let select = try connection.statement(
        "SELECT sequence FROM events WHERE partition = ? AND partition_sequence = ?")
      defer { select.reset() }
      return try heads.enumerated().map { partition, head in
        // Sequence numbers rise with partition sequences, which have no gaps: bisection takes a few look-ups where counting
        // reads all that is not published.
        var (low, high) = (UInt64(0), head)
        while low < high {
          let middle = low + (high - low + 1) / 2
          select.reset()
          select.bind(1, Int64(partition))
          select.bind(2, middle)
          guard try select.step() else {
            throw StoreDamage("the event \(middle) of partition \(partition) is missing")
          }
          if select.unsigned(0) <= sequenceNumber { low = middle } else { high = middle - 1 }
        }
        return low
      }
    }
  }

  /// The sequence number of the last event whose time is `time` or before it; 0 for none.
  public func sequenceNumber(at time: Timestamp) async throws(EventStoreError) -> UInt64 {
    try await read { connection in
      let found = try connection.integer(
        "SELECT sequence FROM events WHERE time <= ? ORDER BY sequence DESC LIMIT 1",
        .integer(time.microseconds))
      return UInt64(clamping: found ?? 0)
    }
  }

  /// The last sequence number, 0 where the store is empty.
  public func head() async throws(EventStoreError) -> UInt64 {
    try await read { UInt64(clamping: try $0.integer("SELECT max(sequence) FROM events") ?? 0) }
  }

  /// The sequence number up to which all events have been acknowledged by the bus, as last recorded: the
  /// bus may be further. A number beyond the store's last event proves nothing: then it is 0.
  public func published() async throws(EventStoreError) -> UInt64 {
    try await read { connection in
      let published = UInt64(
        clamping: try connection.integer("SELECT value FROM store WHERE key = 'published'") ?? 0)
      let head = UInt64(clamping: try connection.integer("SELECT max(sequence) FROM events") ?? 0)
      return published <= head ? published : 0
    }
  }

  /// How many statements a reader keeps, for tests.
  func preparedStatements() async throws(EventStoreError) -> Int {
    try await read { $0.statementCount }
  }

  /// What was noted last of partitions that are not published as far as others, and of the events that hold them; `nil` where
  /// ``published()`` says all.
  public func publishedProgress() async throws(EventStoreError) -> PublishedProgress? {
    try await read { try StoredProgress.read(from: $0) }
  }

  /// Whether an administrator has decided that a placeholder is published in an event's place.
  public func isSkipped(
    partition: Partition, offset: UInt64
  ) async throws(EventStoreError) -> Bool {
    try await read { try SkipDecision.exists(partition: partition, offset: offset, in: $0) }
  }

  func read<Result: Sendable>(
    _ body: @Sendable (SQLiteConnection) throws -> Result
  ) async throws(EventStoreError) -> Result {
    do {
      return try await readers.read(body)
    } catch let error as SQLiteError where error.isOfOtherTables {
      throw .damaged(path, error)
    } catch {
      throw .failed(path, "could not be read", error)
    }
  }

  /// Records until there are no more, or until their payloads come to `bytes`.
  /// - Parameter next: the number of a record that has no gaps, and the one that the first record comes after.
  private static func page(
    _ connection: SQLiteConnection, _ sql: String, _ values: [ColumnValue], bytes: Int,
    _ partitionCount: Partition,
    next: ((EventPosition) -> (number: UInt64, after: UInt64))? = nil
  ) throws -> [EventRecord] {
    let statement = try connection.statement(sql)
    statement.bind(values)
    defer { statement.reset() }
    var records: [EventRecord] = []
    var size = 0
    while size < bytes, try statement.step() {
      let record = try record(statement, partitionCount)
      if let (number, after) = next?(record.position), number != after + UInt64(records.count) + 1 {
        throw StoreDamage(
          "the event at sequence number \(record.position.sequenceNumber) comes after a gap")
      }
      records.append(record)
      size += record.payload.count
    }
    return records
  }

  static func record(
    _ row: SQLiteStatement, _ partitionCount: Partition
  ) throws(StoreDamage) -> EventRecord {
    let (sequence, version, offset) = (row.integer(0), row.integer(1), row.integer(3))
    guard let partition = Partition(exactly: row.integer(2)),
      (0..<partitionCount).contains(partition), sequence > 0, version >= 0, offset > 0,
      let id = row.optionalEventID(5), let time = Timestamp(exactly: row.integer(6)),
      !row.isNull(8)
    else { throw StoreDamage("the event at sequence number \(sequence) says what can't be") }
    let type = row.text(4)
    let isErased = StoreSchema.isErased(type)
    var record = EventRecord(
      id: id, type: isErased ? EventRecord.erasedType : type, streamID: row.text(8),
      position: EventPosition(
        partition: partition, partitionOffset: UInt64(offset),
        sequenceNumber: UInt64(sequence), version: UInt64(version)),
      time: time, payload: isErased ? [] : row.bytes(7))
    if !isErased, !row.isNull(9) { record.metadata = EventMetadata(stored: row.bytes(9)) }
    return record
  }
}
