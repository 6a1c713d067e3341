import Logging

/// What an ended worker was working on, applied before this one joins its group.
///
/// The group would give the partitions out only after the ended worker's session; an event that ends the process each time would
/// take minutes to be parked.
struct CrashedPartitions<Model: ReadModel>: Sendable {
  let readModel: LiveReadModel<Model>
  let log: any EventLog
  let codec: any EventCodec<Model.Event>
  let options: ReadModelWorkerOptions
  let logger: Logger

  /// Applies the events in doubt one at a time, from the store. Where that fails, the worker comes to them later, by its group.
  func recover() async {
    do {
      let crashed = try await readModel.crashedPartitions()
      let heads = crashed.isEmpty ? [] : try await log.heads()
      var through = [UInt64](repeating: 0, count: Int(log.partitionCount))
      for (partition, offset) in crashed where Int(partition) < min(through.count, heads.count) {
        through[Int(partition)] = min(offset, heads[Int(partition)])
      }
      let partitions = crashed.keys.filter { Int($0) < through.count && through[Int($0)] > 0 }
      guard !partitions.isEmpty else { return }
      logger.warning(
        "a worker ended while it worked on events: they are applied one at a time",
        metadata: ["partitions": "\(partitions.sorted())"])
      await apply(partitions, through: through, codec)
    } catch {
      logger.warning(
        "the events that a worker ended on can't be applied yet", metadata: ["error": "\(error)"])
    }
  }

  private func apply<Codec: EventCodec<Model.Event>>(
    _ partitions: [Partition], through: [UInt64], _ codec: Codec
  ) async {
    let subscription = LogSubscription(
      log, codec: codec, checkpoints: readModel, partitions: partitions, through: through,
      owner: options.owner)
    let (failures, failed) = AsyncStream.makeStream(of: Void.self)
    let projector = ReadModelProjector(
      subscription, into: readModel, retry: options.retry, parking: options.parking,
      heartbeats: options.heartbeats, name: readModel.catalog.name
    ) { [logger] error in
      logger.warning("not applied, and tried again", metadata: ["error": "\(error)"])
      // The projection's own failures are tried again and parked; with any other one the group comes first.
      if !(error is ProjectionFailures) { failed.finish() }
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await projector.run() }
      group.addTask { for await _ in failures {} }
      await group.next()
      group.cancelAll()
    }
  }
}
