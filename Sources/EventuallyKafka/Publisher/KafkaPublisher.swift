import CoreMetrics
public import Eventually
public import Logging
public import ServiceLifecycle

/// The relay: publishes a store's committed events to a topic, in order, at least once.
///
/// Each partition gets its events in the order of their partition sequences. The store's own log is the
/// backlog: while the broker is away nothing is buffered beyond a window of records in flight. After a restart
/// it reads the end of each partition, back to what the saved cursor proves to be there, and goes on behind the part
/// without gaps, so that what the topic holds is not published again.
public final class KafkaPublisher<Source: Outbox>: Service {
  let configuration: KafkaConfiguration
  let source: Source
  let contentType: String
  let logger: Logger
  private let heartbeats: Heartbeats
  let onConflict: TopicConflictPolicy
  private let recordLimit: RecordLimit?
  private let recordRetry: RetryPolicy
  let rejectedRecords = Counter(label: MetricName.tailRejectedRecords)
  let gauges = PublisherGauges()
  let state = Locked(PublisherStatus())
  /// The log of the producer that publishes.
  private let producerLog = Locked<ClientLog?>(nil)
  /// What publishes, or did last.
  private let relay = Locked<RelayState?>(nil)
  /// The sequence number up to which everything has been acknowledged.
  public let published = PositionSignal(at: 0)

  /// A publisher of a store's events.
  /// - Parameters:
  ///   - configuration: which Kafka, and which topic.
  ///   - source: the store whose events are published.
  ///   - contentType: the media type of the encoded events.
  ///   - onConflict: what it does where it can't tell whether the topic's records are the store's.
  ///   - recordLimit: set to what the topic takes, where the brokers tell; `nil` where nobody wants to know.
  ///   - recordRetry: after which pauses a record is tried again that the broker refuses; the attempts do not count.
  ///   - heartbeats: told that the loops are alive.
  ///   - logger: gets what an operator may want to know.
  public init(
    _ configuration: KafkaConfiguration, source: Source, contentType: String,
    onConflict: TopicConflictPolicy = .wait, recordLimit: RecordLimit? = nil,
    recordRetry: RetryPolicy = RetryPolicy(
      firstPause: .seconds(1), longestPause: .seconds(60)),
    heartbeats: Heartbeats = Heartbeats(), logger: Logger
  ) {
    self.onConflict = onConflict
    self.recordLimit = recordLimit
    self.recordRetry = recordRetry
    self.configuration = configuration
    self.source = source
    self.contentType = contentType
    self.logger = logger
    self.heartbeats = heartbeats
  }

  /// When the record of an event was acknowledged, within the last hour and by this publisher; `nil` where it was not, or is not known.
  package func acknowledgement(
    of position: UInt64, in partition: Partition
  ) -> Acknowledgement? {
    relay.withLock { $0 }?.acknowledgement(of: position, in: partition)
  }

  /// What the publisher is doing.
  public var status: PublisherStatus { state.withLock { $0 } }

