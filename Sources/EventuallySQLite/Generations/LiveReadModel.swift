package import Eventually

/// A read model's live generation, as its workers see it: it follows when another generation becomes the live one.
///
/// A lease belongs to the generation that it was taken in. What was read under a lease of a generation that is not
/// live any more is refused as if the lease had been fenced, and the worker takes a new lease, which says where the
/// new generation is to go on.
package actor LiveReadModel<Model: ReadModel>: ReadModelStore {
  /// What is taken in.
  package typealias Event = Model.Event

  /// What is open at the moment.
  private struct Opened {
    var generation: Int
    var file: FileIdentity?
    /// Rises each time that another generation is opened.
    var term: Int
    var journal: (any CrashJournal)?
  }

  /// Where a lease was taken.
  private struct LeaseOrigin {
    var term: Int
    var epoch: UInt64
  }

  /// Opening another generation waits for locks of files: on a thread of its own.
  private let executor: BlockingExecutor
  /// The read model's files.
  package nonisolated let directory: ReadModelDirectory
  private let model: Model
  private let codec: any EventCodec<Model.Event>
  private let storeID: String
  private let partitionCount: Partition
  private let parkingLimit: Int
  private var database: ReadModelDatabase<Model>
  private nonisolated let opened: Locked<Opened>
  /// Where each partition's newest lease was taken.
  private var origins: [Partition: LeaseOrigin] = [:]

  /// The thread that opening another generation blocks.
  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// The live generation in `directory`, opened without blocking the caller's thread: while another process begins or switches
  /// generations, that takes as long as it does.
  /// - Throws: ``ReadModelError``.
  package static func open(
    _ directory: ReadModelDirectory, model: Model, codec: any EventCodec<Model.Event>,
    storeID: String, partitionCount: Partition, parkingLimit: Int = 10_000
  ) async throws(ReadModelError) -> LiveReadModel {
    let executor = BlockingExecutor(label: "readmodel.open")
    let result = await withCheckedContinuation { continuation in
      executor.run {
        continuation.resume(
          returning: Result { () throws(ReadModelError) in
            try LiveReadModel(
              directory, model: model, codec: codec, storeID: storeID,
              partitionCount: partitionCount, parkingLimit: parkingLimit)
          })
      }
    }
    return try result.get()
  }

  /// The live generation in `directory`; the first one is begun where there is none.
  ///
  /// It blocks the caller's thread while another process begins or switches generations; tasks use
  /// ``open(_:model:codec:storeID:partitionCount:parkingLimit:)``.
  /// - Throws: ``ReadModelError``.
  package init(
    _ directory: ReadModelDirectory, model: Model, codec: any EventCodec<Model.Event>,
    storeID: String, partitionCount: Partition, parkingLimit: Int = 10_000
  ) throws(ReadModelError) {
    executor = BlockingExecutor(label: "readmodel.live")
    self.directory = directory
    self.model = model
    self.codec = codec
    self.storeID = storeID
    self.partitionCount = partitionCount
    self.parkingLimit = parkingLimit
    let live = try directory.openLive(
      model, codec: codec, storeID: storeID, partitionCount: partitionCount,
      parkingLimit: parkingLimit)
    database = live.database
    opened = Locked(
      Opened(
        generation: live.generation, file: Self.file(directory, live.generation), term: 1,
        journal: live.database.crashJournal))
  }

  private static func file(_ directory: ReadModelDirectory, _ generation: Int) -> FileIdentity? {
    FileIdentity(path: directory.path(of: generation))
  }

  /// The generation that leases are taken in, until the next ones are taken.
  package nonisolated var generation: Int { opened.withLock { $0.generation } }

  /// Whether another generation is live than the one that leases were taken in last.
  package nonisolated var hasMoved: Bool {
    directory.liveFile != opened.withLock { $0.file }
  }

  private func follow() throws(ReadModelError) {
    guard hasMoved else { return }
    let live = try directory.openLive(
      model, codec: codec, storeID: storeID, partitionCount: partitionCount,
      parkingLimit: parkingLimit)
    database = live.database
    opened.withLock {
      $0 = Opened(
        generation: live.generation, file: Self.file(directory, live.generation),
        term: $0.term + 1, journal: live.database.crashJournal)
    }
  }

  /// Takes partitions for a worker, in the generation that is live now.
  package func claim(
    _ partitions: [Partition], owner: String
  ) async throws(ReadModelError) -> [PartitionLease] {
    try follow()
    let term = opened.withLock { $0.term }
    let leases = try await database.claim(partitions, owner: owner)
    for lease in leases {
      origins[lease.partition] = LeaseOrigin(term: term, epoch: lease.epoch)
    }
    return leases
  }

  /// Applies deliveries and moves their checkpoints, all in one transaction; refuses what was read under leases of
  /// another generation.
  package func apply(
    _ deliveries: [Delivery<Model.Event>], parking: [ProjectionFailure]
  ) async throws -> ApplyOutcome {
    let term = opened.withLock { $0.term }
    func isCurrent(_ delivery: Delivery<Model.Event>) -> Bool {
      guard let origin = origins[delivery.partition] else { return false }
      return origin.term == term && origin.epoch == delivery.epoch
    }
    let current = deliveries.filter(isCurrent)
    var outcome = ApplyOutcome()
    if !current.isEmpty { outcome = try await database.apply(current, parking: parking) }
    outcome.fenced += deliveries.filter { !isCurrent($0) }.map(\.lease)
    return outcome
  }

  /// Keeps records that are not of this store, or can't be read.
  package func keep(_ records: [RejectedRecord]) async throws {
    try await database.keep(records)
  }

  /// What is noted about events of the generation that leases were taken in last.
  package nonisolated var crashJournal: (any CrashJournal)? { opened.withLock { $0.journal } }

  /// The events of unknown types that an administrator has decided to park.
  package func parkRequests(in partition: Partition) async throws -> Set<UInt64> {
    try await database.parkRequests(in: partition)
  }

  /// The partitions in which a process has ended while it worked on events, with the last partition offset in doubt.
  package func crashedPartitions() async throws -> [Partition: UInt64] {
    try follow()
    return try await database.crashedPartitions()
  }

  /// Notes for good that an event was applied at a place where the store has another one or none, in the generation that
  /// leases were taken in last.
  package func markForged(_ partition: Partition, at position: UInt64) async throws {
    try await database.markForged(partition, at: position)
  }

  /// Notes that the generation counts as built, where every partition has been applied up to where the store was.
  /// - Returns: whether it counts as built.
  package func completeBuild(through heads: [UInt64]) async throws -> Bool {
    try await database.completeBuild(through: heads)
  }
}
