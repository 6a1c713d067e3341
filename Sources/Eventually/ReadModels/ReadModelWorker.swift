public import Logging
public import ServiceLifecycle

/// A worker of one read model, with all that belongs to it: the live generation, the subscription, and the projector between them.
///
/// It follows when another generation becomes the live one, notes when a generation has applied what was in the store when the worker
/// began, applies first what an ended worker of the same read model was working on, forgets removed streams in the read model's
/// files, and saves savepoints where ``ReadModelWorkerOptions/savepoints`` says so.
public final class ReadModelWorker<Model: ReadModel, S: PartitionedSubscription>: Service, Sendable
where S.Event == Model.Event {
  /// Where events come from.
  public let subscription: S
  private let readModel: LiveReadModel<Model>
  private let projector: ReadModelProjector<S, LiveReadModel<Model>>
  private let forgetting: Forgetting
  private let savepoints: AutomaticSavepoints?
  private let crashed: CrashedPartitions<Model>
  private let feed: any EventLog
  private let logger: Logger

  /// Opens the live generation, and begins the first one where there is none.
  /// - Parameters:
  ///   - catalog: the read model's generations and savepoints.
  ///   - model: what is made of events.
  ///   - codec: encodes and decodes events.
  ///   - feed: the log of the store that the read model is of.
  ///   - options: who the worker is, and how it works.
  ///   - logger: told of what is tried again.
  ///   - subscription: makes the subscription; its leases are to be taken from what it is called with.
  /// - Throws: ``ReadModelError``, and what `subscription` throws.
  nonisolated(nonsending) public init(
    _ catalog: any ReadModelCatalog, model: Model, codec: any EventCodec<Model.Event>,
    feed: any EventLog, options: ReadModelWorkerOptions, logger: Logger,
    subscription: (any PartitionCheckpointStore) throws -> S
  ) async throws {
    let readModel = try await LiveReadModel.open(
      catalog, model: model, codec: codec, storeID: feed.storeID,
      partitionCount: feed.partitionCount, parkingLimit: options.parkingLimit)
    self.readModel = readModel
    self.feed = feed
    self.logger = logger
    self.subscription = try subscription(WatchedCheckpoints(readModel))
    projector = ReadModelProjector(
      self.subscription, into: readModel, retry: options.retry, parking: options.parking,
      absence: options.absence, heartbeats: options.heartbeats, name: catalog.name
    ) { error in
      logger.warning("not applied, and tried again", metadata: ["error": "\(error)"])
    } onParking: { failure in
      logger.error(
        "parked a stream: the command 'parked' shows its events, and tries them again",
        metadata: ["stream": "\(failure.streamID)", "reason": "\(failure.reason)"])
    }
    crashed = CrashedPartitions(
      readModel: readModel, log: feed, codec: codec, options: options, logger: logger)
    forgetting = Forgetting(catalog, model: model) { left in
      for remainder in left {
        logger.warning(
          "something of removed streams may be left, and is tried again",
          metadata: ["place": "\(remainder.location)", "reason": "\(remainder.reason)"])
      }
    } onFailure: { error in
      logger.warning("removed streams are not forgotten yet", metadata: ["error": "\(error)"])
    }
    savepoints = options.savepoints.map { policy in
      AutomaticSavepoints(catalog, model: model, policy: policy) { error in
        logger.warning("no savepoint could be saved", metadata: ["error": "\(error)"])
      }
    }
  }

  /// What the worker has applied since it began, and what keeps it from going on.
  public var projectorStatus: ReadModelProjectorStatus { projector.status }

  /// What a report tells of the batches; those that were applied are told once.
  package func takeFigures() -> ProjectorFigures { projector.takeFigures() }

  /// Where something of a removed stream may still be left, as last found.
  public var removals: [ForgettingOutcome.Remainder] { forgetting.left }

  /// The number of the generation that the worker works on.
  public var generation: Int { readModel.generation }

  /// Works until the task is cancelled, the process is shut down gracefully, or the subscription ends; then leaves the group.
  public func run() async throws {
    await cancelWhenGracefulShutdown { await self.work() }
  }

  private func work() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.forgetting.run() }
      if let savepoints { group.addTask { await savepoints.run() } }
      await crashed.recover()
      group.addTask { await self.followGenerations() }
      group.addTask { await self.completeBuilds() }
      await projector.run()
      group.cancelAll()
    }
    await subscription.stop()
  }

  /// Has new leases taken whenever another generation has become the live one, and where the database has lost what was applied:
  /// with new leases it is applied again, also where no event follows it.
  private func followGenerations() async {
    while !Task.isCancelled {
      do {
        var isRenewalDue = try await readModel.hasMoved()
        if !isRenewalDue { isRenewalDue = try await readModel.hasLostBatches() }
        if isRenewalDue { subscription.renewLeases() }
      } catch {
        logger.info(
          "it can't be told which generation is live", metadata: ["error": "\(error)"])
      }
      // A cancelled pause ends the loop by its condition. A link that changes in the file system gives no signal.
      try? await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Once all that was in the store when the worker opened a generation has been applied, that counts as built. Data that is gone, and that
  /// workers begin anew, is another one.
  private func completeBuilds() async {
    var opened: (term: Int, heads: [UInt64])?
    var isBuilt = false
    // The subscription may end just when everything has been applied: cancelled, it looks once more.
    var isLast = false
    while !isLast {
      isLast = Task.isCancelled
      do {
        let term = readModel.term
        if opened?.term != term {
          opened = (term, try await feed.heads())
          isBuilt = false
        }
        if let opened, !isBuilt {
          isBuilt = try await readModel.completeBuild(through: opened.heads, in: term)
          if isBuilt { logger.info("built", metadata: ["generation": "\(readModel.generation)"]) }
        }
      } catch {
        logger.info(
          "it can't be told yet whether the read model is built", metadata: ["error": "\(error)"])
      }
      // A cancelled pause ends at once.
      try? await Task.sleep(for: .milliseconds(200))
    }
  }
}
