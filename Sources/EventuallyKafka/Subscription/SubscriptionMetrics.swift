import CoreMetrics
import Eventually

/// What a subscription counts.
struct SubscriptionMetrics: Sendable {
  private let rebalances: Counter
  private let fencings: Counter
  private let duplicates: Counter
  private let gaps: Counter
  private let rejectedRecords: Counter
  private let forgeries: Counter

  init(group: String) {
    let dimensions = [("group", group)]
    rebalances = Counter(label: MetricName.rebalances, dimensions: dimensions)
    fencings = Counter(label: MetricName.fencings, dimensions: dimensions)
    duplicates = Counter(label: MetricName.duplicates, dimensions: dimensions)
    gaps = Counter(label: MetricName.gapsRepaired, dimensions: dimensions)
    forgeries = Counter(label: MetricName.forgedEvents, dimensions: dimensions)
    rejectedRecords = Counter(label: MetricName.rejectedRecords, dimensions: dimensions)
  }

  func assignmentChanged() { rebalances.increment() }
  func leaseFenced() { fencings.increment() }
  func duplicateDropped() { duplicates.increment() }
  func gapRepaired() { gaps.increment() }
  func forgeryFound() { forgeries.increment() }
  func rejectedRecordKept() { rejectedRecords.increment() }
}
