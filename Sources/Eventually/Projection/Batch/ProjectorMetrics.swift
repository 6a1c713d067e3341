import CoreMetrics

/// What a worker counts.
struct ProjectorMetrics {
  private let events: Counter
  private let parked: Counter
  private let retries: Counter
  private let batch: Recorder
  private let seconds: Timer
  private let endToEnd: Timer

  init(readModel: String, _ endpoint: MessagingEndpoint) {
    let dimensions = [("read_model", readModel)]
    events = Counter(label: MetricName.appliedEvents, dimensions: dimensions)
    parked = Counter(label: MetricName.parkedEvents, dimensions: dimensions)
    retries = Counter(label: MetricName.retries, dimensions: dimensions)
    batch = Recorder(label: MetricName.applyEvents, dimensions: dimensions, aggregate: true)
    seconds = Timer(
      label: MetricName.processSeconds,
      dimensions: endpoint.dimensions(SpanName.process) + dimensions)
    endToEnd = Timer(label: MetricName.endToEndSeconds, dimensions: dimensions)
  }

  func applied<Event>(
    _ deliveries: [Delivery<Event>], _ outcome: ApplyOutcome, in duration: Duration
  ) {
    var count = 0
    let now = Timestamp.now().microseconds
    for delivery in deliveries
    where !outcome.fenced.contains(where: { $0.partition == delivery.partition }) {
      count += delivery.entries.count
      // The oldest and the newest of a delivery stand for those between.
      if case .event(let first)? = delivery.entries.first {
        endToEnd.recordMicroseconds(max(0, now - first.time.microseconds))
      }
      if delivery.entries.count > 1, case .event(let last)? = delivery.entries.last {
        endToEnd.recordMicroseconds(max(0, now - last.time.microseconds))
      }
    }
    events.increment(by: count - outcome.parked)
    if outcome.parked > 0 { parked.increment(by: outcome.parked) }
    batch.record(count)
    seconds.recordNanoseconds(duration.nanoseconds)
  }

  func retried() {
    retries.increment()
  }
}
