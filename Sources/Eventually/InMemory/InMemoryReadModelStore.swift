/// A read model in memory, with its checkpoints: for tests, and for read models that are built anew with each process.
///
/// It keeps the same promises as one in a database, as long as the process lives: deliveries are applied whole or not at all,
/// and a lease that was fenced applies nothing.
public actor InMemoryReadModelStore<Model: ReadModel>: ReadModelStore {
  /// The events that are applied.
  public typealias Event = Model.Event

  private struct Checkpoint {
    var epoch: UInt64 = 0
    var position: UInt64?
    var nextOffset: Int64?
  }

  private let model: Model
  private let rows = Rows()
  private var checkpoints: [Partition: Checkpoint] = [:]
  /// Streams that are parked, with the parked events of each.
  private var parked: [ByteKey: [LogEntry<String, Model.Event>]] = [:]
  /// The newest records that were not applied.
  private(set) public var rejected: [RejectedRecord] = []
  private static var rejectedLimit: Int { 10_000 }

  /// A read model without rows.
  public init(_ model: Model) {
    self.model = model
    // Every change is noted until it is known that all of them stand.
    rows.isIsolating = true
  }

  /// Reads rows.
  public func read<Result: Sendable>(_ body: @Sendable (Rows) throws -> Result) rethrows -> Result {
    try body(rows)
  }

  /// The position that was applied last of each partition; `nil` for never.
  public func position(of partition: Partition) -> UInt64? { checkpoints[partition]?.position }

  /// The streams that are parked, in the order of their bytes.
  public var parkedStreams: [String] { parked.keys.sorted().map(\.text) }

  /// Takes partitions for a worker.
  public func claim(_ partitions: [Partition], owner: String) -> [PartitionLease] {
    partitions.map { partition in
      var checkpoint = checkpoints[partition] ?? Checkpoint()
      checkpoint.epoch += 1
      checkpoints[partition] = checkpoint
      return PartitionLease(
        partition: partition, epoch: checkpoint.epoch, position: checkpoint.position,
        offsetHint: checkpoint.nextOffset)
    }
  }

  /// Applies deliveries and moves their checkpoints, all or none; those of leases that were fenced are left out.
  public func apply(
    _ deliveries: [Delivery<Model.Event>], parking: [ProjectionFailure]
  ) throws -> ApplyOutcome {
    var outcome = ApplyOutcome()
    var current: [Delivery<Model.Event>] = []
    for delivery in deliveries {
      let checkpoint = checkpoints[delivery.partition]
      if checkpoint?.epoch == delivery.epoch, checkpoint?.position == delivery.after {
        current.append(delivery)
      } else {
        outcome.fenced.append(
          PartitionLease(
            partition: delivery.partition, epoch: delivery.epoch, position: delivery.after,
            offsetHint: nil))
      }
    }
    let before = parked
    rows.beginEntry()
    do {
      for delivery in current {
        for entry in delivery.entries { try take(entry, parking, &outcome) }
      }
    } catch {
      rows.revertEntry()
      parked = before
      throw error
    }
    for delivery in current {
      for case .removed(let streamID, _, _) in delivery.entries {
        rejected.removeAll { $0.key.elementsEqual(streamID.utf8) }
      }
      checkpoints[delivery.partition]?.position = delivery.lastPosition
      checkpoints[delivery.partition]?.nextOffset = delivery.nextOffset
    }
    return outcome
  }

  private func take(
    _ entry: LogEntry<String, Model.Event>, _ parking: [ProjectionFailure],
    _ outcome: inout ApplyOutcome
  ) throws {
    if let streamID = entry.streamID.map({ ByteKey($0) }) {
      let isParkedHere =
        parking.contains { $0.position == entry.position } || entry.failure != nil
      if isParkedHere, parked[streamID] == nil { parked[streamID] = [] }
      if case .removed = entry, parked[streamID] != nil, !isParkedHere {
        parked[streamID] = nil
      } else if parked[streamID] != nil {
        parked[streamID]?.append(entry)
        outcome.parked += 1
        return
      }
    }
    do {
      try model.take(entry, into: rows)
    } catch {
      throw ProjectionFailures([
        ProjectionFailure(
          position: entry.position, streamID: entry.streamID ?? "", reason: "\(error)")
      ])
    }
  }

  /// Keeps records that are not applied, the newest ones.
  public func keep(_ records: [RejectedRecord]) {
    rejected += records
    if rejected.count > Self.rejectedLimit {
      rejected.removeFirst(rejected.count - Self.rejectedLimit)
    }
  }
}
