import CoreMetrics
import Eventually
import FaultScenarios
import MetricsTestKit
import Testing

@testable import EventuallyKafka

/// Records that the broker refuses, through a proxy that refuses them as a broker does.
@Suite(.timeLimit(.minutes(10)), .needsPlainBrokers) struct RefusedRecordTests {
  private let topic = uniqueName("topic")
  private let cluster: TestCluster
  private let proxy: RefusingProxy
  private let outbox = MemoryOutbox(partitions: 4)

  init() throws {
    cluster = try TestCluster(topics: [(topic, 4)])
    proxy = try RefusingProxy(to: cluster.brokers)
  }

  private func refuse(_ sequence: UInt64, code: Int16 = RefusingProxy.invalidRecord) {
    proxy.setRule { $0.contains("event \(sequence)") ? code : nil }
  }

  private func event(_ sequence: UInt64) throws -> EventRecord {
    try #require(outbox.records(after: sequence - 1, limit: 1).first)
  }

  private func configuration(keys: TopicKeys? = nil) -> KafkaConfiguration {
    KafkaConfiguration(brokers: proxy.brokers, topic: topic, keys: keys)
  }

  /// The records that each partition has when it is published up to an event, and the others to the end.
  private func published(upTo event: EventRecord) -> [Int32: Int] {
    var counts: [Int32: Int] = [:]
    for (partition, head) in outbox.heads().enumerated() { counts[Int32(partition)] = Int(head) }
    counts[event.position.partition] = Int(event.position.partitionOffset - 1)
    return counts.filter { $0.value > 0 }
  }

  private func becomes(
    _ publisher: Publisher, _ condition: @escaping @Sendable (PublisherStatus) -> Bool
  ) async throws {
    try await within(
      .seconds(120), seen: { [proxy] in "\(publisher.status), accepted \(proxy.accepted)" }
    ) {
      while !condition(publisher.status) { try await Task.sleep(for: .milliseconds(10)) }
    }
  }

  private func consumeAll(keys: TopicKeys? = nil) async throws -> SubscriptionStatus {
    let model = MemoryReadModel()
    let consumed = try await consume(
      EventuallyKafkaTests.configuration(cluster.brokers, topic, keys: keys), outbox, into: model,
      group: uniqueName("group"), until: Int(outbox.head.position))
    expectComplete(model, outbox)
    return consumed
  }

  @Test(arguments: [RefusingProxy.invalidRecord, RefusingProxy.tooLarge])
  func itHoldsItsPartitionAndNoOther(code: Int16) async throws {
    outbox.append(2000, streams: 40)
    let refused = try event(777)
    refuse(777, code: code)
    let publisher = publisher(configuration(), outbox)
    let metrics = TestMetrics()
    let running = withMetricsFactory(metrics) { Task { try await publisher.run() } }
    let expected = published(upTo: refused)
    try await becomes(publisher) { [proxy] in
      $0.refused.count == 1 && proxy.accepted == expected
    }
    let told = try #require(publisher.status.refused.first)
    #expect(told.position == refused.position && told.id == refused.id)
    let sent = metrics.counters(label: MetricName.sentMessages)
    let errors = sent.compactMap { counter in
      counter.dimensions.first { $0.0 == "error_type" }?.1
    }
    #expect(
      errors == [code == RefusingProxy.tooLarge ? "MSG_SIZE_TOO_LARGE" : "INVALID_RECORD"])
    #expect(sent.count == 2 && sent.allSatisfy { $0.totalValue > 0 }, "\(sent)")
    #expect(told.streamID == refused.streamID && told.size > 0)
    #expect(
      told.description.contains(code == 10 ? "MSG_SIZE_TOO_LARGE" : "INVALID_RECORD"), "\(told)")
    #expect(publisher.status.published == 776)
    #expect(publisher.status.phase == .publishing)
    // It is tried again and again, and what comes to the other partitions goes on.
    let attempts = proxy.refused
    outbox.append(400, streams: 40)
    let more = published(upTo: refused)
    try await becomes(publisher) { [proxy] _ in
      proxy.refused >= attempts + 3 && proxy.accepted == more
    }
    // The limit is raised.
    proxy.setRule { _ in nil }
    try await becomes(publisher) { $0.published == 2400 && $0.refused.isEmpty }
    #expect(proxy.acceptedCount == 2400)
    #expect(publisher.status.failure == nil)
    running.cancel()
    try await running.value
    let consumed = try await consumeAll()
    #expect(consumed.duplicates == 0 && consumed.eventsFromFeed == 0, "\(consumed)")
  }

  @Test func aWriterThatRestartsPublishesNothingAgain() async throws {
    outbox.append(1500, streams: 40)
    refuse(333)
    let expected = published(upTo: try event(333))
    for _ in 1...3 {
      let publisher = publisher(configuration(), outbox)
      let running = Task { try await publisher.run() }
      try await becomes(publisher) { [proxy, outbox] in
        $0.refused.count == 1 && proxy.accepted == expected && outbox.published() == 332
          && outbox.noted?.refused.count == 1
      }
      running.cancel()
      try await running.value
    }
    // Without the topic's end: what was noted of each partition is enough.
    #expect(
      outbox.noted?.partitions
        == (0..<4).map { UInt64(expected[$0] ?? 0) })
    proxy.setRule { _ in nil }
    let status = try await publishAll(configuration(), outbox)
    #expect(proxy.acceptedCount == 1500)
    #expect(status.published == 1500)
  }

  /// With and without keys.
  @Test(arguments: [false, true])
  func aPlaceholderStandsForItAndWorkersTakeItFromTheFeed(isSigned: Bool) async throws {
    let keys = isSigned ? try TopicKeys([[UInt8](repeating: 7, count: 32)]) : nil
    outbox.append(600, streams: 40)
    let refused = try event(222)
    refuse(222)
    let publisher = publisher(configuration(keys: keys), outbox)
    let running = Task { try await publisher.run() }
    try await becomes(publisher) { $0.refused.count == 1 }
    outbox.skip(refused.position.partition, refused.position.partitionOffset)
    try await becomes(publisher) { $0.published == 600 && $0.refused.isEmpty }
    #expect(proxy.acceptedCount == 600)
    running.cancel()
    try await running.value
    let consumed = try await consumeAll(keys: keys)
    #expect(consumed.eventsFromFeed == 1 && consumed.rejectedRecords == 0, "\(consumed)")
    // The placeholder is found in the topic's end as what it stands for.
    outbox.markPublished(0)
    let again = try await publishAll(configuration(keys: keys), outbox)
    #expect(again.acknowledged == 0 && again.alreadyPublished == 600, "\(again)")
    #expect(proxy.acceptedCount == 600)
  }

  /// Many in all partitions, which are accepted one after the other.
  @Test func manyRefusedEventsHoldEachPartitionAtItsFirst() async throws {
    outbox.append(1200, streams: 40)
    // None of these numbers begins with another.
    let sequences = (1...24).map { UInt64(200 + $0 * 33) }
    let left = Locked(Set(sequences))
    proxy.setRule { batch in
      left.withLock { $0 }.contains { batch.contains("event \($0)") }
        ? RefusingProxy.invalidRecord : nil
    }
    let publisher = publisher(configuration(), outbox)
    let running = Task { try await publisher.run() }
    for _ in sequences {
      let events = try left.withLock { $0 }.map { try event($0) }
      let first = Dictionary(grouping: events) { $0.position.partition }
        .mapValues { $0.map(\.position.partitionOffset).min() ?? 0 }
      try await becomes(publisher) { status in
        Dictionary(
          status.refused.map { ($0.position.partition, $0.position.partitionOffset) }
        ) { $1 } == first
      }
      left.withLock { left in
        if let least = left.min() { left.remove(least) }
      }
    }
    try await becomes(publisher) { $0.published == 1200 && $0.refused.isEmpty }
    #expect(proxy.acceptedCount == 1200)
    running.cancel()
    try await running.value
    let consumed = try await consumeAll()
    #expect(consumed.duplicates == 0 && consumed.eventsFromFeed == 0, "\(consumed)")
  }

  /// Refusals that pass by themselves, of any batch.
  @Test func refusalsAtRandomDisorderNothing() async throws {
    outbox.append(2000, streams: 40)
    let count = Locked(0)
    let refusals = [4, 11, 13, 14, 15, 27, 40, 41, 42, 43, 60, 61, 80]
    proxy.setRule { _ in
      let number = count.withLock { count in
        count += 1
        return count
      }
      guard refusals.contains(number) else { return nil }
      return number % 2 == 0 ? RefusingProxy.tooLarge : RefusingProxy.invalidRecord
    }
    let publisher = publisher(configuration(), outbox)
    let running = Task { try await publisher.run() }
    for part in 1...20 {
      outbox.append(50, streams: 40)
      let head = UInt64(2000 + part * 50)
      try await becomes(publisher) { $0.published == head }
    }
    running.cancel()
    try await running.value
    #expect(proxy.acceptedCount == 3000)
    #expect(proxy.refused > 3, "\(proxy.refused)")
    let consumed = try await consumeAll()
    #expect(consumed.duplicates == 0 && consumed.eventsFromFeed == 0, "\(consumed)")
  }

  @Test func aTopicThatTakesLessThanABatchGetsSmallerOnes() async throws {
    outbox.append(3000, streams: 40)
    proxy.setRule { $0.bytes.count > 4000 ? RefusingProxy.tooLarge : nil }
    let status = try await publishAll(configuration(), outbox)
    #expect(status.acknowledged == 3000 && status.refused.isEmpty, "\(status)")
    #expect(proxy.acceptedCount == 3000)
    let consumed = try await consumeAll()
    #expect(consumed.duplicates == 0 && consumed.eventsFromFeed == 0, "\(consumed)")
  }

  @Test func aTopicThatMayNotBeWrittenToIsTriedAgain() async throws {
    outbox.append(1000, streams: 40)
    proxy.setRule { [proxy] _ in
      proxy.acceptedCount > 200 ? RefusingProxy.notAuthorized : nil
    }
    let publisher = publisher(configuration(), outbox)
    let running = Task { try await publisher.run() }
    try await becomes(publisher) {
      $0.failure?.contains("TOPIC_AUTHORIZATION_FAILED") == true && $0.refused.isEmpty
        && $0.phase == .waiting
    }
    let accepted = proxy.acceptedCount
    let attempts = proxy.refused
    try await becomes(publisher) { [proxy] _ in proxy.refused > attempts + 2 }
    #expect(proxy.acceptedCount == accepted)
    proxy.setRule { _ in nil }
    try await becomes(publisher) { $0.published == 1000 && $0.failure == nil }
    #expect(proxy.acceptedCount == 1000)
    running.cancel()
    try await running.value
  }

  @Test func whatTheTopicTakesIsAskedFor() async throws {
    proxy.tellLimit(123_456)
    #expect(try await TopicLimit(configuration(), logger: testLogger).bytes() == 123_456)
    let limit = RecordLimit()
    let publisher = Publisher(
      configuration(), source: outbox, contentType: "text/plain", recordLimit: limit,
      logger: testLogger)
    let running = Task { try await publisher.run() }
    try await within(.seconds(120), seen: { "\(limit.bytes), \(publisher.status)" }) {
      while limit.bytes != 123_456 { try await Task.sleep(for: .milliseconds(10)) }
    }
    running.cancel()
    try await running.value
  }

  /// Records that are made up: a placeholder brings a worker to the store, and to nothing else.
  @Test(arguments: [false, true])
  func aForgedPlaceholderBringsNothingButTheStoresEvent(isKeyed: Bool) async throws {
    let keys = isKeyed ? try TopicKeys([[UInt8](repeating: 7, count: 32)]) : nil
    outbox.append(20, streams: 1)
    let records = outbox.records(after: 0, limit: 20)
    let direct = EventuallyKafkaTests.configuration(cluster.brokers, topic)
    let signed = EventuallyKafkaTests.configuration(cluster.brokers, topic, keys: keys)
    try await produce(Array(records[..<10]), signed, storeID: outbox.storeID)
    // In the place of an event that there is, with another id; and beyond the store's end.
    try await produce(
      [records[10].forged(), records[10].forged(at: 21, sequence: 21)], direct,
      storeID: outbox.storeID, asPlaceholders: true)
    // Of a stream that belongs to another partition.
    let other = (0...).lazy.map { "other-\($0)" }.first {
      Partitioner(count: 4).partition(of: $0) != records[0].position.partition
    }
    var misplaced = records[11]
    misplaced.streamID = try #require(other)
    try await produce([misplaced], direct, storeID: outbox.storeID, asPlaceholders: true)
    try await produce(Array(records[10...]), signed, storeID: outbox.storeID)
    let model = MemoryReadModel()
    let consumed = try await consume(
      signed, outbox, into: model, group: uniqueName("group")
    ) { $0.rejectedRecords >= (isKeyed ? 3 : 2) && model.applied.position >= 20 }
    #expect(consumed.fencings == 0, "\(consumed)")
    expectComplete(model, outbox)
  }
}