  /// Publishes until the task is cancelled or its service group shuts down gracefully; both end it without an error. After
  /// a failure it tries again; where the topic can't be published to, or it
  /// can't tell, it publishes nothing, says so in ``status``, and looks again, up to a minute later. No failure ends it.
  ///
  /// While it runs it reports the backlog, and whether the topic can't be published to, as gauges.
  public func run() async throws {
    defer {
      state.withLock { $0.phase = .stopped }
      gauges.end()
    }
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.report() }
        await self.publishUntilCancelled()
        group.cancelAll()
      }
    }
  }

  private func publishUntilCancelled() async {
    var failures = 0
    var generator = SystemRandomNumberGenerator()
    let retry = RetryPolicy(firstPause: .milliseconds(250), longestPause: .seconds(5))
    let lookAgain = RetryPolicy(firstPause: .seconds(1), longestPause: .seconds(60))
    while !Task.isCancelled {
      do {
        // Whoever looks again at a topic that it could not publish to is still blocked.
        state.withLock { if $0.phase != .blocked { $0.phase = .connecting } }
        try await publishOnce()
      } catch is CancellationError {
        return
      } catch is RelayFenced {
        // Told already; the next term has its own beginning.
        continue
      } catch let error as TopicError {
        let isNew = status.failure != error.description
        failures = isNew ? 1 : failures + 1
        if isNew { logger.error("nothing is published", metadata: ["reason": "\(error)"]) }
        state.withLock {
          $0.phase = .blocked
          $0.failure = error.description
        }
        // A cancelled pause ends the loop by its condition.
        try? await Task.sleep(for: lookAgain.pause(afterFailures: failures, using: &generator))
      } catch {
        // Whoever got as far as publishing begins with a short pause again.
        failures = status.phase == .publishing ? 1 : failures + 1
        logger.warning("publishing failed and is tried again", metadata: ["error": "\(error)"])
        state.withLock {
          $0.phase = .waiting
          $0.failure = "\(error)"
        }
        // A cancelled pause ends the loop by its condition.
        try? await Task.sleep(for: retry.pause(afterFailures: failures, using: &generator))
      }
    }
  }

  /// From waiting for a term until that is over, or something fails that is not a record's own matter.
  private func publishOnce() async throws {
    let term = try await acquire()
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await self.publish(under: term) }
        group.addTask {
          await term.waitUntilLost()
          try term.check()
        }
        defer { group.cancelAll() }
        // The first of them to fail ends the other.
        while try await group.next() != nil {}
      }
      throw CancellationError()
    } catch {
      await end(term, error)
      throw error
    }
  }

  /// From looking at the topic until something fails that is not a record's own matter.
  private func publish(under term: RelayTerm) async throws {
    let preparation = PublisherPreparation(
      configuration, recordTimeout: term.length, heartbeats: heartbeats, logger: logger)
    let cursor = try await source.published()
    noteCursor(cursor)
    let (producer, tails) = try await prepare(preparation, cursor)
    FaultPoint.relayRecovering.pass()
    let alreadyPublished = status.alreadyPublished
    let acknowledged = status.acknowledged
    let noted = try await source.publishedProgress()
    try term.check()
    let relay = RelayState(
      RelayPlan(ends: tails.map(\.contiguous), cursor: cursor), topic: configuration.topic,
      acknowledgements: self.relay.withLock { $0?.acknowledgements }, known: noted?.refused ?? []
    ) {
      self.note($0, alreadyPublished: alreadyPublished, acknowledged: acknowledged)
    }
    self.relay.withLock { $0 = relay }
    state.withLock {
      $0.phase = .publishing
      $0.failure = nil
    }
    let stepping = SteppingRelay(
      configuration, source: source, term: term, batch: emptyBatch, state: relay,
      retry: recordRetry, logger: logger)
    let saving = RelayCursor(
      source, term: term, relay: relay, saved: cursor, savedProgress: noted
    ) { self.noteCursorFailure($0) }
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await self.flow(producer, tails, relay, term) }
        group.addTask { try await stepping.run(self.heartbeats.loop("relay.lots")) }
        group.addTask { try await saving.run(self.heartbeats.loop("relay.cursor")) }
        if let recordLimit {
          group.addTask {
            await TopicLimit.follow(
              self.configuration, setting: recordLimit, logger: self.logger)
          }
        }
        defer { group.cancelAll() }
        // The first of them to fail ends the others.
        while try await group.next() != nil {}
      }
    } catch {
      // What was acknowledged to the last.
      if term.isHeld { try await saving.save() }
      throw error
    }
  }

  private var emptyBatch: RecordBatch {
    RecordBatch(storeID: source.storeID, contentType: contentType, keys: configuration.keys)
  }

  /// Publishes with one producer after the other: each ends with the first record that the broker refuses.
  private func flow(
    _ first: ProducerClient, _ tails: [PartitionTail], _ relay: RelayState, _ term: RelayTerm
  ) async throws {
    var producer: ProducerClient? = first
    var tails = tails
    var topicFailures = 0
    var generator = SystemRandomNumberGenerator()
    while true {
      try Task.checkCancellation()
      let (position, batchSize, before) = relay.plan {
        ($0.readThrough, $0.batchSize, $0.acknowledgedCount)
      }
      let client =
        try producer
        ?? ProducerClient(
          configuration, batchSize: batchSize, recordTimeout: term.length, logger: logger)
      producer = nil
      producerLog.withLock { $0 = client.log }
      let life = Relay(
        client, source: source, term: term, batch: emptyBatch, tails: tails,
        topic: configuration.topic, isLossExpected: configuration.development != nil,
        state: relay, logger: logger)
      tails = []
      let end = try await life.run(after: position, heartbeats)
      let (isLeft, after) = relay.advance { plan -> (Bool, UInt64) in
        let count = plan.apart.count
        _ = plan.endFlow()
        return (plan.apart.count > count, plan.acknowledgedCount)
      }
      if isLeft { relay.departures.advance(to: relay.departures.position + 1) }
      if after > before { topicFailures = 0 }
      switch end {
      case .refused:
        logger.info("the broker refuses records; they are found one partition at a time")
      case .failed(let error): throw error
      case .topic(let code):
        topicFailures += 1
        relay.failTopic(
          "nothing may be written to the topic '\(configuration.topic)', which is tried again: "
            + RefusalKind.words(code))
        try await Task.sleep(
          for: recordRetry.pause(afterFailures: topicFailures, using: &generator))
      }
    }
  }

  private func note(
    _ progress: RelayState.Progress, alreadyPublished: UInt64, acknowledged: UInt64
  ) {
    let stall = progress.stall.flatMap { $0 > .seconds(5) ? $0.components.seconds : nil }
    let before = state.withLock { status in
      defer { status.refused = progress.refused }
      status.phase = progress.topicFailure == nil ? .publishing : .waiting
      status.published = progress.published
      status.acknowledged = acknowledged + progress.acknowledged
      status.alreadyPublished = alreadyPublished + progress.skipped
      status.failure =
        progress.topicFailure
        ?? stall.map { stall in
          let why = producerLog.withLock { $0?.connectionFailure }
          return "the brokers have acknowledged nothing for \(stall) s"
            + (why.map { ": \($0)" } ?? "")
        }
        ?? progress.refused.first?.description
      return status.refused
    }
    if before != progress.refused { record(progress.refused, before: before) }
    published.advance(to: progress.published)
    refreshGauges()
  }
}
