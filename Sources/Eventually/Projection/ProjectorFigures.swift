/// What a report tells of a worker's batches.
package struct ProjectorFigures: Sendable {
  /// How long transactions took.
  package private(set) var apply = DurationHistogram()
  /// How long it was from an event's append until it was applied; of each delivery the oldest and the newest event.
  package private(set) var endToEnd = DurationHistogram()
  /// What was applied.
  package var applied = AppliedRuns()

  /// Nothing was applied.
  package init() {}

  /// Notes a transaction.
  mutating func add<Event>(
    _ deliveries: [Delivery<Event>], _ outcome: ApplyOutcome, in duration: Duration,
    at now: Timestamp
  ) {
    apply.add(microseconds: Double(duration.nanoseconds) / 1_000)
    for delivery in deliveries
    where !outcome.fenced.contains(where: { $0.partition == delivery.partition }) {
      guard let first = delivery.entries.first, let last = delivery.entries.last,
        first.position.partitionOffset <= last.position.partitionOffset
      else { continue }
      applied.add(
        AppliedRun(
          partition: delivery.partition, epoch: delivery.epoch,
          positions: first.position.partitionOffset...last.position.partitionOffset,
          times: now...now))
      if case .event(let event) = first { addEndToEnd(event.time, now) }
      if delivery.entries.count > 1, case .event(let event) = last { addEndToEnd(event.time, now) }
    }
  }

  private mutating func addEndToEnd(_ appended: Timestamp, _ now: Timestamp) {
    endToEnd.add(microseconds: Double(now.microseconds) - Double(appended.microseconds))
  }
}
