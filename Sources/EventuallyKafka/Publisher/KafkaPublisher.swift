import CoreMetrics
public import Eventually
public import Logging

/// The relay: publishes a store's committed events to a topic, in order, at least once.
///
/// Each partition gets its events in the order of their partition sequences. The store's own log is the
/// backlog: while the broker is away nothing is buffered beyond a window of records in flight. After a restart
/// it reads the end of each partition, back to what the saved cursor proves to be there, and goes on behind the part
/// without gaps, so that what the topic holds is not published again.
public final class KafkaPublisher<Source: Outbox>: Sendable {
  private let configuration: KafkaConfiguration
  private let source: Source
  private let contentType: String
  private let logger: Logger
  private let heartbeats: Heartbeats
  private let onConflict: TopicConflictPolicy
  private let rejectedRecords = Counter(label: MetricName.tailRejectedRecords)
  private let gauges = PublisherGauges()
  private let state = Locked(PublisherStatus())
  /// The sequence number up to which everything has been acknowledged.
  public let published = PositionSignal(at: 0)

  /// A publisher of a store's events.
  /// - Parameters:
  ///   - configuration: which Kafka, and which topic.
  ///   - source: the store whose events are published.
  ///   - contentType: the media type of the encoded events.
  ///   - onConflict: what it does where it can't tell whether the topic's records are the store's.
  ///   - heartbeats: hears that the loops are alive.
  ///   - logger: hears what people may want to know.
  public init(
    _ configuration: KafkaConfiguration, source: Source, contentType: String,
    onConflict: TopicConflictPolicy = .wait, heartbeats: Heartbeats = Heartbeats(), logger: Logger
  ) {
    self.onConflict = onConflict
    self.configuration = configuration
    self.source = source
    self.contentType = contentType
    self.logger = logger
    self.heartbeats = heartbeats
  }

  /// What the publisher is doing.
  public var status: PublisherStatus { state.withLock { $0 } }

