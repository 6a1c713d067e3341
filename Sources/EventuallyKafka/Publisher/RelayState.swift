import CoreMetrics
import Eventually

/// What the parts of a publisher share while the topic is what it was found to be: the plan, and what they tell of it.
final class RelayState: Sendable {
  /// How far publishing is.
  struct Progress: Sendable {
    /// The sequence number up to which everything is acknowledged.
    var published: UInt64
    /// How many records were acknowledged.
    var acknowledged: UInt64
    /// How many were in the topic already.
    var skipped: UInt64
    /// For how long the broker has acknowledged nothing of what waits for it; `nil` where nothing waits.
    var stall: Duration?
    /// The events that hold partitions.
    var refused: [RefusedEvent]
    /// Why nothing is handed over at the moment.
    var topicFailure: String?
  }

  fileprivate struct State {
    var plan: RelayPlan
    var acknowledgements: Acknowledgements
    /// When something was acknowledged last, or handed over while nothing waited for acknowledgement.
    var lastProgress = ContinuousClock.now
    var refused: [Partition: RefusedEvent] = [:]
    var topicFailure: String?
  }

  private let state: Locked<State>
  private let known: [RefusedEvent]
  private let progressed: @Sendable (Progress) -> Void
  private let dimensions: [(String, String)]
  private let sentMessages: Counter
  /// How often partitions left the flow.
  let departures = PositionSignal(at: 0)

  /// - Parameters:
  ///   - topic: where it publishes, for metrics.
  ///   - acknowledgements: those of earlier terms.
  ///   - known: events that held partitions before, as was noted.
  ///   - progressed: called with all progress.
  init(
    _ plan: RelayPlan, topic: String, acknowledgements: Acknowledgements? = nil,
    known: [RefusedEvent] = [],
    progressed: @escaping @Sendable (Progress) -> Void
  ) {
    let none = Acknowledgements(partitionCount: Partition(clamping: plan.partitions.count))
    state = Locked(State(plan: plan, acknowledgements: acknowledgements ?? none))
    dimensions = MessagingEndpoint.kafka(topic).dimensions(SpanName.send)
    sentMessages = Counter(label: MetricName.sentMessages, dimensions: dimensions)
    self.known = known
    self.progressed = progressed
  }

  /// How far it is.
  var progress: Progress { state.withLock { $0.progress } }

  /// How far each partition is, where some are further than others.
  var perPartition: PublishedProgress? {
    state.withLock { state in
      guard !state.plan.apart.isEmpty else { return nil }
      return PublishedProgress(
        through: state.plan.published, partitions: state.plan.ends,
        refused: state.refused.values.sorted { $0.position.partition < $1.position.partition })
    }
  }

  /// Asks the plan, or lets it decide.
  func plan<Result: Sendable>(_ body: (inout RelayPlan) -> Result) -> Result {
    state.withLock { body(&$0.plan) }
  }

  /// The same, with what that comes to.
  @discardableResult
  func advance<Result: Sendable>(_ body: (inout RelayPlan) -> Result) -> Result {
    let (result, progress, count) = state.withLock { state in
      let before = state.plan.acknowledgedCount
      let wasIdle = state.plan.isIdle
      let result = body(&state.plan)
      let count = state.plan.acknowledgedCount - before
      if count > 0 { state.topicFailure = nil }
      if count > 0 || wasIdle { state.lastProgress = .now }
      return (result, state.progress, count)
    }
    if count > 0 { sentMessages.increment(by: count) }
    progressed(progress)
    return result
  }

  /// Counts the records that the broker has refused, each time.
  func countRefusals(_ reports: [DeliveryReport]) {
    for report in reports {
      guard case .refused(let code) = report.outcome else { continue }
      Counter(
        label: MetricName.sentMessages,
        dimensions: dimensions + [("error_type", RefusalKind.name(code))]
      ).increment()
    }
  }

  /// What was acknowledged within the last hour.
  var acknowledgements: Acknowledgements { state.withLock { $0.acknowledgements } }

  /// Notes where the topic has what is acknowledged.
  func note(_ acknowledged: [(position: UInt64, report: DeliveryReport)], at time: Timestamp) {
    guard !acknowledged.isEmpty else { return }
    state.withLock { state in
      for (position, report) in acknowledged {
        state.acknowledgements.note(
          position, in: report.partition, offset: report.offset, at: time)
      }
    }
  }

  /// When an event's record was acknowledged.
  func acknowledgement(of position: UInt64, in partition: Partition) -> Acknowledgement? {
    state.withLock { $0.acknowledgements.find(position, in: partition, now: .now()) }
  }

  /// Tells how far it is, though that may be no further than before.
  func tell() { progressed(progress) }

  /// Nothing is handed over at the moment.
  func failTopic(_ reason: String) {
    state.withLock { $0.topicFailure = reason }
    tell()
  }

  /// A partition is held by an event.
  /// - Returns: whether it was not before.
  func hold(_ event: RefusedEvent) -> Bool {
    defer { tell() }
    return state.withLock { state in
      var event = event
      let before = state.refused[event.position.partition]
      let same = ((before.map { [$0] } ?? []) + known).first { $0.position == event.position }
      if let same { event.since = same.since }
      state.refused[event.position.partition] = event
      return before?.position != event.position
    }
  }

  /// A partition is not held, or by none of the events that it was.
  /// - Returns: the event that it was held by.
  func release(_ partition: Partition) -> RefusedEvent? {
    let event = state.withLock { $0.refused.removeValue(forKey: partition) }
    if event != nil { tell() }
    return event
  }
}

extension RelayState.State {
  fileprivate var progress: RelayState.Progress {
    RelayState.Progress(
      published: plan.published, acknowledged: plan.acknowledgedCount, skipped: plan.skippedCount,
      stall: plan.isIdle ? nil : .now - lastProgress,
      refused: refused.values.sorted { $0.position.partition < $1.position.partition },
      topicFailure: topicFailure)
  }
}
