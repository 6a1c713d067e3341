public import Eventually

/// Reads an event store in a PostgreSQL database: any number of processes may, beside the writers.
///
/// It may be a standby of the writers' server. What it hands out is durable.
public final class PostgresEventLog: StoreLog, Sendable {
  /// Tells this store from every other.
  public let storeID: String
  /// How many partitions the store's streams are divided among.
  public let partitionCount: Partition
  /// The database's address without its password.
  public let location: String
  let reader: StoreReader
  /// Where it had been moved to when it was opened; `nil` where it took appends.
  let movedTo: String?

  /// Opens a store that exists.
  /// - Parameters:
  ///   - url: the database: `postgres://…`, or `key=value` pairs; what it leaves out is taken from libpq's variables and files.
  ///   - schema: the schema's name.
  ///   - connections: how many it makes at most, as they are needed.
  public convenience init(
    url: String, schema: String = "eventually", connections: Int = 4
  ) async throws(StoreOpenError) {
    let address = PostgresAddress(url)
    try await self.init(
      address, address.reading, schema: schema, connections: connections)
  }

  /// The same, of the primary alone, for what can't do with a standby: that has every event later than the topic.
  package convenience init(
    primary url: String, schema: String = "eventually", connections: Int = 4
  ) async throws(StoreOpenError) {
    let address = PostgresAddress(url)
    try await self.init(address, address.primary, schema: schema, connections: connections)
  }

  init(
    _ address: PostgresAddress, _ parameters: PostgresAddress.Parameters, schema: String,
    connections: Int, isUnfinished: Bool = false
  ) async throws(StoreOpenError) {
    location = address.location
    let server = StoreServer()
    let pool = PostgresPool(
      parameters, options: PostgresPool.Options(name: "store.read", size: max(connections, 1)),
      greet: StoreSession.greet(schema: schema, statementTimeout: 0, server: server))
    do {
      let identity = try await Self.repeated { [location] in
        try await pool.withConnection { connection throws(PostgresError) in
          try await Pooling.check(connection, parameters)
        }
        return try await StoreIdentity.read(
          pool, schema: schema, location: location, isUnfinished: isUnfinished)
      }
      storeID = identity.storeID
      partitionCount = identity.partitionCount
      movedTo = identity.movedTo
      reader = StoreReader(
        pool: pool, location: location, isStandby: identity.isStandby, server: server)
    } catch {
      await pool.close()
      throw .failed(address.location, error)
    }
  }

  /// A session that ends while the store is opened is no reason against it: the pool makes another, for as long as a caller may wait.
  private static func repeated<Result>(_ look: () async throws -> Result) async throws -> Result {
    for _ in 0..<5 {
      do {
        return try await look()
      } catch let error as PostgresError where error.isPassing {}
    }
    return try await look()
  }

  /// Ends its connections. Whoever reads afterwards is refused.
  public func close() async { await reader.pool.close() }

  // MARK: - The log

  /// Up to `limit` records in order. They end with the one that brings their payloads to `bytes`.
  public func records(
    of scope: LogScope, after position: UInt64, limit: Int, bytes: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    let page: [PostgresValue] = [
      .position(position), .int8(Int64(limit)), .int8(Int64(bytes)),
    ]
    let statement: PostgresStatement
    let number: ((EventPosition) -> UInt64)?
    switch scope {
    case .partition(let partition):
      statement = PostgresStatement(Self.ofPartition, page + [.int4(partition)])
      number = \.partitionOffset
    case .partitions(let partitions) where partitions.count < Int(partitionCount):
      statement = PostgresStatement(Self.ofPartitions, page + [.int4s(partitions.sorted())])
      number = nil
    case .store, .partitions:
      statement = PostgresStatement(Self.ofStore, page)
      number = \.sequenceNumber
    }
    return try await reader.read("read the log", [statement]) { rows in
      let records = try EventRow.records(rows[0], partitionCount: partitionCount)
      if let number {
        for (index, record) in records.enumerated()
        where number(record.position) != position &+ UInt64(index) &+ 1 {
          throw StoreDamage(
            "the event at sequence number \(record.position.sequenceNumber) comes after a gap")
        }
      }
      return .init(records, newest: records.map(\.position.sequenceNumber).max() ?? 0)
    }
  }

  private static let ofStore = page("sequence", "e.sequence > $1")
  private static let ofPartitions = page("sequence", "e.sequence > $1 AND e.partition = ANY ($4)")
  private static let ofPartition = page(
    "partition_offset", "e.partition_offset > $1 AND e.partition = $4")