  /// Publishes until the task is cancelled. After a failure it tries again; where the topic can't be published to, or it
  /// can't tell, it publishes nothing, says so in ``status``, and looks again, up to a minute later. No failure ends it.
  ///
  /// While it runs it reports the backlog, and whether the topic can't be published to, as gauges.
  public func run() async throws {
    defer {
      state.withLock { $0.phase = .stopped }
      gauges.end()
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.report() }
      await publishUntilCancelled()
      group.cancelAll()
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
        try await publish()
      } catch is CancellationError {
        return
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

  /// One life of a producer.
  private func publish() async throws {
    let preparation = PublisherPreparation(
      configuration, heartbeats: heartbeats, logger: logger)
    let cursor = try await source.published()
    state.withLock {
      $0.published = max($0.published, cursor)
      $0.isCursorKnown = true
    }
    let (producer, tails) = try await prepare(preparation, cursor)
    FaultPoint.relayRecovering.pass()
    let alreadyPublished = status.alreadyPublished
    let relay = Relay(
      producer, source: source, contentType: contentType, keys: configuration.keys, tails: tails,
      cursor: cursor, logger: logger,
      progressed: { self.note($0, alreadyPublished: alreadyPublished) })
    state.withLock {
      $0.phase = .publishing
      $0.failure = nil
      $0.published = cursor
    }
    published.advance(to: cursor)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await relay.publish(after: cursor, self.heartbeats.loop("relay.read"))
      }
      group.addTask {
        try await relay.acknowledge(self.heartbeats.loop("relay.acknowledge"))
      }
      group.addTask { try await self.saveCursor(relay) }
      // The first of them to fail ends the others.
      try await group.next()
      group.cancelAll()
    }
  }

  /// Connects, and finds out what the topic holds already.
  /// - Throws: ``TopicError`` where it can't be published to, or that can't be told.
  private func prepare(
    _ preparation: PublisherPreparation, _ cursor: UInt64
  ) async throws -> (ProducerClient, [PartitionTail]) {
    do {
      let proven = try await source.heads(at: cursor)
      let producer = try await preparation.connect(partitions: Partition(proven.count))
      let found = try await TopicTail(source: source, preparation: preparation)
        .read(behind: proven)
      note(found)
      if onConflict == .wait { try await check(found, cursor) }
      await preparation.end()
      return (producer, found.tails)
    } catch {
      await preparation.end()
      throw error
    }
  }

  /// Counts and reports what is not the store's in the topic's end.
  private func note(_ found: TopicTail<Source>.Outcome) {
    let count = UInt64(found.tails.reduce(0) { $0 + $1.notOurs })
    let before = state.withLock { status in
      defer { status.rejectedRecords = count }
      return status.rejectedRecords
    }
    // The same records are read again whenever the end is.
    guard count > before else { return }
    rejectedRecords.increment(by: count - before)
    logger.warning(
      "the end of the topic has records that are not this store's; they are passed over",
      metadata: [
        "records": "\(count)",
        "first reason": "\(found.reason ?? "they differ from the store's events")",
      ])
  }

  private func check(_ found: TopicTail<Source>.Outcome, _ cursor: UInt64) async throws {
    let topic = configuration.topic
    if let first = found.conflicts.min(by: { $0.key < $1.key }) {
      switch first.value {
      case .ahead(let through):
        throw TopicError.ahead(
          topic: topic, partition: first.key, found: through,
          store: try await source.heads()[Int(first.key)])
      case .diverged(let position):
        throw TopicError.diverged(topic: topic, partition: first.key, position: position)
      }
    }
    // A store that has published to the topic knows that it is the right one.
    if let other = found.otherStore, cursor == 0, found.tails.allSatisfy({ $0.last == 0 }) {
      throw TopicError.otherStore(topic: topic, found: other, expected: source.storeID)
    }
  }

  private func note(_ progress: Relay<Source>.Progress, alreadyPublished: UInt64) {
    let stall = progress.stall.flatMap { $0 > .seconds(5) ? $0.components.seconds : nil }
    state.withLock {
      $0.published = progress.published
      $0.acknowledged = progress.acknowledged
      $0.alreadyPublished = alreadyPublished + progress.skipped
      $0.failure = stall.map { "the brokers have acknowledged nothing for \($0) s" }
    }
    published.advance(to: progress.published)
    refreshGauges()
  }

  // MARK: - Gauges

  /// The backlog grows also while the broker is away, and nothing else tells of it.
  private func report() async {
    while !Task.isCancelled {
      refreshGauges()
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(for: .seconds(1))
    }
  }

  private func refreshGauges() {
    gauges.refresh {
      let status = self.status
      let head = source.head.position
      return (
        status.isCursorKnown ? head - min(head, status.published) : nil, status.phase == .blocked
      )
    }
  }

  /// Saves the cursor every second while it moves, and once more at the end. It may lag behind: where it
  /// does after a crash, the topic's end tells the rest.
  private func saveCursor(_ relay: Relay<Source>) async throws {
    var saved = try await source.published()
    let heartbeat = heartbeats.loop("relay.cursor")
    defer { heartbeat.ended() }
    while !Task.isCancelled {
      // A cancelled pause goes on to save for the last time.
      try? await Task.sleep(for: .seconds(1))
      heartbeat.beat()
      let published = relay.progress.published
      guard published > saved else { continue }
      do {
        try await source.markPublished(published)
        saved = published
        state.withLock { $0.cursorFailure = nil }
      } catch {
        // A full disk, for example. What is published does not depend on it; the next round tries again.
        let isNew = state.withLock { status in
          defer { status.cursorFailure = error.description }
          return status.cursorFailure == nil
        }
        guard isNew else { continue }
        logger.error(
          "how far the store is published can't be noted", metadata: ["error": "\(error)"])
      }
    }
  }
}
