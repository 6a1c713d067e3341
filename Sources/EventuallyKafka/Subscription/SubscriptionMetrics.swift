import CoreMetrics
import Eventually

/// What a subscription counts.
struct SubscriptionMetrics: Sendable {
  private let messages: Counter
  private let rebalances: Counter
  private let fencings: Counter
  private let duplicates: Counter
  private let gaps: Counter
  private let rejectedRecords: Counter
  private let forgeries: Counter

  init(_ endpoint: MessagingEndpoint) {
    messages = Counter(
      label: MetricName.consumedMessages, dimensions: endpoint.dimensions(SpanName.poll))
    let dimensions = [("messaging_consumer_group_name", endpoint.consumerGroup ?? "")]
    rebalances = Counter(label: MetricName.rebalances, dimensions: dimensions)
    fencings = Counter(label: MetricName.fencings, dimensions: dimensions)
    duplicates = Counter(label: MetricName.duplicates, dimensions: dimensions)
    gaps = Counter(label: MetricName.gapsRepaired, dimensions: dimensions)
    forgeries = Counter(label: MetricName.forgedEvents, dimensions: dimensions)
    rejectedRecords = Counter(label: MetricName.rejectedRecords, dimensions: dimensions)
  }

  /// The records of one poll.
  func consumed(_ count: Int) { messages.increment(by: count) }
  func assignmentChanged() { rebalances.increment() }
  func leaseFenced() { fencings.increment() }
  func duplicateDropped() { duplicates.increment() }
  func gapRepaired() { gaps.increment() }
  func forgeryFound() { forgeries.increment() }
  func rejectedRecordKept() { rejectedRecords.increment() }
}
