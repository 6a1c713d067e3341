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
    var live: LiveGeneration<Model.Event>
    /// Rises each time that another generation is opened.
    var term: Int
  }

  /// Where a lease was taken.
  private struct LeaseOrigin {
    var term: Int
    var epoch: UInt64
  }

  /// Opening another generation waits for locks of files: on a thread of its own.
  private let executor = BlockingExecutor(label: "readmodel.live")
  /// The read model's generations.
  package nonisolated let catalog: any ReadModelCatalog
  private let model: Model
  private let codec: any EventCodec<Model.Event>
  private let storeID: String
  private let partitionCount: Partition
  private let parkingLimit: Int
  private nonisolated let opened = Locked<Opened?>(nil)
  /// Where each partition's newest lease was taken.
  private var origins: [Partition: LeaseOrigin] = [:]

  /// The thread that opening another generation blocks.
  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Opens the live generation; the first one is begun where there is none. While another process begins or switches generations, that
  /// takes as long as it does.
  /// - Throws: ``ReadModelError``.
  package static func open(
    _ catalog: any ReadModelCatalog, model: Model, codec: any EventCodec<Model.Event>,
    storeID: String, partitionCount: Partition, parkingLimit: Int = 10_000
  ) async throws(ReadModelError) -> LiveReadModel {
    let live = LiveReadModel(
      catalog, model: model, codec: codec, storeID: storeID, partitionCount: partitionCount,
      parkingLimit: parkingLimit)
    _ = try await live.follow()
    return live
  }

  private init(
    _ catalog: any ReadModelCatalog, model: Model, codec: any EventCodec<Model.Event>,
    storeID: String, partitionCount: Partition, parkingLimit: Int
  ) {
    self.catalog = catalog
    self.model = model
    self.codec = codec
    self.storeID = storeID
    self.partitionCount = partitionCount
    self.parkingLimit = parkingLimit
  }

  /// The generation that leases are taken in, until the next ones are taken.
  package nonisolated var generation: Int { opened.withLock { $0?.live.number ?? 0 } }

  /// Rises each time that leases are taken in other data than before: in another generation, or in what was begun in place of one that
  /// is gone.
  package nonisolated var term: Int { opened.withLock { $0?.term ?? 0 } }

  /// Whether another generation is live than the one that leases were taken in last.
  package func hasMoved() async throws(ReadModelError) -> Bool {
    let identity = opened.withLock { $0?.live.identity }
    return try await catalog.liveIdentity() != identity
  }

  /// What is live now, opened where it is another one than before.
  private func follow() async throws(ReadModelError) -> Opened {
    if let opened = opened.withLock({ $0 }), try await !hasMoved() { return opened }
    let live = try await catalog.openLive(
      model, codec: codec, storeID: storeID, partitionCount: partitionCount,
      parkingLimit: parkingLimit)
    return opened.withLock { opened in
      let next = Opened(live: live, term: (opened?.term ?? 0) + 1)
      opened = next
      return next
    }
  }

  /// What leases were taken in last.
  private func last() throws(ReadModelError) -> Opened {
    guard let opened = opened.withLock({ $0 }) else {
      throw .notBuilt(location: catalog.location)
    }
    return opened
  }

  /// Takes partitions for a worker, in the generation that is live now.
  package func claim(_ partitions: [Partition], owner: String) async throws -> [PartitionLease] {
    var opened = try await follow()
    var leases = try await opened.live.store.claim(partitions, owner: owner)
    // Whoever has made another one live meanwhile could not fence them.
    while try await hasMoved() {
      opened = try await follow()
      leases = try await opened.live.store.claim(partitions, owner: owner)
    }
    for lease in leases {
      origins[lease.partition] = LeaseOrigin(term: opened.term, epoch: lease.epoch)
    }
    return leases
  }

  /// Applies deliveries and moves their checkpoints, all in one transaction; refuses what was read under leases of
  /// another generation.
  package func apply(
    _ deliveries: [Delivery<Model.Event>], parking: [ProjectionFailure]
  ) async throws -> ApplyOutcome {
    let opened = try last()
    func isCurrent(_ delivery: Delivery<Model.Event>) -> Bool {
      guard let origin = origins[delivery.partition] else { return false }
      return origin.term == opened.term && origin.epoch == delivery.epoch
    }
    let current = deliveries.filter(isCurrent)
    let others = deliveries.filter { !isCurrent($0) }
    var outcome = ApplyOutcome()
    if !current.isEmpty {
      do {
        outcome = try await opened.live.store.apply(current, parking: parking)
      } catch {
        // One that is live no more may have been dropped by now.
        guard try await hasMoved() else { throw error }
        outcome.fenced = current.map(\.lease)
      }
    }
    outcome.fenced += others.map(\.lease)
    return outcome
  }

  /// Keeps records that are not of this store, or can't be read.
  package func keep(_ records: [RejectedRecord]) async throws {
    try await last().live.store.keep(records)
  }

  /// What is noted about events of the generation that leases were taken in last.
  package nonisolated var crashJournal: (any CrashJournal)? {
    opened.withLock { $0?.live.store }?.crashJournal
  }

  /// The events of unknown types that an administrator has decided to park.
  package func parkRequests(in partition: Partition) async throws -> Set<UInt64> {
    try await last().live.store.parkRequests(in: partition)
  }

  /// The partitions in which a process has ended while it worked on events, with the last partition offset in doubt.
  package func crashedPartitions() async throws -> [Partition: UInt64] {
    try await follow().live.store.crashedPartitions()
  }

  /// Notes for good that an event was applied at a place where the store has another one or none, in the generation that
  /// leases were taken in last.
  package func markForged(_ partition: Partition, at position: UInt64) async throws {
    try await last().live.store.markForged(partition, at: position)
  }

  /// Whether something is gone that was applied under the leases that were taken last.
  package func hasLostBatches() async throws -> Bool {
    try await last().live.store.hasLostBatches()
  }

  /// Notes that the generation counts as built, where every partition has been applied up to where the store was.
  /// - Parameters:
  ///   - heads: where the store was.
  ///   - term: the ``term`` that this is about; the last one, where it is left out.
  /// - Returns: whether it counts as built; `false` where another term has begun.
  package func completeBuild(through heads: [UInt64], in term: Int? = nil) async throws -> Bool {
    let opened = try last()
    guard term == nil || term == opened.term else { return false }
    return try await opened.live.store.completeBuild(through: heads)
  }
}
