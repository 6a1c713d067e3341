import Eventually

/// Puts entries together into deliveries, one for each partition.
struct Portion<Event: Sendable> {
  private var deliveries: [Partition: Delivery<Event>] = [:]
  private(set) var count = 0

  /// Adds an entry that a partition's progress has just let through.
  mutating func add(_ entry: LogEntry<String, Event>, _ progress: PartitionProgress) {
    let partition = progress.lease.partition
    count += 1
    // Appending in place: a copy of the delivery would copy its entries.
    if deliveries[partition] != nil {
      deliveries[partition]?.entries.append(entry)
      deliveries[partition]?.nextOffset = progress.knownOffset
      return
    }
    let before = progress.expected - 2
    deliveries[partition] = Delivery(
      partition: partition, epoch: progress.lease.epoch,
      after: before == 0 && progress.lease.position == nil ? nil : before, entries: [entry],
      nextOffset: progress.knownOffset)
  }

  /// Drops what is there of a partition.
  mutating func drop(_ partition: Partition) {
    count -= deliveries.removeValue(forKey: partition)?.entries.count ?? 0
  }

  /// Everything, where there is anything.
  mutating func take() -> [Delivery<Event>]? {
    guard count > 0 else { return nil }
    defer {
      deliveries.removeAll(keepingCapacity: true)
      count = 0
    }
    return Array(deliveries.values)
  }
}
