import Eventually
import Foundation

/// A store of records in a PostgreSQL database, as one of its writers.
final class PostgresRecordStore: RecordStore {
  let databaseSystem = "postgresql"
  let postgresLog: PostgresEventLog
  private let writer: PostgresStoreWriter
  private let watch: HeadWatch
  private let eraser: PostgresEraser
  private let relayLease: PostgresRelayLease
  private let timing: RelayLease.Timing
  /// The process's own term as the store's relay.
  private let own = OwnTerm()
  /// What looks whether the store can be written, while that goes on.
  private let probe = Locked<Task<String?, Never>?>(nil)

  /// Opens a store as a writer, and makes or updates its schema where the role may.
  static func open(
    url: String, options: EventStoreOptions, database: PostgresStoreOptions
  ) async throws(StoreOpenError) -> PostgresRecordStore {
    options.checkPartitionCount()
    let address = PostgresAddress(url)
    let log = try await openLog(address, options: options, database: database)
    do {
      return try await PostgresRecordStore(
        address: address, log: log, options: options, database: database)
    } catch {
      await log.close()
      throw .failed(address.location, error)
    }
  }

  private static func openLog(
    _ address: PostgresAddress, options: EventStoreOptions, database: PostgresStoreOptions
  ) async throws(StoreOpenError) -> PostgresEventLog {
    let log: PostgresEventLog
    do throws(StoreOpenError) {
      log = try await PostgresEventLog(
        address, address.writing, schema: database.schema, connections: database.connections)
    } catch {
      guard error.isOne(of: .empty, .older) else { throw error }
      do throws(StoreOpenError) {
        try await PostgresSchema.install(
          url: address.url, schema: database.schema, partitions: options.partitionCount)
      } catch let refusal {
        guard (refusal.cause as? PostgresError)?.state == .insufficientPrivilege else {
          throw refusal
        }
        throw .unreadable(
          at: address.location, cause: SchemaMissing(schema: database.schema, version: error.found))
      }
      return try await PostgresEventLog(
        address, address.writing, schema: database.schema, connections: database.connections)
    }
    if let destination = log.movedTo {
      await log.close()
      throw .moved(at: address.location, to: destination)
    }
    if let asked = options.partitionCount, asked != log.partitionCount {
      await log.close()
      throw .partitionCount(at: address.location, asked: asked, actual: log.partitionCount)
    }
    return log
  }

  private init(
    address: PostgresAddress, log: PostgresEventLog, options: EventStoreOptions,
    database: PostgresStoreOptions
  ) async throws {
    postgresLog = log
    let head = try await Self.checkedHead(of: log)
    var limits = PostgresPool.Options(name: "store.append", size: 1)
    limits.limits.exchange = .seconds(70)
    let pool = PostgresPool(
      address.writing, options: limits,
      greet: StoreSession.greet(
        schema: database.schema, statementTimeout: 60_000, server: log.reader.server))
    timing = database.relay
    relayLease = PostgresRelayLease(
      parameters: address.writing, schema: database.schema, holder: database.holder,
      server: log.reader.server)
    let eraser = PostgresEraser(
      log: log, owner: PostgresAddress(database.owner ?? address.url), schema: database.schema)
    self.eraser = eraser
    let announcer = HeadAnnouncer(pool: log.reader.pool, schema: database.schema)
    writer = PostgresStoreWriter(
      pool: pool, reader: log.reader, partitionCount: log.partitionCount, head: head,
      options: PostgresStoreWriter.Options(
        transactionLimit: min(options.transactionLimit, 512), queueLimit: options.queueLimit,
        streamLimit: options.streamLimit, keyLifetime: options.keyLifetime, clock: options.clock),
      heartbeats: options.heartbeats
    ) { [own] committed in
      // Where this process publishes, others have no hurry to learn of events.
      if !own.isHeld { announcer.announce(committed.head) }
      if committed.hasRemovals { eraser.removed() }
    }
    watch = HeadWatch(
      parameters: address.writing, schema: database.schema, reader: log.reader, head: writer.head)
    // A term that the server before gave, and what is known of the topic, may not go with what this one has.
    log.reader.server.onChange { [own] in own.term.withLock { $0 }?.fence(.serverChanged) }
    await watch.start()
    await eraser.start()
  }

  /// The last sequence number.
  /// - Throws: ``StoreDamage`` where the numbers have gaps: to go on behind a wrong one would make it worse.
  private static func checkedHead(of log: PostgresEventLog) async throws -> UInt64 {
    let (head, sum) = try await log.reader.read(
      "read the heads",
      [
        PostgresStatement(
          """
          SELECT (SELECT coalesce(max(sequence), 0) FROM events), coalesce(sum((
            SELECT coalesce(max(e.partition_offset), 0) FROM events e WHERE e.partition = p)), 0)::bigint
          FROM generate_series(0, $1::integer - 1) p
          """, .int4(log.partitionCount))
      ]
    ) { rows in
      let head = try rows[0].unsigned(0, 0)
      return .init((head, try rows[0].unsigned(0, 1)), newest: head)
    }
    guard head == sum else {
      throw StoreDamage(
        "its last sequence number is \(head), and its partitions have \(sum) events together")
    }
    return head
  }