  private static func page(_ order: String, _ condition: String) -> String {
    """
    SELECT \(EventRow.columns)
    FROM (
      SELECT e.*, \(EventRow.bytesBefore(in: order))
      FROM (SELECT * FROM events e WHERE \(condition) ORDER BY e.\(order) LIMIT $2) e
    ) e LEFT JOIN streams s ON s.key = e.stream
    WHERE e.before < $3 ORDER BY e.\(order)
    """
  }

  /// The last partition offset of each partition.
  public func heads() async throws(EventStoreError) -> [UInt64] {
    try await reader.read(
      "read the heads",
      [
        PostgresStatement(
          """
          SELECT coalesce((SELECT max(e.partition_offset) FROM events e WHERE e.partition = p), 0),
            (SELECT coalesce(max(sequence), 0) FROM events)
          FROM generate_series(0, $1::integer - 1) p ORDER BY p
          """, .int4(partitionCount))
      ]
    ) { rows in
      let heads = try (0..<rows[0].count).map { try rows[0].unsigned($0, 0) }
      return .init(heads, newest: rows[0].count > 0 ? try rows[0].unsigned(0, 1) : 0)
    }
  }

  /// The last partition offset that each partition had when the store's last sequence number was
  /// `sequenceNumber`, 0 for none.
  public func heads(at sequenceNumber: UInt64) async throws(EventStoreError) -> [UInt64] {
    try await reader.read(
      "read the heads",
      [
        PostgresStatement(
          "SELECT head FROM heads_at($1) ORDER BY partition", .position(sequenceNumber))
      ]
    ) { rows in
      .init(
        try (0..<rows[0].count).map { try rows[0].unsigned($0, 0) }, newest: sequenceNumber)
    }
  }

  /// The sequence number of the last event whose time is `time` or before it; 0 for none.
  public func sequenceNumber(at time: Timestamp) async throws(EventStoreError) -> UInt64 {
    try await number(
      PostgresStatement(
        """
        SELECT coalesce((SELECT e.sequence FROM events e WHERE e.time <= $1
          ORDER BY e.sequence DESC LIMIT 1), 0)
        """, .timestamp(time)))
  }

  /// The last sequence number, 0 where the store is empty.
  public func head() async throws(EventStoreError) -> UInt64 {
    try await number(PostgresStatement(Self.headText))
  }

  static let headText = "SELECT coalesce(max(sequence), 0) FROM events"

  /// One that is a sequence number.
  private func number(_ statement: PostgresStatement) async throws(EventStoreError) -> UInt64 {
    try await reader.read("read the log", [statement]) { rows in
      let number = try rows[0].unsigned(0, 0)
      return .init(number, newest: number)
    }
  }

  /// The newest events of each type, of those that are among the store's last ones; removals and erased events are left out.
  public func newestOfEachType(
    _ count: Int, amongLast limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    struct Kind: Hashable {
      var type: ByteKey
      var category: StreamCategory?
    }
    // Payloads are read of those alone that are wanted.
    let wanted = try await reader.read(
      "look for the newest events",
      [
        PostgresStatement(
          """
          SELECT e.sequence, e.type, s.id FROM (
            SELECT * FROM events ORDER BY sequence DESC LIMIT $1
          ) e JOIN streams s ON s.key = e.stream
          WHERE e.version > 0 AND NOT e.is_erased ORDER BY e.sequence DESC
          """, .int8(Int64(limit)))
      ]
    ) { rows -> StoreReader.Found<[Int64?]> in
      var found: [Kind: Int] = [:]
      var wanted: [Int64?] = []
      for row in 0..<rows[0].count {
        let kind = Kind(
          type: ByteKey(try rows[0].text(row, 1)),
          category: StreamCategory.of(stream: try rows[0].text(row, 2)))
        guard found[kind, default: 0] < count else { continue }
        found[kind, default: 0] += 1
        wanted.append(try rows[0].integer(row, 0))
      }
      return .init(wanted, newest: 0)
    }
    return try await reader.read(
      "read the newest events",
      [
        PostgresStatement(
          """
          SELECT \(EventRow.columns) FROM events e JOIN streams s ON s.key = e.stream
          WHERE e.sequence = ANY ($1) AND NOT e.is_erased ORDER BY e.sequence
          """, .int8s(wanted))
      ]
    ) { rows in
      let records = try EventRow.records(rows[0], partitionCount: partitionCount)
      return .init(records, newest: records.last?.position.sequenceNumber ?? 0)
    }
  }
}
