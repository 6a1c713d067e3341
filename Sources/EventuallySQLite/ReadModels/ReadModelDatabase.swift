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
  /// - Throws: ``ReadModelError``.
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
    journal = try CrashJournalFile(
      database: path, created: created, partitionCount: partitionCount, limit: crashLimit)
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
  /// - Throws: ``ReadModelError``, or `ProjectionFailures` where the read model's code fails on events that are not
  ///   to be parked. Nothing has been applied then.
  public func apply(
    _ deliveries: [Delivery<Model.Event>], parking: [ProjectionFailure]
  ) async throws -> ApplyOutcome {
    var outcome = ApplyOutcome()
    var left = try deliveries.compactMap {
      recoveries.isEmpty ? $0 : try applySingly($0, parking: parking, &outcome)
    }
    while !left.isEmpty {
      FaultPoint.readModelApplying.pass()
      let attempt = try tryApply(left, parking: parking)
      FaultPoint.readModelCommitted.pass()
      outcome.fenced += attempt.fenced
      outcome.parked += attempt.parked
      if attempt.fenced.isEmpty { break }
      left.removeAll { delivery in
        attempt.fenced.contains { $0.partition == delivery.partition }
      }
    }
    return outcome
  }

  /// One attempt: nothing is applied where any lease is refused.
  /// - Parameter mark: what is noted of a single delivery; where it is left out, how far each of them goes.
  func tryApply(
    _ deliveries: [Delivery<Model.Event>], parking: [ProjectionFailure], mark: CrashMark? = nil
  ) throws -> ApplyOutcome {
    do {
      return try transact(deliveries, parking: parking, mark: mark, isolating: false)
    } catch is ProjectionFailures {
      // Once more, to find all events that fail, each without what the ones before it have half done.
      return try transact(deliveries, parking: parking, mark: mark, isolating: true)
    }
  }

  private func transact(
    _ deliveries: [Delivery<Model.Event>], parking: [ProjectionFailure], mark: CrashMark?,
    isolating: Bool
  ) throws -> ApplyOutcome {
    do {
      var outcome = ApplyOutcome()
      try writeRows(isolating: isolating) {
        guard isCurrent() else { throw Fenced(leases: deliveries.map(\.lease)) }
        let refused = try deliveries.filter { try !moveCheckpoint($0) }
        if !refused.isEmpty { throw Fenced(leases: refused.map(\.lease)) }
        var application = try Application(
          parked: parked.streams(in: deliveries.map(\.partition)), parking: parking,
          awaited: removals.awaited())
        // What ends the process while it waits for the database, or commits, is no event's fault.
        for delivery in deliveries { journal.begin(delivery.partition, mark ?? delivery.mark) }
        defer { for delivery in deliveries { journal.end(delivery.partition) } }
        for delivery in deliveries {
          for entry in delivery.entries { try take(entry, isolating: isolating, &application) }
        }
        if !application.failures.isEmpty { throw ProjectionFailures(application.failures) }
        try rows.save()
        outcome.parked = application.parkedCount
      }
      return outcome
    } catch let fenced as Fenced {
      return ApplyOutcome(fenced: fenced.leases)
    } catch let failures as ProjectionFailures {
      throw failures
    } catch {
      throw Self.wrap(error, path: path)
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

  /// What is known while a transaction's entries are taken in.
  private struct Application {
    /// The streams that are parked.
    var parked: Set<ByteKey>
    /// The events whose streams are to be parked.
    var parking: [EventPosition: ProjectionFailure] = [:]
    var failures: [ProjectionFailure] = []
    var parkedCount = 0
    /// The streams that are forgotten already, and where their removals are.
    var awaited: [ByteKey: UInt64]

    init(parked: Set<ByteKey>, parking: [ProjectionFailure], awaited: [ByteKey: UInt64]) {
      self.parked = parked
      self.awaited = awaited
      for failure in parking { self.parking[failure.position] = failure }
    }
  }

  private func take(
    _ entry: LogEntry<String, Model.Event>, isolating: Bool, _ application: inout Application
  ) throws {
    if !application.awaited.isEmpty, let streamID = entry.streamID,
      entry.position.partitionOffset < application.awaited[ByteKey(streamID)] ?? 0
    {
      return
    }
    if !application.parked.isEmpty || !application.parking.isEmpty,
      try park(entry, &application)
    {
      return
    }
    if isolating { rows.beginEntry() }
    do {
      try project(entry)
    } catch let error as SQLiteError {
      throw error
    } catch is UnreadableEventError where entry.isUnreadable {
      // Found by failing, since to ask each entry takes longer than to apply many. It has changed no row.
      _ = try park(entry, &application)
    } catch {
      let failure = ProjectionFailure(
        position: entry.position, streamID: entry.streamID ?? "", reason: "\(error)")
      guard isolating else { throw ProjectionFailures([failure]) }
      rows.revertEntry()
      application.failures.append(failure)
      // The stream's later events would fail for the want of this one.
      if let streamID = entry.streamID { application.parked.insert(ByteKey(streamID)) }
    }
  }

  func project(_ entry: LogEntry<String, Model.Event>) throws {
    if FaultPlan.current != nil, let streamID = entry.streamID,
      FaultPoint.readModelProject.fails(for: streamID)
    {
      throw InjectedFailure()
    }
    try model.take(entry, into: rows)
    if case .removed(let streamID, _, let position) = entry {
      try removals.apply(
        Removals.Removal(
          streamID: streamID, partition: position.partition, position: position.partitionOffset))
    }
  }

  /// Parks an entry where its stream is parked, or to be parked from here on, as it is from an unreadable event on.
  private func park(
    _ entry: LogEntry<String, Model.Event>, _ application: inout Application
  ) throws -> Bool {
    guard let streamID = entry.streamID else { return false }
    let stream = ByteKey(streamID)
    let isKnown = application.parked.contains(stream)
    if let failure = application.parking[entry.position] ?? (isKnown ? nil : entry.failure) {
      guard try parked.count() < parkingLimit else {
        throw ReadModelError.tooManyParked(limit: parkingLimit, reason: failure.reason)
      }
      try parked.park(failure)
      application.parked.insert(stream)
    }
    guard application.parked.contains(stream) else { return false }
    if case .removed = entry, application.parking[entry.position] == nil,
      !application.failures.contains(where: { $0.streamID.hasSameBytes(as: streamID) })
    {
      // What was parked is forgotten with the stream, and nothing stands in the way of a new beginning.
      try parked.forget(streamID)
      application.parked.remove(stream)
      return false
    }
    try parked.add(entry, codec: codec)
    application.parkedCount += 1
    return true
  }

  static func wrap(_ error: any Error, path: String) -> ReadModelError {
    .failed(path, error)
  }
}

/// What a fault plan makes a projection throw.
struct InjectedFailure: Error, CustomStringConvertible {
  var description: String { "made to fail by \(FaultPlan.variable)" }
}
