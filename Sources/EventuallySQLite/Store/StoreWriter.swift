import Eventually
import Foundation

/// The one writer of a store: carries requests out, many to a transaction.
actor StoreWriter {
  private let executor: BlockingExecutor
  let connection: SQLiteConnection
  let statements: AppendStatements
  /// The writer's role, until it is given back.
  private var lock: StoreLock?
  let partitioner: Partitioner
  private let queue: Locked<GroupCommit<StoreRequest>>
  private let clock: @Sendable () -> Timestamp
  let streamLimit: StreamLimit
  /// How long an idempotency key lives; `nil` for as long as its stream.
  let keyLifetime: Duration?
  var keySweep = KeySweep()
  var ids = EventIDGenerator()
  /// Where the store stands, as committed.
  private(set) var heads: Heads
  /// A transaction failed: where the store stands has to be read anew before the next.
  private var headsAreInDoubt = false
  private let heartbeat: Heartbeat
  private let metrics = StoreMetrics()
  private var timers = DatabaseTimers("sqlite")
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
    streamLimit: StreamLimit = StreamLimit(), keyLifetime: Duration? = nil, heartbeats: Heartbeats,
    clock: @escaping @Sendable () -> Timestamp
  ) throws(StoreOpenError) {
    lock = try StoreLock(storePath: path)
    do {
      connection = try SQLiteConnection(path: path, mode: .create)
      // What is removed is overwritten, not only unlinked; so are snapshots that others take the place of.
      try connection.execute("PRAGMA secure_delete = ON")
      identity = try StoreSchema.prepare(connection, partitionCount: partitionCount)
      if let destination = try StoreMove.destination(of: connection) {
        throw StoreOpenError.moved(at: path, to: destination)
      }
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
    self.keyLifetime = keyLifetime
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

  /// Hands a request over; its completion is called when it has been executed.
  nonisolated func submit(_ request: StoreRequest) {
    switch queue.withLock({ $0.submit(request, weight: request.weight) }) {
    case .startCommitting: executor.run { self.assumeIsolated { $0.commitWaiting() } }
    case .wait: break
    case .refuse: request.completion(.failure(.overloaded))
    }
  }

  /// Executes a request.
  nonisolated func perform(
    _ kind: StoreRequest.Kind
  ) async throws(EventStoreError) -> StoreOutcome {
    try await kind.carriedOut(by: submit)
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
    var results: [Result<StoreOutcome, EventStoreError>] = []
    let start = ContinuousClock.now
    do {
      var next = heads
      repeat {
        next = heads
      } while try !transact(batch, at: time, &results, heads: &next)
      let hasAppended = next.sequence > heads.sequence
      heads = next
      headsAreInDoubt = false
      failure.withLock { $0 = nil }
      timers.ended("append", in: .now - start)
      metrics.committed(batch, results)
      if hasAppended { FaultPoint.storeCommitted.pass() }
      if batch.contains(where: \.isRemoval) { FaultPoint.storeRemoved.pass() }
    } catch {
      timers.ended("append", in: .now - start, error: SQLiteError.type(of: error))
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
    _ results: inout [Result<StoreOutcome, EventStoreError>], heads next: inout Heads
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
          results.append(try execute(request.kind, time: time, heads: &next))
        }
        var isReadable = true
        for (request, result) in zip(batch, results) {
          guard case .append(_, _, let events, _) = request.kind, case .success(.added) = result
          else {
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
}
