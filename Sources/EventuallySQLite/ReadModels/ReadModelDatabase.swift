public import Eventually

/// A read model's rows, checkpoints and epochs in one SQLite file, shared by the read model's workers.
///
/// Every batch is one transaction: the rows it changes and the checkpoints it moves. A checkpoint moves only
/// where the epoch is still the lease's and the position is still what the batch follows, so a worker whose
/// partition has been taken over cannot write, however late it wakes up.
public actor ReadModelDatabase<Model: ReadModel>: ReadModelStore {
  /// The events that are applied.
  public typealias Event = Model.Event

  private let executor: BlockingExecutor
  let connection: SQLiteConnection
  let rows: Rows
  /// SQLite's number for what other connections have written, when the rows in memory were as in the database.
  private var rowsVersion: Int64?
  let model: Model
  let codec: any EventCodec<Model.Event>
  let parked: ParkedEvents
  private let removals: Removals
  private var timers = DatabaseTimers("sqlite")
  private let parkingLimit: Int
  /// How many rejected records were kept of each partition since the oldest ones were deleted.
  var keptSincePruning: [Partition: Int] = [:]
  /// Whether this is still the database that workers are to write to.
  private let isCurrent: @Sendable () -> Bool
  nonisolated let journal: CrashJournalFile
  /// Partitions whose events are applied one at a time, since a process ended while it worked on them.
  var recoveries: [Partition: PartitionRecovery] = [:]
  /// The database file.
  public nonisolated let path: String

  /// The read model's name.
  public nonisolated let name: String

  /// The thread that the database's calls block.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Opens a read model's database, and creates it where there is none.
  /// - Parameters:
  ///   - path: the database file.
  ///   - model: what is made of events.
  ///   - codec: encodes parked events, and decodes them when they are tried again.
  ///   - storeID: the store that events come from.
  ///   - partitionCount: how many partitions the store has.
  ///   - parkingLimit: at most this many streams are parked. Where more fail, it is not a few events that are at fault
  ///     but the code, and nothing more is applied until it is fixed.
  ///   - crashLimit: how often an event must have ended the process that worked on it before its stream is parked.
  ///   - isCurrent: asked in each transaction that applies events: where it says no, all leases are fenced.
  /// - Throws: `ReadModelError`.
  public init(
    path: String, model: Model, codec: any EventCodec<Model.Event>, storeID: String,
    partitionCount: Partition, parkingLimit: Int = 10_000,
    crashLimit: CrashLimit = CrashLimit(), isCurrent: @escaping @Sendable () -> Bool = { true }
  ) throws(ReadModelError) {
    let created: Timestamp
    do {
      connection = try SQLiteConnection(path: path, mode: .create, busyTimeout: 30_000)
      try ReadModelSchema.prepare(
        connection, tables: model.tables.map { $0.schema },
        identity: ReadModelSchema.Identity(
          name: model.name, schemaVersion: model.schemaVersion, storeID: storeID,
          partitionCount: partitionCount))
      created = try ReadModelSchema.build(connection).created
    } catch {
      throw Self.wrap(error, path: path)
    }
    do throws(CrashJournalError) {
      journal = try CrashJournalFile(
        database: path, created: created, partitionCount: partitionCount, limit: crashLimit)
    } catch {
      throw .failed(error)
    }
    self.path = path
    self.model = model
    name = model.name
    self.codec = codec
    self.parkingLimit = parkingLimit
    self.isCurrent = isCurrent
    parked = ParkedEvents(connection: connection)
    removals = Removals(connection: connection)
    rows = Rows(over: SQLiteRowStorage(connection: connection))
    executor = BlockingExecutor(label: "readmodel.\(model.name)")
  }

  /// Applies deliveries and moves their checkpoints, all in one transaction.
  ///
  /// Where leases have been fenced, nothing of their deliveries has been applied; all others have been
  /// applied whole.
  /// - Throws: `ReadModelError`, or `ProjectionFailures` where the read model's code fails on events that are not
  ///   to be parked. Nothing has been applied then.
  public func apply(
    _ deliveries: [Delivery<Model.Event>], parking: [ProjectionFailure]
  ) async throws -> ApplyOutcome {
    var application = BatchApplication(deliveries, parking: parking, recoveries: recoveries)
    defer { recoveries = application.recoveries }
    while let transaction = try application.next() {
      FaultPoint.readModelApplying.pass()
      let ending = try transact(transaction)
      if case .committed = ending { FaultPoint.readModelCommitted.pass() }
      application.ended(ending)
    }
    return application.outcome
  }

  private func transact(
    _ transaction: BatchApplication<Model.Event>.Transaction
  ) throws -> BatchApplication<Model.Event>.Ending {
    let deliveries = transaction.deliveries
    let start = ContinuousClock.now
    var failure: String?
    // What is rolled back because of an event, or of a lease, was no failure of the database.
    defer { timers.ended("apply", in: .now - start, error: failure) }
    do {
      var parkedCount = 0
      try writeRows(isolating: transaction.isIsolating) {
        guard isCurrent() else { throw Fenced(leases: deliveries.map(\.lease)) }
        let refused = try deliveries.filter { try !moveCheckpoint($0) }
        if !refused.isEmpty { throw Fenced(leases: refused.map(\.lease)) }
        var projection = BatchProjection(
          model, codec: codec, parkingLimit: parkingLimit,
          held: try held(deliveries.map(\.partition)), parking: transaction.parking,
          failing: transaction.isIsolating ? .isTakenBack : .stops)
        // What ends the process while it waits for the database, or commits, is no event's fault.
        for delivery in deliveries { journal.begin(delivery.partition, transaction.mark(delivery)) }
        defer { for delivery in deliveries { journal.end(delivery.partition) } }
        for delivery in deliveries {
          for entry in delivery.entries { try projection.take(entry, into: rows) }
        }
        if !projection.failures.isEmpty { throw ProjectionFailures(projection.failures) }
        for effect in projection.effects { try carryOut(effect) }
        try rows.save()
        parkedCount = projection.parkedCount
      }
      return .committed(parked: parkedCount)
    } catch let fenced as Fenced {
      return .fenced(fenced.leases)
    } catch let failures as ProjectionFailures {
      return .failed(failures)
    } catch {
      failure = SQLiteError.type(of: error)
      throw Self.wrap(error, path: path)
    }
  }

  private func held(_ partitions: [Partition]) throws -> BatchProjection<Model>.Held {
    var held = BatchProjection<Model>.Held()
    (held.parked, held.parkedCount) = try parked.streams(in: partitions)
    held.awaited = try removals.awaited()
    return held
  }

  private func carryOut(_ effect: BatchProjection<Model>.Effect) throws {
    switch effect {
    case .park(let failure): try parked.park(failure)
    case .keep(let record): try parked.add(record)
    case .forgetParked(let streamID): try parked.forget(streamID)
    case .removed(let removal): try removals.apply(removal)
    }
  }

  /// A transaction that reads and changes rows.
  ///
  /// Rows stay in memory from one transaction to the next while no other connection has written to the database.
  func writeRows(isolating: Bool = false, _ body: () throws -> Void) throws {
    do {
      try connection.write {
        let version = try connection.integer("PRAGMA data_version")
        if version != rowsVersion || rows.count > Self.rowLimit { rows.clear() }
        rowsVersion = version
        rows.isIsolating = isolating
        try body()
        try rows.save()
        FaultPoint.readModelApplied.pass()
      }
    } catch {
      rows.clear()
      throw error
    }
  }

  /// About as many rows as a few transactions touch: more take memory without being touched again.
  private static var rowLimit: Int { 8_000 }

  private struct Fenced: Error {
    var leases: [PartitionLease]
  }

  /// Projects an entry that was parked, in the caller's transaction.
  func project(_ entry: LogEntry<String, Model.Event>) throws {
    try BatchProjection.project(entry, model, into: rows)
    if let removal = BatchProjection<Model>.Effect.removal(entry) { try carryOut(removal) }
  }

  static func wrap(_ error: any Error, path: String) -> ReadModelError {
    .failed(path, error)
  }
}
