import Eventually
import Foundation
import Testing

@testable import EventuallyKafka

/// Records that the store's relay has not written, against the development cluster.
@Suite(.timeLimit(.minutes(5))) struct ForgeryTests {
  private func keys(_ byte: UInt8) throws -> TopicKeys {
    try TopicKeys([[UInt8](repeating: byte, count: 32)])
  }

  // MARK: - The publisher

  @Test func aTopicWithOtherPartitionsIsNotPublishedTo() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 3)])
    let outbox = MemoryOutbox(partitions: 4)
    for policy in TopicConflictPolicy.allCases {
      let publisher = publisher(
        configuration(cluster.brokers, topic), outbox, onConflict: policy)
      let status = try await publisherStatus(publisher) { $0.phase == .blocked }
      #expect(status.failure?.contains("has 3 partitions, but the store has 4") == true)
    }
  }

  @Test func anotherStoresTopicIsNotPublishedToUnlessToldSo() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 4)])
    let configuration = configuration(cluster.brokers, topic)
    let first = MemoryOutbox(partitions: 4)
    first.append(50)
    _ = try await publishAll(configuration, first)
    let second = MemoryOutbox(partitions: 4)
    second.append(20)
    let status = try await publisherStatus(publisher(configuration, second)) {
      $0.phase == .blocked
    }
    #expect(status.failure?.contains("holds events of the store \(first.storeID)") == true)
    #expect(status.failure?.contains("--topic-conflict publish-anyway") == true)
    let published = try await publishAll(configuration, second, onConflict: .publishAnyway)
    #expect(published.acknowledged == 20)
    #expect(published.rejectedRecords == 50)
  }

  @Test func aStoreThatIsOlderThanItsTopicDoesNotPublish() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(50)
    _ = try await publishAll(configuration, outbox)
    let restored = outbox.restored(to: 30)
    let status = try await publisherStatus(publisher(configuration, restored)) {
      $0.phase == .blocked
    }
    #expect(
      status.failure?.contains("up to partition offset 50, but the store only up to 30") == true)
  }

  /// The same with a key: once the store has other events in their places, that is certain.
  @Test func aSignedEventThatDiffersFromTheStoresIsAConflict() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic, keys: try keys(1))
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(50)
    _ = try await publishAll(configuration, outbox)
    let restored = outbox.restored(to: 30)
    restored.append(25)
    let status = try await publisherStatus(publisher(configuration, restored)) {
      $0.phase == .blocked
    }
    #expect(status.failure?.contains("another event at partition 0, partition offset 31") == true)
  }

  /// What is forged at the place that the store gives next can't be told from the end of a newer store; once the store
  /// has its own event there, it can.
  @Test func aRecordForgedAheadOfTheStoreIsPassedOverOnceTheStoreHasItsOwn() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(10)
    _ = try await publishAll(configuration, outbox)
    let last = try #require(outbox.records(after: 9, limit: 1).first)
    try await produce(
      [last.forged(at: 11, sequence: 11)], configuration, storeID: outbox.storeID)
    let publisher = publisher(configuration, outbox)
    let running = Task { try await publisher.run() }
    try await within(.seconds(120), seen: { "\(publisher.status)" }) {
      while publisher.status.phase != .blocked { try await Task.sleep(for: .milliseconds(10)) }
    }
    // Commands go on.
    outbox.append(2)
    try await within(.seconds(120), seen: { "\(publisher.status)" }) {
      await publisher.published.wait(past: 11)
    }
    #expect(publisher.status.phase == .publishing)
    #expect(publisher.status.rejectedRecords == 1)
    running.cancel()
    try await running.value
  }

  /// Forged first, in the middle and last, far ahead, of another store, and junk in each partition: the publisher goes on
  /// behind its own.
  @Test func junkAndForgedRecordsDoNotKeepItFromPublishing() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 4)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 4)
    outbox.append(100)
    let records = outbox.records(after: 0, limit: 100)
    let own = outbox.storeID
    try await produce(records[..<20].map { $0.forged() }, configuration, storeID: own)
    try await produce(Array(records[..<60]), configuration, storeID: own)
    try await produce(records[30..<40].map { $0.forged() }, configuration, storeID: own)
    try await produce(
      records[40..<60].map {
        $0.forged(at: $0.position.partitionOffset + 1_000_000, sequence: 5_000)
      },
      configuration, storeID: own)
    try await produce(Array(records[60..<80]), configuration, storeID: own)
    for _ in 0..<10 {
      try await produce(
        records[..<80].map { record in
          var junk = record.forged()
          junk.position.version = 0
          return junk
        }, configuration, storeID: "junk")
    }
    // The cursor was never saved.
    let status = try await publishAll(configuration, outbox)
    #expect(status.alreadyPublished == 80)
    #expect(status.acknowledged == 20)
    #expect(status.rejectedRecords >= 830)
  }

  /// Reading the end is bounded; beyond that, events are published again.
  @Test func readingTheEndIsBounded() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(5)
    try await produce(outbox.records(after: 0, limit: 5), configuration, storeID: outbox.storeID)
    let junk = outbox.records(after: 0, limit: 1)[0]
    try await produce(
      (0..<3_000).map { _ in junk.forged() }, configuration, storeID: "junk")
    let preparation = PublisherPreparation(
      configuration, heartbeats: Heartbeats(), logger: testLogger)
    var search = TopicTail(source: outbox, preparation: preparation)
    search.limits.records = 1_000
    let cut = try await search.read(behind: [0])
    #expect(cut.tails[0].isCutShort && cut.conflicts.isEmpty)
    #expect(cut.tails[0].notOurs < 2_500)
    search.limits = TailLimits()
    let whole = try await search.read(behind: [0])
    #expect(whole.tails[0].contiguous == 5 && whole.tails[0].notOurs == 3_000)
    await preparation.end()
  }

  // MARK: - A worker with a key

  @Test func withAKeyOnlySignedRecordsAreApplied() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let plain = configuration(cluster.brokers, topic)
    let wrong = configuration(cluster.brokers, topic, keys: try keys(9))
    let keyed = configuration(cluster.brokers, topic, keys: try keys(1))
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(20)
    let records = outbox.records(after: 0, limit: 20)
    try await produce([records[0].forged()], plain, storeID: outbox.storeID)
    try await produce([records[0].forged()], wrong, storeID: outbox.storeID)
    try await produce(Array(records[..<10]), keyed, storeID: outbox.storeID)
    // Of the store, and not signed: the feed has them.
    try await produce(Array(records[10..<12]), plain, storeID: outbox.storeID)
    try await produce([records[12].forged(at: 4)], plain, storeID: outbox.storeID)
    try await produce(Array(records[12...]), keyed, storeID: outbox.storeID)
    let model = MemoryReadModel()
    let status = try await consume(
      keyed, outbox, into: model, group: cluster.group(), until: 20)
    expectComplete(model, outbox)
    #expect(model.rejected.count == 5 && status.rejectedRecords == 5)
    #expect(model.rejected.contains { $0.reason.contains("has no ce_mac") })
    #expect(model.rejected.contains { $0.reason.contains("ce_mac is wrong") })
    #expect(model.applied.position == 20)
    #expect(status.eventsFromFeed == 2)
  }

  @Test func aRecordThatIsForgedIsPassedOverWithAKey() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let plain = configuration(cluster.brokers, topic)
    let keyed = configuration(cluster.brokers, topic, keys: try keys(1))
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(10)
    _ = try await publishAll(keyed, outbox)
    let last = try #require(outbox.records(after: 9, limit: 1).first)
    try await produce([last.forged(at: 11, sequence: 11)], plain, storeID: outbox.storeID)
    outbox.markPublished(0)
    outbox.append(5)
    let status = try await publishAll(keyed, outbox)
    #expect(status.alreadyPublished == 10 && status.rejectedRecords == 1)
  }

  // MARK: - A worker without a key

  private func isForged(_ status: SubscriptionStatus, at offset: UInt64) -> Bool {
    status.partitions[0]?.phase == .forged(at: offset)
  }

  @Test func anEventBeyondTheStoreStopsItsPartition() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(6)
    _ = try await publishAll(configuration, outbox)
    let last = try #require(outbox.records(after: 5, limit: 1).first)
    try await produce(
      [last.forged(at: 7, sequence: 7)], configuration, storeID: outbox.storeID)
    let model = MemoryReadModel()
    let group = cluster.group()
    _ = try await consume(configuration, outbox, into: model, group: group) {
      isForged($0, at: 7)
    }
    #expect(model.forged == [0: 7])
    // A worker that is started again says so at once, also where the store has come past it.
    outbox.append(3)
    let status = try await consume(configuration, outbox, into: model, group: group) {
      isForged($0, at: 7)
    }
    #expect(status.duplicates == 0)
    #expect(model.events[0]?.count ?? 0 <= 7)
  }

  @Test func anotherEventAtAnAppliedPlaceStopsThePartitionWhereTheStoreHasThat() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(9)
    let records = outbox.records(after: 0, limit: 9)
    try await produce(
      Array(records[..<6]) + [records[6].forged()] + records[6...], configuration,
      storeID: outbox.storeID)
    let model = MemoryReadModel()
    _ = try await consume(configuration, outbox, into: model, group: cluster.group()) {
      isForged($0, at: 7)
    }
    #expect(model.forged == [0: 7])
  }

  @Test func aForgedRepetitionIsRejectedAndThePartitionGoesOn() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(30)
    let records = outbox.records(after: 0, limit: 30)
    try await produce(
      Array(records[..<10]) + records[4..<10].map { $0.forged(payload: "late") } + records[4..<8]
        + records[10...], configuration, storeID: outbox.storeID)
    let model = MemoryReadModel()
    let status = try await consume(
      configuration, outbox, into: model, group: cluster.group()
    ) { $0.partitions[0]?.position == 30 && $0.rejectedRecords == 6 && $0.duplicates == 4 }
    #expect(status.partitions[0]?.phase == .consuming)
    expectComplete(model, outbox)
    #expect(model.rejected.count == 6)
    #expect(model.rejected.allSatisfy { $0.value == Array("late".utf8) && !$0.key.isEmpty })
    #expect(model.forged.isEmpty)
  }

  /// A worker that was killed right after it had applied a forged event, while the store has come past it.
  @Test func aForgedEventOfAnEarlierRunIsFoundByItsID() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(9)
    let model = MemoryReadModel()
    model.setLease(
      PartitionLease(
        partition: 0, epoch: 1, position: 4, offsetHint: nil, eventID: EventID(high: 1, low: 1)))
    _ = try await consume(
      configuration(cluster.brokers, topic), outbox, into: model, group: cluster.group()
    ) { isForged($0, at: 4) }
  }

  // MARK: - What is kept, and what others are told

  @Test func whatClaimsAPlaceIsKeptWithKeyAndValueAndCountsAsConsumed() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(10)
    let records = outbox.records(after: 0, limit: 10)
    try await produce(records, configuration, storeID: outbox.storeID)
    try await produce(
      [records[3].forged(at: 1_000, sequence: 1_000)], configuration, storeID: outbox.storeID)
    try await produce(
      records.map { $0.forged() }, configuration, storeID: "", source: "another\n\u{1B}[2J")
    let model = MemoryReadModel()
    let status = try await consume(
      configuration, outbox, into: model, group: cluster.group()
    ) {
      // Nothing is left behind the last of them.
      $0.rejectedRecords == 11 && $0.broker.ends[0] == 21 && $0.partitions[0]?.nextOffset == 21
    }
    #expect(status.partitions[0]?.position == 10)
    let kept = try #require(model.rejected.first { $0.reason.contains("does not have") })
    #expect(kept.key == Array(records[3].streamID.utf8) && kept.value == Array("forged".utf8))
    #expect(kept.offset == 10 && kept.size == 6)
    #expect(model.rejected.contains { $0.reason == #"it is of 'another\n\u001B[2J'"# })
  }

  /// 40,000 records of 2 KiB that are not the store's, between its own: they come through.
  @Test func aFloodOfJunkDoesNotHoldUpRealEvents() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(100)
    let records = outbox.records(after: 0, limit: 100)
    let junk = records[0].forged(payload: String(repeating: "x", count: 2_000))
    let model = MemoryReadModel()
    let group = cluster.group()
    let consuming = Task {
      try await consume(configuration, outbox, into: model, group: group, until: 100)
    }
    for part in 0..<10 {
      try await produce(
        Array(repeating: junk, count: 4_000), configuration, storeID: "junk")
      try await produce(
        Array(records[part * 10..<part * 10 + 10]), configuration, storeID: outbox.storeID)
    }
    _ = try await consuming.value
    expectComplete(model, outbox)
  }
}