  // MARK: - RecordStore

  var log: any StoreLog { postgresLog }
  var head: PositionSignal { writer.head }

  func submit(_ request: StoreRequest) {
    if case .remove(let streamID, _) = request.kind, !PostgresEventLog.canHave(streamID) {
      request.completion(.success(.unchanged(nil)))
      return
    }
    writer.submit(request)
  }

  func size(ofLargeStream name: String) -> UInt64 { postgresLog.reader.sizes.size(of: name) }

  func snapshot(of name: String) async throws(EventStoreError) -> Snapshot? {
    try await postgresLog.snapshot(of: name)
  }

  func recorded(
    _ key: StoredKey, of name: String
  ) async throws(EventStoreError) -> RecordedKey<Int64>? {
    try await postgresLog.recorded(key, of: name)
  }

  /// Whoever asks wants to know now: behind a lock, or where no connection is to be had, a probe waits for many seconds.
  func writeFailure() async -> String? {
    guard let failure = writer.failure.withLock({ $0 }) ?? watch.problem else { return nil }
    let probe = probe.withLock { probe in
      let running = probe ?? Task { await self.probed() }
      probe = running
      return running
    }
    return await probe.value(within: .milliseconds(500)) ?? failure
  }

  private func probed() async -> String? {
    defer { probe.withLock { $0 = nil } }
    do {
      _ = try await perform(.probe)
      return nil
    } catch {
      return error.description
    }
  }

  func waitForErasure(of removal: EventPosition, atMost limit: Duration) async -> Bool {
    await eraser.wait(through: removal.sequenceNumber, atMost: limit)
  }

  var pendingErasures: PendingErasures { eraser.pending.withLock { $0 } }

  func close() async {
    await own.term.withLock { $0 }?.release()
    await Self.close(watch, eraser, writer, relayLease, postgresLog)
  }

  /// Where nobody has closed the store, its connections end by and by.
  deinit {
    Task { [own, watch, eraser, writer, relayLease, postgresLog] in
      await own.term.withLock { $0 }?.release()
      await Self.close(watch, eraser, writer, relayLease, postgresLog)
    }
  }

  private static func close(
    _ watch: HeadWatch, _ eraser: PostgresEraser, _ writer: PostgresStoreWriter,
    _ lease: PostgresRelayLease, _ log: PostgresEventLog
  ) async {
    await watch.close()
    await eraser.close()
    await writer.close()
    await lease.close()
    await log.close()
  }

  // MARK: - The relay

  func lease(
    _ standBy: @escaping @Sendable (RelayHolder) -> Void
  ) async throws -> RelayTerm {
    let term = try await RelayTerm.acquire(from: relayLease, timing: timing, standBy)
    own.term.withLock { $0 = term }
    return term
  }

  /// Where another server noted last how far the events are published, it may have had events that this one does not have.
  func mayHaveGoneBack() async throws(EventStoreError) -> Bool {
    let noted = try await postgresLog.publishingServer()
    guard let noted, let server = postgresLog.reader.server.name else { return false }
    return noted != server
  }

  func markPublished(_ sequenceNumber: UInt64, under term: RelayTerm) async throws {
    try await mark(sequenceNumber, nil, under: term)
  }

  func markPublished(_ progress: PublishedProgress, under term: RelayTerm) async throws {
    try await mark(progress.through, NotedProgress(progress).column, under: term)
  }

  private func mark(_ sequence: UInt64, _ more: String?, under term: RelayTerm) async throws {
    try term.check()
    let reader = postgresLog.reader
    let isNoted: Bool?
    do {
      isNoted = try await reader.pool.withConnection { connection throws(PostgresError) -> Bool? in
        // It may have been made now, and lead to a server that lacks what is to be noted.
        guard term.isHeld else { return nil }
        return try await connection.run(
          [
            PostgresStatement(
              "SELECT mark_published($1, $2, $3::text::jsonb)", .position(term.epoch),
              .position(sequence), Self.noted(more, on: reader.server.name))
          ], "note how far the events are published")[0].bool(0, 0)
      }
    } catch {
      throw EventStoreError.failed(postgresLog.location, .write, error)
    }
    try term.check()
    if isNoted != true {
      term.fence()
      throw RelayFenced(epoch: term.epoch, reason: .taken)
    }
  }

  /// Which server it is stands beside what is noted.
  private static func noted(_ more: String?, on server: String?) -> PostgresValue {
    guard let server else { return more.map { .text($0) } ?? .null }
    let rest = more?.dropFirst() ?? "}"
    return .text("{\"server\": \"\(server)\"\(more == nil ? "" : ",")\(rest)")
  }
}

/// A process's last term as the store's relay.
private final class OwnTerm: Sendable {
  let term = Locked<RelayTerm?>(nil)

  var isHeld: Bool { term.withLock { $0?.isHeld } ?? false }
}
