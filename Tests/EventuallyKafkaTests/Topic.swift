import CKafkaShim
import Eventually
import Foundation
import Testing

@testable import EventuallyKafka

typealias Publisher = KafkaPublisher<MemoryOutbox>
typealias Subscription = KafkaSubscription<TextCodec>

/// How to reach brokers: somebody's Kafka as `deploy/test --kafka` says.
func configuration(
  _ brokers: String, _ topic: String, keys: TopicKeys? = nil
) -> KafkaConfiguration {
  KafkaConfiguration(
    brokers: brokers, topic: topic,
    overrides: brokers == TestKafka.brokers ? TestKafka.settings : [], keys: keys)
}

func publisher(
  _ configuration: KafkaConfiguration, _ outbox: MemoryOutbox,
  onConflict: TopicConflictPolicy = .wait
) -> Publisher {
  Publisher(
    configuration, source: outbox, contentType: "text/plain", onConflict: onConflict,
    recordRetry: RetryPolicy(firstPause: .milliseconds(100), longestPause: .milliseconds(400)),
    logger: testLogger)
}

/// Publishes everything that the store holds now.
func publishAll(
  _ configuration: KafkaConfiguration, _ outbox: MemoryOutbox,
  onConflict: TopicConflictPolicy = .wait
) async throws -> PublisherStatus {
  let publisher = publisher(configuration, outbox, onConflict: onConflict)
  let running = Task { try await publisher.run() }
  let head = outbox.head.position
  try await within(.seconds(120), seen: { "\(publisher.status)" }) {
    await publisher.published.wait(past: head - 1)
  }
  let status = publisher.status
  running.cancel()
  try await running.value
  return status
}

/// Runs a publisher until its status is as it is to be.
func publisherStatus(
  _ publisher: Publisher, _ condition: @escaping @Sendable (PublisherStatus) -> Bool
) async throws -> PublisherStatus {
  let running = Task { try await publisher.run() }
  let found = Locked<PublisherStatus?>(nil)
  try await within(.seconds(120), seen: { "\(publisher.status)" }) {
    while !Task.isCancelled {
      let status = publisher.status
      if condition(status) { return found.withLock { $0 = status } }
      try await Task.sleep(for: .milliseconds(10))
    }
  }
  running.cancel()
  try await running.value
  return try #require(found.withLock { $0 })
}

/// Consumes until a condition holds.
func consume<Codec: EventCodec<String>>(
  _ configuration: KafkaConfiguration, _ outbox: MemoryOutbox, into model: MemoryReadModel,
  group: String, batchSize: Int = 5000, codec: Codec = TextCodec(),
  until condition: @escaping @Sendable (SubscriptionStatus) -> Bool
) async throws -> SubscriptionStatus {
  var options = KafkaSubscription<Codec>.Options(group: group, owner: "test")
  options.batchSize = batchSize
  options.headInterval = .milliseconds(200)
  let subscription = KafkaSubscription(
    configuration, storeID: outbox.storeID, partitionCount: outbox.partitionCount,
    codec: codec, checkpoints: model, feed: outbox, options: options, logger: testLogger)
  let projector = ReadModelProjector(subscription, into: model)
  let running = Task { await projector.run() }
  let found = Locked<SubscriptionStatus?>(nil)
  try await within(
    .seconds(60), seen: { "\(model.applied.position) applied, \(subscription.status)" }
  ) {
    while !Task.isCancelled {
      let status = subscription.status
      if condition(status) { return found.withLock { $0 = status } }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
  running.cancel()
  await running.value
  await subscription.stop()
  return try #require(found.withLock { $0 })
}

/// Consumes until the read model has applied so many events in all.
func consume(
  _ configuration: KafkaConfiguration, _ outbox: MemoryOutbox, into model: MemoryReadModel,
  group: String, until count: Int
) async throws -> SubscriptionStatus {
  try await consume(configuration, outbox, into: model, group: group) { _ in
    model.applied.position >= UInt64(count)
  }
}

/// Puts records into the topic, as a store's relay does or as somebody else does.
func produce(
  _ records: [EventRecord], _ configuration: KafkaConfiguration, storeID: String,
  source: String? = nil, asPlaceholders: Bool = false, withoutIDs: Bool = false
) async throws {
  let producer = try ProducerClient(configuration, logger: testLogger)
  var batch = RecordBatch(
    source: source ?? SourceName.uri(of: storeID), contentType: "text/plain",
    keys: configuration.keys)
  for record in records { batch.append(record, asPlaceholder: asPlaceholders) }
  if withoutIDs {
    let count = WireHeader.allCases.count
    for first in stride(from: 0, to: batch.headers.count, by: count) {
      batch.headers[first + WireHeader.id.index].length = -1
    }
  }
  guard !records.isEmpty else { return }
  #expect(producer.produce(batch).taken == records.count)
  var left = records.count
  let deadline = ContinuousClock.now + .seconds(60)
  while left > 0, ContinuousClock.now < deadline { left -= producer.poll(timeout: 100).count }
  #expect(left == 0)
}

func expectComplete(
  _ model: MemoryReadModel, _ outbox: MemoryOutbox,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  for (partition, head) in outbox.heads().enumerated() where head > 0 {
    #expect(
      model.events[Partition(partition)] == (1...head).map { $0 }, sourceLocation: sourceLocation)
  }
}

extension EventRecord {
  /// The same place, claimed by somebody else.
  func forged(
    at offset: UInt64? = nil, sequence: UInt64? = nil, payload: String = "forged"
  ) -> EventRecord {
    var copy = self
    copy.id = EventID(time: .now())
    copy.position.partitionOffset = offset ?? position.partitionOffset
    copy.position.sequenceNumber = sequence ?? position.sequenceNumber
    copy.payload = Array(payload.utf8)
    return copy
  }
}
