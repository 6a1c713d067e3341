/// Batches of a partition that were applied one after the other: when events were applied, and by whom.
package struct AppliedRun: Sendable, Hashable {
  /// The partition.
  package var partition: Partition
  /// The lease that they were applied under; 0 for events that an administrator retried, see ``init(retryOf:at:by:)``.
  package var epoch: UInt64
  /// The partition offsets of the events.
  package var positions: ClosedRange<UInt64>
  /// When the first and when the last of the batches were committed, by the worker's clock. The same for a single batch.
  package var times: ClosedRange<Timestamp>
  /// The worker; empty until it reports.
  package var worker = ""

  /// A run from its parts.
  package init(
    partition: Partition, epoch: UInt64, positions: ClosedRange<UInt64>,
    times: ClosedRange<Timestamp>, worker: String = ""
  ) {
    self.partition = partition
    self.epoch = epoch
    self.positions = positions
    self.times = times
    self.worker = worker
  }
}

extension AppliedRun {
  /// An event that was parked, and is applied by a retry. The batch that it came in tells of it too, and is not when it was applied.
  package init(retryOf position: EventPosition, at time: Timestamp, by name: String) {
    let offset = position.partitionOffset
    self.init(
      partition: position.partition, epoch: 0, positions: offset...offset, times: time...time,
      worker: name)
  }

  /// Whether it is of a retry and not of a batch.
  package var isRetry: Bool { epoch == 0 }

  /// A run as a row of a database says; `nil` where the position is not in it, or it can't be one.
  package init?(
    containing position: EventPosition, _ positions: (UInt64, UInt64), _ times: (Int64, Int64),
    epoch: UInt64, worker: String
  ) {
    guard positions.0 <= position.partitionOffset, position.partitionOffset <= positions.1,
      let begin = Timestamp(exactly: times.0), let end = Timestamp(exactly: times.1), begin <= end
    else { return nil }
    self.init(
      partition: position.partition, epoch: epoch, positions: positions.0...positions.1,
      times: begin...end, worker: worker)
  }
}

/// The batches that were applied since they were asked for last: of each partition a few runs, however many batches there were.
package struct AppliedRuns: Sendable {
  /// At most so many runs are kept of a partition.
  package static let limit = 16

  private var runs: [Partition: [AppliedRun]] = [:]

  /// None.
  package init() {}

  /// Notes a batch.
  package mutating func add(_ run: AppliedRun) {
    runs[run.partition, default: []].append(run)
    if let count = runs[run.partition]?.count, count > Self.limit { shorten(run.partition) }
  }

  /// Joins neighbours, two and two; where they are no neighbours, the older half goes.
  private mutating func shorten(_ partition: Partition) {
    guard let all = runs[partition] else { return }
    var joined: [AppliedRun] = []
    var isOdd = false
    for run in all {
      isOdd.toggle()
      if !isOdd, let last = joined.last, last.epoch == run.epoch,
        run.positions.lowerBound > 0, last.positions.upperBound == run.positions.lowerBound - 1
      {
        joined[joined.count - 1].positions = last.positions.lowerBound...run.positions.upperBound
        joined[joined.count - 1].times =
          last.times.lowerBound...max(last.times.upperBound, run.times.upperBound)
      } else {
        joined.append(run)
      }
    }
    if joined.count > Self.limit { joined.removeFirst(joined.count - Self.limit / 2) }
    runs[partition] = joined
  }

  /// What was noted, in the order of partitions and positions; it is forgotten here.
  package mutating func take() -> [AppliedRun] {
    defer { runs.removeAll(keepingCapacity: true) }
    return runs.sorted { $0.key < $1.key }.flatMap(\.value)
  }
}
