import Eventually

/// Puts entries together into deliveries, one for each partition.
struct Batch<Event: Sendable> {
  private var deliveries: [Delivery<Event>] = []
  /// Where each partition's delivery is.
  private var indexes: [Partition: Int] = [:]
  private(set) var count = 0

  /// Adds an entry that a partition's progress has just let through.
  mutating func add(_ entry: LogEntry<String, Event>, _ progress: PartitionProgress) {
    let partition = progress.lease.partition
    count += 1
    if let index = indexes[partition] {
      // In place: a copy of the delivery would copy its entries.
      deliveries[index].entries.append(entry)
      deliveries[index].nextOffset = progress.knownOffset
      return
    }
    let before = progress.expected - 2
    indexes[partition] = deliveries.count
    deliveries.append(
      Delivery(
        partition: partition, epoch: progress.lease.epoch,
        after: before == 0 && progress.lease.position == nil ? nil : before, entries: [entry],
        nextOffset: progress.knownOffset))
  }

  /// Drops what is there of a partition.
  mutating func drop(_ partition: Partition) {
    guard let index = indexes.removeValue(forKey: partition) else { return }
    count -= deliveries[index].entries.count
    deliveries[index].entries = []
  }

  /// Everything, where there is anything.
  mutating func take() -> [Delivery<Event>]? {
    guard count > 0 else { return nil }
    defer {
      deliveries.removeAll(keepingCapacity: true)
      indexes.removeAll(keepingCapacity: true)
      count = 0
    }
    return deliveries.filter { !$0.entries.isEmpty }
  }
}
