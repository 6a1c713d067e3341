import CoreMetrics

/// What a store's writer counts.
package struct StoreMetrics {
  private let appends = Counter(label: MetricName.appends)
  private let events = Counter(label: MetricName.appendedEvents)
  private let conflicts = Counter(label: MetricName.conflicts)
  private let keys = KeyMetrics()
  private let requests = Recorder(label: MetricName.commitRequests, aggregate: true)

  package init() {}

  /// A transaction was committed.
  package func committed(
    _ batch: [StoreRequest], _ results: [Result<StoreOutcome, EventStoreError>]
  ) {
    var (appended, refused, count) = (0, 0, 0)
    for (request, result) in zip(batch, results) {
      guard case .append(_, _, let events, _) = request.kind else { continue }
      switch result {
      case .success(.added):
        appended += 1
        count += events.count
      case .failure(.conflict): refused += 1
      case .success(.repeated): keys.repeated()
      case .failure(.keyReused): keys.reused()
      case .success, .failure: break
      }
    }
    if appended > 0 {
      appends.increment(by: appended)
      events.increment(by: count)
    }
    if refused > 0 { conflicts.increment(by: refused) }
    requests.record(batch.count)
  }
}

/// What is counted of requests whose idempotency key came before.
package struct KeyMetrics {
  private let repetitions = Counter(label: MetricName.repeatedRequests)
  private let reuses = Counter(label: MetricName.reusedKeys)

  package init() {}

  package func repeated() { repetitions.increment() }
  package func reused() { reuses.increment() }
}
