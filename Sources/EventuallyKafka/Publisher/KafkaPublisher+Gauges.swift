import CoreMetrics
import Eventually

/// What a publisher reports while it runs.
extension KafkaPublisher {
  /// The backlog grows also while the broker is away, and nothing else tells of it.
  func report() async {
    while !Task.isCancelled {
      refreshGauges()
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(for: .seconds(1))
    }
  }

  func refreshGauges() {
    gauges.refresh {
      let status = self.status
      let head = source.head.position
      return PublisherGauges.Values(
        backlog: status.isCursorKnown && status.phase != .standby
          ? head - min(head, status.published) : nil,
        isBlocked: status.phase == .blocked, isStandby: status.phase == .standby,
        epoch: status.epoch ?? 0)
    }
  }

  /// The partition offsets that hold partitions, 0 for those that are not held any more.
  func record(_ refused: [RefusedEvent], before: [RefusedEvent]) {
    var offsets: [Partition: UInt64] = [:]
    for event in before { offsets[event.position.partition] = 0 }
    for event in refused { offsets[event.position.partition] = event.position.partitionOffset }
    for (partition, offset) in offsets {
      Gauge(label: MetricName.publishHeld, dimensions: [("partition", "\(partition)")])
        .record(offset)
    }
  }
}
