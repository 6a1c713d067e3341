package import Eventually

/// A copy of a store in a database, made as the schema's owner.
package actor PostgresCopyTarget: CopyTarget {
  package nonisolated let location: String
  private let address: PostgresAddress
  private let schema: String
  /// It has a lock of the server's that keeps other copies out.
  private var connection: PostgresConnection?
  private var log: PostgresEventLog?

  /// - Parameters:
  ///   - url: the database, as the schema's owner.
  ///   - schema: the schema's name.
  package init(url: String, schema: String = "eventually") {
    address = PostgresAddress(url)
    location = address.location(schema: schema)
    self.schema = schema
  }

  package func close() async {
    await connection?.close()
    await log?.close()
    (connection, log) = (nil, nil)
  }

  package func state() async throws(StoreCopyError) -> CopyTargetState {
    do {
      return try await readState()
    } catch let error as StoreCopyError {
      throw error
    } catch {
      throw .notOpened(.failed(location, error))
    }
  }

  private func connected() async throws -> PostgresConnection {
    if let connection { return connection }
    let made = try await PostgresConnection(
      address.writing, limits: .init(exchange: .seconds(600)))
    try await StoreSession.prepare(made, schema: schema)
    let isAlone = try await made.run(
      [
        PostgresStatement(
          "SELECT pg_try_advisory_lock(hashtext('eventually.copy'), hashtext($1))", .text(schema))
      ], "see whether another copy is made")[0].bool(0, 0)
    guard isAlone else {
      await made.close()
      throw StoreOpenError.locked(at: location, owner: "another command that copies a store")
    }
    connection = made
    return made
  }

  private func readState() async throws -> CopyTargetState {
    let connection = try await connected()
    let isThere = try await connection.run(
      [
        PostgresStatement(
          "SELECT to_regclass(quote_ident($1) || '.store') IS NOT NULL", .text(schema))
      ], "look for the store")[0].bool(0, 0)
    guard isThere else { return .nothing }
    let row = try await connection.run(
      [
        PostgresStatement(
          """
          SELECT s.store_id, s.partitions, s.schema_version, s.copying,
            s.copied_to IS NULL AND NOT EXISTS (SELECT FROM streams), r.expires > clock_timestamp(), r.holder
          FROM store s, relay r
          """)
      ], "read what the store is")[0]
    guard row.count == 1 else { throw StoreDamage("it does not say which store it is") }
    let id = "\(try row.uuid(0, 0))"
    guard try row.integer(0, 2) == Int64(PostgresSchema.version) else {
      throw StoreCopyError.otherVersion(location)
    }
    if try row.bool(0, 5) {
      throw StoreOpenError.locked(at: location, owner: try row.text(0, 6))
    }
    guard try row.bool(0, 3) else {
      return try row.bool(0, 4) ? .nothing : .store(id: id)
    }
    let last = try await connection.run(
      [PostgresStatement("SELECT sequence, id FROM events ORDER BY sequence DESC LIMIT 1")],
      "look for the last event")[0]
    return .unfinished(
      storeID: id, partitionCount: Partition(clamping: try row.integer(0, 1)),
      head: last.count == 0 ? 0 : try last.unsigned(0, 0),
      last: last.count == 0 ? nil : try last.uuid(0, 1))
  }

  /// A store that nothing was appended to becomes the copy.
  package func begin(storeID: String, partitionCount: Partition) async throws(StoreCopyError) {
    guard let id = EventID(utf8: Array(storeID.utf8).span) else {
      throw .notHeld(location, "its id '\(storeID)' is no UUID")
    }
    do throws(StoreOpenError) {
      try await PostgresSchema.install(url: address.url, schema: schema)
    } catch {
      throw .notOpened(error)
    }
    let rows = try await write(
      [
        PostgresStatement("SELECT FROM append_lock FOR UPDATE"),
        PostgresStatement(
          "UPDATE store SET store_id = $1, partitions = $2, copying = true WHERE NOT EXISTS (SELECT FROM streams)",
          .uuid(id), .int4(partitionCount)),
      ], "begin the copy")
    // Somebody may have appended to it meanwhile.
    guard rows[1].changed == 1 else { throw .otherStore(location, storeID: "which is not empty") }
  }

  package func contents() async throws(StoreCopyError) -> any StoreContents {
    do throws(StoreOpenError) {
      let log = try await PostgresEventLog(
        address, address.writing, schema: schema, connections: 2, isUnfinished: true)
      self.log = log
      return PostgresStoreContents(postgres: log)
    } catch {
      throw .notOpened(error)
    }
  }

  package func add(_ records: [EventRecord]) async throws(StoreCopyError) {
    var page = CopyPage(records, partitionCount: log?.partitionCount ?? 1)
    if let refusal = page.refusal { throw .notHeld(location, refusal) }
    let rows = try await write([page.makeStreams, page.findStreams], "look for the streams")
    do {
      try page.read(rows[1])
    } catch {
      throw .failed(.failed(location, .read, error))
    }
    try await write(try page.statements(), "add events")
  }

  package func removeKeys() async throws(StoreCopyError) {
    try await write([PostgresStatement("DELETE FROM idempotency_keys")], "delete keys")
  }

  package func add(_ keys: [CopiedKey]) async throws(StoreCopyError) {
    let page = CopyPage(streams: keys.map(\.stream), partitionCount: log?.partitionCount ?? 1)
    if let refusal = page.refusal { throw .notHeld(location, refusal) }
    try await write(
      [
        page.makeStreams,
        PostgresStatement(
          """
          INSERT INTO idempotency_keys
          SELECT s.key, k.key, k.sequence, k.time, k.number, k.request
          FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::timestamptz[], $5::bigint[], $6::bigint[])
            k(stream, key, sequence, time, number, request) JOIN streams s ON s.id = k.stream
          """, .texts(keys.map(\.stream)), .byteas(keys.map { $0.key[...] }),
          .int8s(keys.map { Int64(clamping: $0.sequence) }),
          .timestamps(keys.map { Timestamp(seconds: $0.seconds) }),
          .int8s(keys.map { $0.number.map { Int64(clamping: $0) } }), .int8s(keys.map(\.request))),
      ], "add idempotency keys")
  }

  package func replace(
    skips: [CopiedSkip], progress: PublishedProgress
  ) async throws(StoreCopyError) {
    try await write(
      [
        PostgresStatement("DELETE FROM skips"),
        PostgresStatement(
          "INSERT INTO skips SELECT * FROM unnest($1::integer[], $2::bigint[], $3::timestamptz[])",
          .int4s(skips.map(\.partition)), .int8s(skips.map { Int64(clamping: $0.offset) }),
          .timestamps(skips.map(\.decided))),
        PostgresStatement(
          "UPDATE relay SET published = $1, progress = $2::text::jsonb",
          .position(progress.through),
          NotedProgress(progress).column.map { .text($0) } ?? .null),
      ], "note how far the events are published")
  }

  /// The planner has to know what the tables have become.
  package func finish() async throws(StoreCopyError) {
    try await write(
      [PostgresStatement("ANALYZE streams, events, idempotency_keys")], "analyze the tables")
    try await write([PostgresStatement("UPDATE store SET copying = false")], "finish the copy")
  }

  @discardableResult
  private func write(
    _ statements: [PostgresStatement], _ operation: String
  ) async throws(StoreCopyError) -> [PostgresRows] {
    do {
      return try await connected().run(statements, operation)
    } catch {
      throw .failed(.failed(location, .write, error))
    }
  }
}

extension Timestamp {
  /// The nearest time that there is.
  fileprivate init(seconds: Int64) {
    let (microseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    self.init(microseconds: overflow ? (seconds < 0 ? .min : .max) : microseconds)
  }
}
