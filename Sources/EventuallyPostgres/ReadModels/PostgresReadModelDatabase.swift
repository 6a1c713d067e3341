public import Eventually
import Foundation

/// One generation of a read model: its rows, checkpoints and epochs in a schema of a PostgreSQL database, shared by the read model's workers on any
/// number of hosts.
///
/// Every batch is one transaction: the rows it changes and the checkpoints it moves. It locks the checkpoints of its
/// partitions, and goes on only where each one's epoch is still the lease's and its position is still what the batch
/// follows: a worker whose partition has been taken over cannot write, however late it wakes up. Rows that several
/// partitions share are read again and changed under a lock, which is held for one round trip and the commit.
///
/// A batch's commit is not waited for until it is on the server's disk: where the server is killed, the last batches may be taken
/// back, each with its checkpoint, and are applied again. Whoever changes rows beside the workers has to raise the epochs
/// of the partitions that those rows are of.
public actor PostgresReadModelDatabase<Model: ReadModel>: ReadModelStore {
  /// The events that are applied.
  public typealias Event = Model.Event

  let pool: PostgresPool
  let schema: ReadModelSchema
  let sql: ReadModelStatements
  /// Waits for whoever switches generations; `nil` where the generation was not live when it was opened, as that of a replay.
  private let waitForSwitch: PostgresStatement?
  /// Keeps what a replay tells of itself, its first parameter.
  let keepNote: PostgresStatement
  let model: Model
  let codec: any EventCodec<Model.Event>
  let parkingLimit: Int
  let partitionCount: Partition
  private nonisolated let journal: CrashJournalFile?
  /// The read model and its database, for messages.
  public nonisolated let location: String
  /// The read model's name.
  public nonisolated let name: String

  /// How many bytes of a row a key or an index may have.
  static var keyLimit: Int { 2_600 }

  /// One caller at a time changes what is below, across all that it waits for.
  let turn = Turn()
  let known = PrefetchedRows(limit: .init(bytes: keyLimit))
  let rows: Rows
  /// Whether nobody else had changed anything when shared rows were locked last. Then they are locked from a batch's beginning on,
  /// and need not be loaded again.
  var isAlone = false
  var recoveries: [Partition: PartitionRecovery] = [:]
  var inDoubt: BatchApplication<Model.Event>.InDoubt?
  /// Up to where partitions were applied by batches that a crash of the server may still take back.
  var unflushed: [Partition: UInt64] = [:]
  /// How many rejected records were kept of each partition since the oldest ones were deleted.
  var keptSincePruning: [Partition: Int] = [:]

  /// Called at moments of a transaction, in which a test lets something fail.
  var onMoment: (@Sendable (BatchMoment, PostgresConnection) async throws(PostgresError) -> Void)?

  func setMoment(
    _ body: (@Sendable (BatchMoment, PostgresConnection) async throws(PostgresError) -> Void)?
  ) { onMoment = body }

  /// Opens the generation that is live when it is opened; the first one is begun where there is none.
  /// - Parameters:
  ///   - url: the database, as libpq takes it: `postgres://…`.
  ///   - catalog: the schema of the tables that say which generations there are.
  ///   - model: what is made of events.
  ///   - codec: encodes parked events, and decodes them when they are tried again.
  ///   - storeID: the store that events come from.
  ///   - partitionCount: how many partitions the store has.
  ///   - parkingLimit: at most this many streams are parked. Where more fail, it is not a few events that are at fault
  ///     but the code, and nothing more is applied until it is fixed.
  ///   - journalFolder: where the process notes what it works on; `nil` for nowhere, then an event that ends processes
  ///     is never parked. The notes of other hosts are not seen.
  ///   - crashLimit: how often an event must have ended the process that worked on it before its stream is parked.
  /// - Throws: `ReadModelError`, also where what is live was built from another store.
  public init(
    url: String, catalog: String = "eventually_readmodels", model: Model,
    codec: any EventCodec<Model.Event>, storeID: String, partitionCount: Partition,
    parkingLimit: Int = 10_000, journalFolder: String? = nil, crashLimit: CrashLimit = CrashLimit()
  ) async throws(ReadModelError) {
    let database = try await PostgresReadModels(url, catalog: catalog)
    let catalog = PostgresReadModelCatalog(database, model: model, journals: journalFolder)
    do throws(ReadModelError) {
      let live = try await catalog.openLive(storeID: storeID, partitionCount: partitionCount)
      try self.init(
        live, of: catalog, model: model, codec: codec, parkingLimit: parkingLimit,
        crashLimit: crashLimit)
    } catch {
      await database.close()
      throw error
    }
    await database.close()
  }

  /// Opens a generation that the catalog has found.
  init(
    _ generation: PostgresGeneration, of catalog: PostgresReadModelCatalog, model: Model,
    codec: any EventCodec<Model.Event>, parkingLimit: Int = 10_000,
    crashLimit: CrashLimit = CrashLimit()
  ) throws(ReadModelError) {
    let location = catalog.location
    do {
      journal = try catalog.journals.map { folder in
        try CrashJournalFile(
          database: Self.journal(of: generation, in: folder), created: generation.created,
          partitionCount: generation.partitionCount, limit: crashLimit)
      }
    } catch {
      throw .failed(location, error)
    }
    // Each session tells that the generation is worked on, for as long as it lives.
    let use = PostgresStatement(
      "SELECT pg_advisory_lock_shared($1)", .int8(AdvisoryLock.use(ofSchema: generation.schema)))
    pool = PostgresPool(
      PostgresAddress(catalog.database.url).writing,
      options: .init(name: generation.schema, size: 3),
      greet: { connection throws(PostgresError) in
        _ = try await connection.run([use], "note that the generation is worked on")
      })
    waitForSwitch = generation.isLive ? catalog.waitForSwitch : nil
    keepNote = catalog.keepNote(of: generation)
    schema = ReadModelSchema(generation.schema, tables: catalog.tables)
    sql = ReadModelStatements(schema)
    self.model = model
    self.codec = codec
    self.parkingLimit = parkingLimit
    partitionCount = generation.partitionCount
    self.location = location
    name = model.name
    rows = Rows(over: known)
  }

  /// What the journal of a generation is named after. Databases have schemas of the same names, and users of this host can't write to
  /// each other's files.
  private static func journal(of generation: PostgresGeneration, in folder: String) -> String {
    let name = generation.schema.replacing("/", with: "_")
    return "\(folder)/\(name)-\(generation.created.microseconds)-\(geteuid())"
  }

  /// Closes the connections.
  public func close() async { await pool.close() }

  /// What is noted about decoding and applying this read model's events.
  public nonisolated var crashJournal: (any CrashJournal)? { journal }
  nonisolated var file: CrashJournalFile? { journal }

  /// Runs `body` when nobody else's runs, and tells what went wrong in this library's words.
  func exclusively<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    await turn.take()
    defer { turn.give() }
    do {
      return try await body()
    } catch {
      throw failure(error)
    }
  }

  /// What went wrong, in this library's words.
  nonisolated func failure(_ cause: any Error) -> any Error {
    switch cause {
    case is ProjectionFailures, is CancellationError: cause
    case let error as TooManyParked:
      ReadModelError.tooManyParked(limit: error.limit, reason: error.reason)
    case let error as PostgresError where error.kind == .cancelled: CancellationError()
    default: ReadModelError.failed(location, cause)
    }
  }

  // MARK: - Leases

  /// Takes partitions for a worker.
  /// - Throws: `ReadModelError`.
  public func claim(
    _ partitions: [Partition], owner: String
  ) async throws -> [PartitionLease] {
    try await exclusively {
      // What is known of rows is from before others may have had the partitions.
      known.clear()
      let found = Array(
        try await pool.run(
          (waitForSwitch.map { [$0] } ?? []) + [
            sql.durable, sql.claim(partitions, owner: owner), sql.forged(partitions),
          ], "claim"
        ).suffix(2))
      var forged: [Partition: UInt64] = [:]
      for row in 0..<found[1].count {
        forged[Partition(clamping: try found[1].integer(row, 0))] = try found[1].unsigned(row, 1)
      }
      let leases = try (0..<found[0].count).map { try lease(found[0], $0, forged) }
      for lease in leases {
        unflushed[lease.partition] = nil
        recoverWhereNeeded(lease)
      }
      let order = Dictionary(leases.map { ($0.partition, $0) }) { $1 }
      return partitions.compactMap { order[$0] }
    }
  }

  private func lease(
    _ rows: PostgresRows, _ row: Int, _ forged: [Partition: UInt64]
  ) throws -> PartitionLease {
    let partition = Partition(clamping: try rows.integer(row, 0))
    let epoch = try rows.integer(row, 1)
    let position = rows.isNull(row, 2) ? nil : try rows.integer(row, 2)
    // Beyond it, to add one would make it another kind of number.
    guard (1...Self.last).contains(epoch), (0...Self.last).contains(position ?? 0) else {
      throw ReadModelError.damaged(
        location: location,
        cause: PostgresReadModels.Problem(
          description: "the checkpoint of partition \(partition) is \(epoch), \(position ?? 0)"))
    }
    return PartitionLease(
      partition: partition, epoch: UInt64(epoch), position: position.map { UInt64($0) },
      offsetHint: rows.isNull(row, 3) ? nil : try rows.integer(row, 3),
      eventID: rows.isNull(row, 4) ? nil : try rows.uuid(row, 4),
      forgedPosition: forged[partition])
  }

  /// The last epoch and the last position that are taken for one.
  private static var last: Int64 { 1 << 48 }

  private func recoverWhereNeeded(_ lease: PartitionLease) {
    let position = lease.position ?? 0
    recoveries[lease.partition] = journal?.claim(lease.partition, after: position).map {
      PartitionRecovery(recovery: $0, epoch: lease.epoch, applied: position)
    }
  }
}

/// A moment of a batch's transaction.
enum BatchMoment: Hashable, Sendable, CaseIterable {
  case begun, locked, committing, committed
}

/// Lets one caller after the other go on, in the order in which they came. An actor's: it is used on that actor only.
final class Turn {
  private var isTaken = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func take(isolation: isolated (any Actor)? = #isolation) async {
    guard isTaken else {
      isTaken = true
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  func give() {
    if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
  }
}
