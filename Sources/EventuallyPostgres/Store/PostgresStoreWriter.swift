import Eventually

/// Carries a store's requests out, many to a transaction, over one connection. Other writers of the store do the same at the same
/// time.
///
/// A group goes to the server in one exchange: its appends, its other requests, and then a transaction that waits for the flush of
/// them all. Nothing is told before that, and nothing is sent again when it is unknown what came of it: whether a
/// request may be repeated, its caller knows.
actor PostgresStoreWriter {
  private let pool: PostgresPool
  private let reader: StoreReader
  private let options: Options
  private let partitioner: Partitioner
  private let queue: Locked<GroupCommit<StoreRequest>>
  private var ids = EventIDGenerator()
  private let heartbeat: Heartbeat
  private let metrics = StoreMetrics()
  private var isClosed = false
  private var sweep = KeySweep()
  /// Why the last group failed; `nil` where it did not.
  nonisolated let failure = Locked<String?>(nil)
  /// The last sequence number that is known to be durable, of all writers.
  nonisolated let head: PositionSignal
  /// Told when events were added, or a stream removed.
  private let committed: @Sendable (Committed) -> Void

  struct Options: Sendable {
    var transactionLimit: Int
    var queueLimit: Int
    var streamLimit: StreamLimit
    var keyLifetime: Duration?
    var clock: @Sendable () -> Timestamp
  }

  struct Committed: Sendable {
    var head: UInt64
    var hasRemovals: Bool
  }

  init(
    pool: PostgresPool, reader: StoreReader, partitionCount: Partition, head: UInt64,
    options: Options, heartbeats: Heartbeats,
    committed: @escaping @Sendable (Committed) -> Void
  ) {
    self.pool = pool
    self.reader = reader
    self.options = options
    self.committed = committed
    partitioner = Partitioner(count: partitionCount)
    queue = Locked(
      GroupCommit(limit: options.transactionLimit, capacity: options.queueLimit))
    heartbeat = heartbeats.loop("store.commit")
    self.head = PositionSignal(at: head)
  }

  /// Hands a request over; its completion is called when it has been carried out.
  nonisolated func submit(_ request: StoreRequest) {
    switch queue.withLock({ $0.submit(request, weight: Self.weight(of: request)) }) {
    case .startCommitting: Task { await self.commitWaiting() }
    case .wait: break
    case .refuse: request.completion(.failure(.overloaded))
    }
  }

  /// The append lock is held while a group is inserted: large events count as several, so that a group of 512 has about 4 MiB.
  private static func weight(of request: StoreRequest) -> Int {
    guard case .append(_, _, let events, _) = request.kind else { return request.weight }
    return max(request.weight, events.payloads.count >> 13)
  }

  /// Takes no requests any more, after what is being committed.
  func close() async {
    isClosed = true
    await pool.close()
  }

  private func commitWaiting() async {
    defer { heartbeat.idle() }
    while true {
      heartbeat.beat()
      await gather()
      let group = queue.withLock { $0.next() }
      if group.isEmpty { return }
      let results = await commit(group)
      metrics.committed(group, results)
      for (request, result) in zip(group, results) { request.completion(result) }
    }
  }

  /// Lets those who were answered just now come again before the next group is sent: it has twice as many requests then, where
  /// the same callers append again and again. Who comes alone waits for nobody.
  private func gather() async {
    var count = queue.withLock { $0.count }
    for _ in 0..<8 {
      await Task.yield()
      let before = count
      count = queue.withLock { $0.count }
      if count == before { return }
    }
  }

  private func commit(
    _ group: [StoreRequest]
  ) async -> [Result<StoreOutcome, EventStoreError>] {
    guard !isClosed else {
      let failure = EventStoreError.unavailable("the store \(reader.location) was closed")
      return group.map { _ in .failure(failure) }
    }
    var results = [Result<StoreOutcome, EventStoreError>?](repeating: nil, count: group.count)
    var requests: [(index: Int, kind: StoreRequest.Kind)] = []
    for (index, request) in group.enumerated() {
      // What is sent can't be taken back.
      if case .append(_, _, let events, _) = request.kind,
        let failure = await events.check?.outcome()
      {
        results[index] = .failure(.unreadable(failure))
      } else {
        requests.append((index, request.kind))
      }
    }
    var transactions = StoreTransaction.all(of: requests)
    let time = options.clock()
    while !transactions.isEmpty {
      transactions = await run(transactions, at: time, &results)
    }
    let missing = EventStoreError.unavailable("the store \(reader.location) was closed")
    return results.map { $0 ?? .failure(missing) }
  }

  /// One exchange.
  /// - Returns: what is to be begun anew, because the server has refused it for something that passes.
  private func run(
    _ transactions: [StoreTransaction], at time: Timestamp,
    _ results: inout [Result<StoreOutcome, EventStoreError>?]
  ) async -> [StoreTransaction] {
    let statements = transactions.map { [statement(of: $0.kind, at: time)] }
    let sweeping = options.keyLifetime.flatMap {
      sweep.statement(after: transactions, olderThan: $0, at: time)
    }
    var answers: [Result<[PostgresRows], PostgresError>]
    let changes = reader.server.changes
    do throws(PostgresError) {
      answers = try await pool.run(
        transactions: statements + (sweeping.map { [[$0]] } ?? []) + [[StoreReader.flushed]],
        "append")
    } catch {
      fail(transactions.flatMap(\.requests), error, &results)
      return []
    }
    let flush = answers.popLast() ?? .success([])
    if sweeping != nil { sweep.answered(answers.popLast()) }
    let newHead: UInt64
    do {
      newHead = try flush.get().first?.unsigned(0, 0) ?? 0
    } catch {
      // What was carried out may be lost by a crash; what was refused is refused.
      let unknown = EventStoreError.unavailable(
        "it is unknown what came of the append to \(reader.location): it may or may not have been carried out",
        cause: error)
      failure.withLock { $0 = unknown.description }
      for (transaction, answer) in zip(transactions, answers) {
        if case .failure(let error) = answer, !error.isInDoubt {
          fail(transaction.requests, error, &results)
        } else {
          for index in transaction.requests { results[index] = .failure(unknown) }
        }
      }
      return []
    }
    var again: [StoreTransaction] = []
    var event = Committed(head: newHead, hasRemovals: false)
    var hasChanged = false
    var hasFailed = false
    for (transaction, answer) in zip(transactions, answers) {
      do {
        let rows = try answer.get()
        let outcomes = try self.outcomes(of: transaction.kind, rows)
        for (index, outcome) in zip(transaction.requests, outcomes) {
          results[index] = outcome
          if case .success(.added) = outcome { hasChanged = true }
        }
        if case .remove = transaction.kind { event.hasRemovals = true }
      } catch let error as PostgresError where transaction.reaction(to: error) != .fail {
        var next = transaction
        next.repetitions += 1
        again += transaction.reaction(to: error) == .again ? [next] : next.halves
      } catch {
        hasFailed = true
        fail(transaction.requests, error, &results)
      }
    }
    if hasChanged { FaultPoint.storeCommitted.pass() }
    if event.hasRemovals { FaultPoint.storeRemoved.pass() }
    reader.noteDurable(newHead, changes)
    if changes == reader.server.changes { head.advance(to: newHead) }
    if !hasFailed { failure.withLock { $0 = nil } }
    if hasChanged { committed(event) }
    if !again.isEmpty {
      // Whoever was in the way is likely to come again, too.
      try? await Task.sleep(for: .milliseconds(Int.random(in: 0...10)))
    }
    return again
  }

  private func fail(
    _ requests: [Int], _ error: any Error,
    _ results: inout [Result<StoreOutcome, EventStoreError>?]
  ) {
    let location = reader.location
    let isDuplicate = (error as? PostgresError)?.state == .uniqueViolation
    let failure: EventStoreError =
      // Numbers are given under the lock: an event that has one already is none that was written by this code.
      isDuplicate
      ? .damaged(location, error) : .failed(location, .write, error)
    self.failure.withLock { $0 = failure.description }
    for index in requests { results[index] = .failure(failure) }
  }

  private func group(_ requests: [AppendGroup.Request]) -> AppendGroup {
    AppendGroup(
      requests: requests, partitioner: partitioner, streamLimit: options.streamLimit)
  }

  private func statement(of kind: StoreTransaction.Kind, at time: Timestamp) -> PostgresStatement {
    switch kind {
    case .appends(let requests):
      return group(requests).statement(at: time, keyLifetime: options.keyLifetime) {
        ids.next(at: time, count: $0)
      }
    case .remove(let streamID, let expecting):
      var expected = PostgresValue.null
      if case .exact(let version) = expecting { expected = .position(version) }
      return PostgresStatement(
        """
        SELECT outcome, version, sequence, partition_offset, partition
        FROM remove_stream($1, $2, $3, $4)
        """, .text(streamID), expected, .uuid(ids.next(at: time)), .timestamp(time))
    case .snapshot(let streamID, let snapshot):
      return PostgresStatement(
        "SELECT save_snapshot($1, $2, $3, $4, $5)", .text(streamID),
        .position(snapshot.version), .position(snapshot.sequenceNumber),
        .int4(Int32(clamping: snapshot.schemaVersion)),
        .bytes(SnapshotSeal.seal(snapshot, of: streamID)))
    case .published(let sequence, let more):
      return PostgresStatement(
        "SELECT mark_published(NULL, $1, $2::text::jsonb)", .position(sequence),
        more.map { .text($0) } ?? .null)
    case .erased: return PostgresStatement("SELECT mark_erased($1)", .timestamp(time))
    case .probe: return PostgresStatement("SELECT probe()")
    }
  }

  private func outcomes(
    of kind: StoreTransaction.Kind, _ rows: [PostgresRows]
  ) throws -> [Result<StoreOutcome, EventStoreError>] {
    guard let rows = rows.first else { return [] }
    switch kind {
    case .appends(let requests):
      return zip(requests, try group(requests).answers(rows)).map { request, answer in
        if let bytes = answer.bytes { reader.sizes.note(bytes, of: request.streamID) }
        return answer.result
      }
    case .remove(let streamID, let expecting):
      let outcome = try rows.text(0, 0)
      if outcome == "c" {
        var expected: Version = 0
        if case .exact(let version) = expecting { expected = version }
        let actual = try rows.unsigned(0, 1)
        return [
          .failure(
            .conflict(VersionConflict(streamID: streamID, expected: expected, actual: actual)))
        ]
      }
      reader.sizes.note(0, of: streamID)
      guard outcome == "a" else { return [.success(.unchanged(nil))] }
      return [
        .success(
          .added(
            EventPosition(
              partition: Partition(clamping: try rows.integer(0, 4)),
              partitionOffset: try rows.unsigned(0, 3), sequenceNumber: try rows.unsigned(0, 2),
              version: 0)))
      ]
    case .published:
      guard try rows.bool(0, 0) else {
        throw EventStoreError.unavailable(
          "another process publishes the store \(reader.location): nothing was noted")
      }
      return [.success(.unchanged(nil))]
    case .snapshot, .erased, .probe: return [.success(.unchanged(nil))]
    }
  }
}
