import CoreMetrics
import Eventually
import Foundation

/// The one writer of a store: carries requests out, many to a transaction.
actor StoreWriter {
  private let executor: BlockingExecutor
  let connection: SQLiteConnection
  private let statements: AppendStatements
  /// The writer's role, until it is given back.
  private var lock: StoreLock?
  private let partitioner: Partitioner
  private let queue: Locked<GroupCommit<StoreRequest>>
  private let clock: @Sendable () -> Timestamp
  private let streamLimit: StreamLimit
  private var ids = EventIDGenerator()
  /// Where the store stands, as committed.
  private var heads: Heads
  /// A transaction failed: where the store stands has to be read anew before the next.
  private var headsAreInDoubt = false
  private let heartbeat: Heartbeat
  private let metrics = StoreMetrics()
  /// Why the last transaction failed; `nil` where it did not.
  nonisolated let failure = Locked<String?>(nil)
  nonisolated let identity: StoreSchema.Identity
  /// The last committed sequence number.
  nonisolated let head: PositionSignal
  /// The bytes of large streams, by the hashes of their names. Where a transaction fails they are too high until the next append.
  nonisolated let largeStreams: Locked<[Int: UInt64]>
  /// From so many bytes on a stream is large; the index `large_streams` has the same number.
  static let large: UInt64 = 256 << 10

  struct Heads {
    var sequence: UInt64
    var partitions: [UInt64]
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(
    path: String, partitionCount: Partition?, transactionLimit: Int, queueLimit: Int,
    streamLimit: StreamLimit = StreamLimit(), heartbeats: Heartbeats,
    clock: @escaping @Sendable () -> Timestamp
  ) throws(StoreOpenError) {
    lock = try StoreLock(storePath: path)
    do {
      connection = try SQLiteConnection(path: path, mode: .create)
      // What is removed is overwritten, not only unlinked; so are snapshots that others take the place of.
      try connection.execute("PRAGMA secure_delete = ON")
      identity = try StoreSchema.prepare(connection, partitionCount: partitionCount)
      lock?.note(storeID: identity.storeID)
      statements = try AppendStatements(connection)
      heads = try Self.readHeads(connection, partitionCount: identity.partitionCount)
      let large = try connection.rows(
        "SELECT id, bytes FROM streams WHERE bytes >= 262144"
      ) { ($0.text(0).hashValue, $0.unsigned(1)) }
      largeStreams = Locked(Dictionary(large) { max($0, $1) })
    } catch {
      throw .failed(path, error)
    }
    executor = BlockingExecutor(label: "store.writer")
    partitioner = Partitioner(count: identity.partitionCount)
    queue = Locked(GroupCommit(limit: transactionLimit, capacity: queueLimit))
    heartbeat = heartbeats.loop("store.commit")
    head = PositionSignal(at: heads.sequence)
    self.clock = clock
    self.streamLimit = streamLimit
  }

  private static func readHeads(
    _ connection: SQLiteConnection, partitionCount: Partition
  ) throws -> Heads {
    let sequence = try connection.integer("SELECT max(sequence) FROM events") ?? 0
    var heads = Heads(sequence: UInt64(clamping: sequence), partitions: [])
    var sum: UInt64 = 0
    for partition in 0..<partitionCount {
      let last = try connection.integer(
        "SELECT max(partition_sequence) FROM events WHERE partition = ?",
        .integer(Int64(partition)))
      heads.partitions.append(UInt64(clamping: last ?? 0))
      sum = sum.addingReportingOverflow(UInt64(clamping: last ?? 0)).partialValue
    }
    // Neither kind of number has gaps. To go on behind a wrong one would make it worse.
    guard sequence >= 0, sum == heads.sequence else {
      throw StoreDamage(
        "its last sequence number is \(sequence), and its partitions have \(sum) events together")
    }
    return heads
  }

  /// Hands a request over; its completion is called when it has been carried out.
  nonisolated func submit(_ request: StoreRequest) {
    switch queue.withLock({ $0.submit(request, weight: request.weight) }) {
    case .startCommitting: executor.run { self.assumeIsolated { $0.commitWaiting() } }
    case .wait: break
    case .refuse: request.completion(.failure(.overloaded))
    }
  }

  /// Carries out a request.
  nonisolated func perform(
    _ kind: StoreRequest.Kind
  ) async throws(EventStoreError) -> AppendResult? {
    var check: AppendCheck?
    // While the store's thread inserts them.
    if case .append(_, _, let events) = kind { check = events.check }
    let result = await withCheckedContinuation { [check] continuation in
      submit(StoreRequest(kind: kind) { continuation.resume(returning: $0) })
      check?.run()
    }
    return try result.get()
  }

  /// Gives the writer's role back, after what is being committed.
  func close() {
    lock = nil
  }

  private func commitWaiting() {
    defer { heartbeat.idle() }
    while true {
      heartbeat.beat()
      let batch = queue.withLock { $0.next() }
      if batch.isEmpty { return }
      commit(batch)
    }
  }

  /// One transaction. A request that is refused, by a conflict say, leaves nothing in it and takes no
  /// other request down; a failure of the database takes all of them down, and none is in the store.
  private func commit(_ batch: [StoreRequest]) {
    guard lock != nil else {
      let failure = EventStoreError.unavailable("the store \(connection.path) was closed")
      for request in batch { request.completion(.failure(failure)) }
      return
    }
    // What the clock says, also where it has stepped: order is told by sequence numbers alone. A time that could not step
    // back would keep an hour that a clock was wrong by for ever.
    let time = clock()
    var results: [Result<AppendResult?, EventStoreError>] = []
    do {
      var next = heads
      repeat {
        next = heads
      } while try !transact(batch, at: time, &results, heads: &next)
      let hasAppended = next.sequence > heads.sequence
      heads = next
      headsAreInDoubt = false
      failure.withLock { $0 = nil }
      metrics.committed(batch, results)
      if hasAppended { FaultPoint.storeCommitted.pass() }
      if batch.contains(where: \.isRemoval) { FaultPoint.storeRemoved.pass() }
    } catch {
      headsAreInDoubt = true
      let failure = Self.failure(error, path: connection.path)
      self.failure.withLock { $0 = failure.description }
      results = Array(repeating: .failure(failure), count: batch.count)
    }
    head.advance(to: heads.sequence)
    for (request, result) in zip(batch, results) { request.completion(result) }
  }

  /// Carries requests out in one transaction.
  /// - Returns: whether it was committed. It is not where events turn out to be unreadable that were inserted already; that
  ///   is known then, and the next attempt refuses them.
  private func transact(
    _ batch: [StoreRequest], at time: Timestamp,
    _ results: inout [Result<AppendResult?, EventStoreError>], heads next: inout Heads
  ) throws -> Bool {
    struct Unreadable: Error {}
    results.removeAll()
    results.reserveCapacity(batch.count)
    do {
      try connection.write {
        if headsAreInDoubt {
          next = try Self.readHeads(connection, partitionCount: identity.partitionCount)
        }
        for request in batch {
          results.append(try carryOut(request.kind, time: time, heads: &next))
        }
        var isReadable = true
        for (request, result) in zip(batch, results) {
          guard case .append(_, _, let events) = request.kind, case .success = result else {
            continue
          }
          if events.check?.failure() != nil { isReadable = false }
        }
        if !isReadable { throw Unreadable() }
      }
      return true
    } catch is Unreadable {
      return false
    }
  }

  private static func failure(_ error: any Error, path: String) -> EventStoreError {
    .failed(path, "could not be written", error)
  }

  private func carryOut(
    _ kind: StoreRequest.Kind, time: Timestamp, heads: inout Heads
  ) throws -> Result<AppendResult?, EventStoreError> {
    do {
      return try carryOutWhole(kind, time: time, heads: &heads)
    } catch let damage as StoreDamage {
      // Found before anything was changed: what other requests are about may be sound.
      return .failure(.damaged(connection.path, damage))
    }
  }

  private func carryOutWhole(
    _ kind: StoreRequest.Kind, time: Timestamp, heads: inout Heads
  ) throws -> Result<AppendResult?, EventStoreError> {
    switch kind {
    case .append(let streamID, let expecting, let events):
      return try append(events, to: streamID, expecting: expecting, time: time, heads: &heads)
    case .remove(let streamID):
      return .success(try remove(streamID, time: time, heads: &heads))
    case .snapshot(let streamID, let snapshot):
      if let found = try stream(streamID), found.version >= snapshot.version {
        var sealed = snapshot
        sealed.payload = SnapshotSeal.seal(snapshot, of: streamID)
        try SnapshotTable(connection: connection).save(sealed, of: found.key)
      }
      return .success(nil)
    case .erased(let sequence):
      try connection.run(
        "UPDATE erasures SET erased = ? WHERE erased IS NULL AND sequence <= ?",
        .integer(time.microseconds), .integer(Int64(clamping: sequence)))
      return .success(nil)
    case .published(let sequence):
      try connection.run(
        "UPDATE store SET value = ? WHERE key = 'published'", .integer(Int64(sequence)))
      return .success(nil)
    case .progress(let progress):
      try StoredProgress.write(progress, to: connection)
      return .success(nil)
    case .probe:
      // As much as a few orders take: what is left in files that exist would do for less.
      try connection.run("INSERT OR REPLACE INTO store VALUES ('probe', randomblob(65536))")
      return .success(nil)
    }
  }

  /// No store comes so far.
  private static let lastSequence: UInt64 = 1 << 62

  private struct StreamRow {
    var key: Int64
    var partition: Partition
    var version: Version
    var head: UInt64
    var bytes: UInt64
  }

  /// - Throws: ``StoreDamage`` where the row is none that was written.
  private func stream(_ streamID: String) throws -> StreamRow? {
    let select = statements.findStream
    select.bind(1, streamID)
    defer { select.reset() }
    guard try select.step() else { return nil }
    guard let partition = Partition(exactly: select.integer(1)),
      heads.partitions.indices.contains(Int(partition)),
      select.integer(2) >= 0, (select.integer(2) == 0) == (select.integer(3) == 0),
      select.integer(2) <= select.integer(3), select.unsigned(3) <= Self.lastSequence
    else {
      throw StoreDamage("the row of the stream '\(streamID)' says what can't be")
    }
    return StreamRow(
      key: select.integer(0), partition: partition,
      version: select.unsigned(2), head: select.unsigned(3), bytes: select.unsigned(4))
  }

  /// Before a caller is told that it is wrong.
  private func checkHead(_ found: StreamRow, of streamID: String) throws {
    guard found.version > 0 else { return }
    let version = try connection.integer(
      "SELECT version FROM events WHERE sequence = ? AND stream = ?",
      .integer(Int64(found.head)), .integer(found.key))
    guard version == Int64(found.version) else {
      throw StoreDamage(
        "the row of the stream '\(streamID)' says version \(found.version), and its last event does not"
      )
    }
  }

  private func append(
    _ events: EncodedEvents, to streamID: String, expecting: ExpectedVersion, time: Timestamp,
    heads: inout Heads
  ) throws -> Result<AppendResult?, EventStoreError> {
    if let failure = events.check?.knownFailure { return .failure(.unreadable(failure)) }
    let found = try stream(streamID)
    let actual = found?.version ?? 0
    if case .exact(let expected) = expecting, expected != actual {
      if let found { try checkHead(found, of: streamID) }
      return .failure(
        .conflict(VersionConflict(streamID: streamID, expected: expected, actual: actual)))
    }
    let version = actual + UInt64(events.count)
    let bytes = (found?.bytes ?? 0) + events.bytes
    do {
      try streamLimit.check(streamID, events: version, bytes: bytes)
    } catch {
      return .failure(error)
    }
    let partition = found?.partition ?? partitioner.partition(of: streamID)
    let firstSequence = heads.sequence + 1
    let lastSequence = heads.sequence + UInt64(events.count)
    let key = try writeStream(
      found, id: streamID, partition: partition, version: version, head: lastSequence,
      bytes: bytes)
    if bytes >= Self.large { largeStreams.withLock { $0[streamID.hashValue] = bytes } }
    let insert = insertStatement(
      key: key, partition: partition, time: time, metadata: events.metadata)
    var previous = found?.head ?? 0
    var start = 0
    // What is bound stays until it is bound anew: of most columns, only what changes is.
    var boundType: String?
    let ids = eventIDs(at: time, count: events.count)
    let idBytes = ids.span
    let payloadBytes = events.payloads
    let payloads = payloadBytes.span
    var position = heads.partitions[Int(partition)]
    for index in 0..<events.count {
      let sequence = firstSequence + UInt64(index)
      position += 1
      insert.bind(1, sequence)
      insert.bind(3, actual + UInt64(index) + 1)
      insert.bind(4, previous)
      insert.bind(6, position)
      if events.types[index] != boundType {
        boundType = events.types[index]
        insert.bind(7, events.types[index])
      }
      insert.bindUntilRun(8, idBytes.extracting(index * 16..<index * 16 + 16))
      insert.bindUntilRun(10, payloads.extracting(start..<events.ends[index]))
      try insert.run()
      previous = sequence
      start = events.ends[index]
    }
    // The statement has run with the bytes of these where they are.
    withExtendedLifetime((ids, payloadBytes)) {}
    heads.partitions[Int(partition)] = position
    heads.sequence = lastSequence
    return .success(
      AppendResult(
        last: EventPosition(
          partition: partition, partitionOffset: heads.partitions[Int(partition)],
          sequenceNumber: lastSequence, version: version)))
  }

  private func writeStream(
    _ found: StreamRow?, id: String, partition: Partition, version: Version, head: UInt64,
    bytes: UInt64
  ) throws(SQLiteError) -> Int64 {
    if let found {
      let update = statements.updateStream
      update.bind(1, version)
      update.bind(2, head)
      update.bind(3, bytes)
      update.bind(4, found.key)
      try update.run()
      return found.key
    }
    let insert = statements.insertStream
    insert.bind(1, id)
    insert.bind(2, Int64(partition))
    insert.bind(3, version)
    insert.bind(4, head)
    insert.bind(5, bytes)
    defer { insert.reset() }
    _ = try insert.step()
    return insert.integer(0)
  }

  /// New ids, sixteen bytes each.
  private func eventIDs(at time: Timestamp, count: Int) -> [UInt8] {
    var id = ids.next(at: time, count: count)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * 16)
    for _ in 0..<count {
      withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { bytes.append(contentsOf: $0) }
      id = id.successor
    }
    return bytes
  }

  /// The statement that inserts an event, with what is the same for all events of an append.
  private func insertStatement(
    key: Int64, partition: Partition, time: Timestamp, metadata: [UInt8]
  ) -> SQLiteStatement {
    let insert = statements.insertEvent
    insert.prepareForReuse()
    insert.bind(2, key)
    insert.bind(5, Int64(partition))
    insert.bind(9, time.microseconds)
    // Without it nothing is bound, which is NULL.
    if !metadata.isEmpty { insert.bind(11, metadata.span) }
    return insert
  }

  /// Overwrites a stream's events, adds the record that says so, and notes that the write-ahead log still has them. The
  /// stream's row stays: whoever looks for it finds version 0.
  private func remove(
    _ streamID: String, time: Timestamp, heads: inout Heads
  ) throws -> AppendResult? {
    guard let found = try stream(streamID), found.version > 0 else { return nil }
    let sequences = try StreamChain.sequenceNumbers(
      connection, stream: found.key, last: found.version, head: found.head, from: 1)
    // A state tells what the events were.
    try SnapshotTable(connection: connection).forget(found.key)
    for sequence in sequences { try overwrite(sequence) }
    heads.sequence += 1
    heads.partitions[Int(found.partition)] += 1
    let partitionOffset = heads.partitions[Int(found.partition)]
    if found.bytes >= Self.large { largeStreams.withLock { $0[streamID.hashValue] = nil } }
    // Version 0 and no head: the next append begins a new chain at version 1.
    _ = try writeStream(
      found, id: streamID, partition: found.partition, version: 0, head: 0, bytes: 0)
    let insert = insertStatement(
      key: found.key, partition: found.partition, time: time, metadata: [])
    insert.bind(1, heads.sequence)
    insert.bind(3, 0 as UInt64)
    insert.bind(4, 0 as UInt64)
    insert.bind(6, partitionOffset)
    insert.bind(7, EventRecord.removedType)
    insert.bind(8, ids.next(at: time))
    insert.bind(10, [UInt8]().span)
    try insert.run()
    try connection.run(
      "INSERT OR REPLACE INTO erasures VALUES (?, ?, ?, ?, NULL)", .integer(found.key),
      .integer(Int64(heads.sequence)), .integer(Int64(partitionOffset)),
      .integer(time.microseconds))
    return AppendResult(
      last: EventPosition(
        partition: found.partition, partitionOffset: partitionOffset,
        sequenceNumber: heads.sequence, version: 0))
  }

  /// Overwrites an event with zeros.
  private func overwrite(_ sequence: UInt64) throws(SQLiteError) {
    let select = try connection.statement(
      """
      SELECT length(CAST(type AS BLOB)), length(payload), length(metadata) FROM events
      WHERE sequence = ?
      """)
    select.bind(1, sequence)
    defer { select.reset() }
    guard try select.step() else { return }
    let row = ErasedRow(
      type: Int(select.integer(0)), payload: Int(select.integer(1)),
      metadata: select.optionalInteger(2).map { Int($0) })
    select.reset()
    try connection.run(
      """
      UPDATE events SET type = ?1, payload = zeroblob(?2),
        metadata = CASE WHEN ?3 IS NULL THEN NULL ELSE zeroblob(?3) END WHERE sequence = ?4
      """, .text(StoreSchema.erasedType), .integer(Int64(row.payload)),
      row.metadata.map { .integer(Int64($0)) } ?? .null, .integer(Int64(sequence)))
  }
}

/// What a store's writer counts.
private struct StoreMetrics {
  private let appends = Counter(label: MetricName.appends)
  private let events = Counter(label: MetricName.appendedEvents)
  private let conflicts = Counter(label: MetricName.conflicts)
  private let requests = Recorder(label: MetricName.commitRequests, aggregate: true)

  /// A transaction was committed.
  func committed(_ batch: [StoreRequest], _ results: [Result<AppendResult?, EventStoreError>]) {
    var (appended, refused, count) = (0, 0, 0)
    for (request, result) in zip(batch, results) {
      guard case .append(_, _, let events) = request.kind else { continue }
      switch result {
      case .success:
        appended += 1
        count += events.count
      case .failure(.conflict): refused += 1
      case .failure: break
      }
    }
    if appended > 0 {
      appends.increment(by: appended)
      events.increment(by: count)
    }
    if refused > 0 { conflicts.increment(by: refused) }
    requests.record(batch.count)
  }
}
