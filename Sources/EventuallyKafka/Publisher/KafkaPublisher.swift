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
  private let state = Locked(PublisherStatus())
  /// The sequence number up to which everything has been acknowledged.
  public let published = PositionSignal(at: 0)

  /// A publisher of a store's events.
  /// - Parameters:
  ///   - configuration: which Kafka, and which topic.
  ///   - source: the store whose events are published.
  ///   - contentType: the media type of the encoded events.
  ///   - heartbeats: hears that the loops are alive.
  ///   - logger: hears what people may want to know.
  public init(
    _ configuration: KafkaConfiguration, source: Source, contentType: String,
    heartbeats: Heartbeats = Heartbeats(), logger: Logger
  ) {
    self.configuration = configuration
    self.source = source
    self.contentType = contentType
    self.logger = logger
    self.heartbeats = heartbeats
  }

  /// What the publisher is doing.
  public var status: PublisherStatus { state.withLock { $0 } }

  /// Publishes until the task is cancelled; tries again after failures that may pass.
  /// - Throws: ``TopicError`` where the topic can't be used for this store, which no waiting mends.
  public func run() async throws {
    defer { state.withLock { $0.phase = .stopped } }
    var failures = 0
    var generator = SystemRandomNumberGenerator()
    let retry = RetryPolicy(firstPause: .milliseconds(250), longestPause: .seconds(5))
    while !Task.isCancelled {
      do {
        state.withLock { $0.phase = .connecting }
        try await publish()
      } catch is CancellationError {
        return
      } catch let error as TopicError {
        throw error
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
    let proven = try await source.heads(at: cursor)
    let start = try await preparation.start(storeID: source.storeID, behind: proven)
    for (partition, head) in try await source.heads().enumerated()
    where start.tails[partition].last > head {
      throw TopicError.ahead(
        topic: configuration.topic, partition: Partition(partition),
        found: start.tails[partition].last, store: head)
    }
    FaultPoint.relayRecovering.pass()
    let alreadyPublished = status.alreadyPublished
    let relay = Relay(
      start.producer, source: source, contentType: contentType, tails: start.tails, cursor: cursor,
      logger: logger, progressed: { self.note($0, alreadyPublished: alreadyPublished) })
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

  private func note(_ progress: Relay<Source>.Progress, alreadyPublished: UInt64) {
    let stall = progress.stall.flatMap { $0 > .seconds(5) ? $0.components.seconds : nil }
    state.withLock {
      $0.published = progress.published
      $0.acknowledged = progress.acknowledged
      $0.alreadyPublished = alreadyPublished + progress.skipped
      $0.failure = stall.map { "the brokers have acknowledged nothing for \($0) s" }
    }
    published.advance(to: progress.published)
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
      try await source.markPublished(published)
      saved = published
    }
  }
}
