import Eventually
import Foundation
import Testing

@testable import EventuallyKafka

/// Publisher and subscription against the development cluster. Joining a group takes it three seconds.
@Suite(.timeLimit(.minutes(5))) struct PublishAndConsumeTests {
  @Test func everyEventArrivesOnceAndInOrder() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 4)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 4)
    let model = MemoryReadModel()
    outbox.append(500)
    let status = try await publishAll(configuration, outbox)
    #expect(status.acknowledged == 500)
    let consumed = try await consume(
      configuration, outbox, into: model, group: cluster.group(), until: 500)
    expectComplete(model, outbox)
    #expect(consumed.gapsRepaired == 0)
    #expect(consumed.eventsFromFeed == 0)
  }

  /// A removal is itself the tombstone. Workers take it at its place, on a topic that has all records and on one
  /// that compaction has left nothing but it on.
  @Test(arguments: [false, true]) func aRemovalIsATombstoneAtItsPlace(isCompacted: Bool)
    async throws
  {
    let topic = uniqueName("topic")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    let model = MemoryReadModel()
    outbox.append(3, streams: 1)
    if !isCompacted { _ = try await publishAll(configuration, outbox) }
    outbox.remove("stream-0")
    if isCompacted {
      try await produce(outbox.records(after: 3, limit: 1), configuration, storeID: outbox.storeID)
    } else {
      _ = try await publishAll(configuration, outbox)
    }
    let consumed = try await consume(
      configuration, outbox, into: model, group: uniqueName("group"), until: 4)
    #expect(consumed.rejectedRecords == 0 && consumed.duplicates == 0)
    #expect(consumed.gapsRepaired == (isCompacted ? 1 : 0))
    #expect(model.removed == ["stream-0"])
    expectComplete(model, outbox)
  }

  /// Names and texts of metadata may hold whatever separates names and texts elsewhere.
  @Test func metadataOfAnyNameArrives() async throws {
    let topic = uniqueName("topic")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    let model = MemoryReadModel()
    let names = [
      "a=b", "a&b", "a\nb", "a\r\nb: c", "100%", "%3D", "é\u{301}", "日本", "\"\\", "\u{0}", "",
    ]
    let metadata = EventMetadata(
      correlationID: "c=1&d\n%20é", causationID: "e", traceParent: "t",
      additional: Dictionary(uniqueKeysWithValues: names.map { ($0, "<\($0)>=\($0)\n") }))
    outbox.append(3, metadata: metadata)
    _ = try await publishAll(configuration, outbox)
    let consumed = try await consume(
      configuration, outbox, into: model, group: uniqueName("group"), until: 3)
    #expect(consumed.eventsFromFeed == 0 && consumed.rejectedRecords == 0)
    #expect(model.metadata == [metadata, metadata, metadata])
  }

  @Test func aRestartPublishesNothingAgain() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 4)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 4)
    outbox.append(300)
    _ = try await publishAll(configuration, outbox)
    // As after a crash that came before the cursor was saved.
    outbox.markPublished(0)
    outbox.append(200)
    let status = try await publishAll(configuration, outbox)
    #expect(status.alreadyPublished == 300)
    #expect(status.acknowledged == 200)
    let model = MemoryReadModel()
    let consumed = try await consume(
      configuration, outbox, into: model, group: cluster.group(), until: 500)
    #expect(consumed.duplicates == 0)
    expectComplete(model, outbox)
  }

  /// A record was refused, later ones were accepted, and the writer crashed: the topic's end hides a hole.
  @Test func aHoleBehindTheCursorIsPublished() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(300)
    let records = outbox.records(after: 0, limit: 300)
    try await produce(
      Array(records[..<100]) + records[101...], configuration, storeID: outbox.storeID)
    outbox.markPublished(60)
    let status = try await publishAll(configuration, outbox)
    #expect(status.alreadyPublished == 40)
    #expect(status.acknowledged == 200)
    let model = MemoryReadModel()
    let consumed = try await consume(
      configuration, outbox, into: model, group: cluster.group(), until: 300)
    expectComplete(model, outbox)
    #expect(consumed.gapsRepaired == 1)
  }

  @Test func aWorkerResumesAfterItsCheckpoint() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 4)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 4)
    let model = MemoryReadModel()
    let group = cluster.group()
    outbox.append(200)
    _ = try await publishAll(configuration, outbox)
    _ = try await consume(configuration, outbox, into: model, group: group, until: 200)
    outbox.append(100)
    _ = try await publishAll(configuration, outbox)
    let resumed = try await consume(
      configuration, outbox, into: model, group: cluster.group(), until: 300)
    #expect(resumed.duplicates == 0)
    expectComplete(model, outbox)
    // With no idea of the offset it begins at the topic's head, and drops what it has had.
    outbox.append(50)
    _ = try await publishAll(configuration, outbox)
    model.forgetOffsets()
    let rereading = try await consume(
      configuration, outbox, into: model, group: cluster.group(), until: 350)
    #expect(rereading.duplicates == 300)
    expectComplete(model, outbox)
  }

  /// The broker lost the beginning; what it lacks comes from the feed, also where a checkpoint's offset
  /// means nothing in the new topic.
  @Test func whatTheTopicLacksComesFromTheFeed() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 4)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 4)
    outbox.append(250)
    outbox.markPublished(250)
    outbox.append(250)
    let status = try await publishAll(configuration, outbox)
    #expect(status.acknowledged == 250)
    let model = MemoryReadModel()
    let consumed = try await consume(
      configuration, outbox, into: model, group: cluster.group(), until: 500)
    expectComplete(model, outbox)
    #expect(consumed.eventsFromFeed == 250)
    #expect(consumed.gapsRepaired >= 1)
    model.setOffset(1_000_000)
    outbox.append(100)
    _ = try await publishAll(configuration, outbox)
    _ = try await consume(
      configuration, outbox, into: model, group: cluster.group(), until: 600)
    expectComplete(model, outbox)
  }

  /// The topic is empty and nothing new comes: the feed's head tells that there is something to fetch.
  @Test func anEmptyTopicIsMadeUpForByTheFeed() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 4)])
    let outbox = MemoryOutbox(partitions: 4)
    outbox.append(120)
    let model = MemoryReadModel()
    let consumed = try await consume(
      configuration(cluster.brokers, topic), outbox, into: model, group: cluster.group(),
      until: 120)
    #expect(consumed.eventsFromFeed == 120)
    expectComplete(model, outbox)
  }

  @Test func whatIsNotOfTheStoreIsNotApplied() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(20)
    let records = outbox.records(after: 0, limit: 20)
    var unreadable = records[12]
    unreadable.type = "Strange"
    try await produce(Array(records[0..<5]), configuration, storeID: outbox.storeID)
    // Another store's records at the very positions that come next, then this store's: disordered, twice,
    // and one in a form that can't be read.
    try await produce(Array(records[5..<9]), configuration, storeID: UUID().uuidString)
    try await produce(Array(records[3..<9]), configuration, storeID: outbox.storeID)
    try await produce(
      [records[11], records[10], records[9], unreadable], configuration, storeID: outbox.storeID)
    try await produce(Array(records[13..<20]), configuration, storeID: outbox.storeID)
    let model = MemoryReadModel()
    let consumed = try await consume(
      configuration, outbox, into: model, group: cluster.group(), until: 20)
    expectComplete(model, outbox)
    #expect(consumed.rejectedRecords == 5)
    // Another store's four, and the one that can't be read.
    #expect(Set(model.rejected.map(\.offset)) == [5, 6, 7, 8, 18])
    #expect(consumed.duplicates >= 2)
    #expect(consumed.gapsRepaired >= 2)
  }

  /// librdkafka's own call for watermarks waits for a broker that is away, whatever its time limit.
  @Test(.needsDevelopmentCluster("only that one answers late on request"))
  func askingForOffsetsTakesNoLongerThanAllowed() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try DevelopmentCluster()
    try cluster.createTopic(topic, partitions: 2)
    let client = try ConsumerClient(
      configuration(cluster.brokers, topic), group: uniqueName("group"), settings: [],
      logger: testLogger)
    #expect(try client.offsets(.beginning, of: [0, 1]) == [0, 0])
    #expect(try client.offsets(.end, of: [1]) == [0])
    try cluster.setRoundTrip(of: 1, milliseconds: 60_000)
    let begun = ContinuousClock.now
    let error = #expect(throws: KafkaError.self) {
      try client.offsets(.end, of: [0, 1], timeout: 500)
    }
    #expect(error?.isRetriable == true)
    let taken = ContinuousClock.now - begun
    #expect(taken < .seconds(30), "took \(taken)")
    try cluster.setBroker(1, isUp: false)
  }

  /// Offsets are on their way to a broker that is gone: librdkafka tries that three times, for ten seconds each.
  @Test(.needsDevelopmentCluster("the broker goes away"))
  func leavingTheGroupOfABrokerThatIsGoneTakesNoLongerThanAllowed() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try DevelopmentCluster()
    try cluster.createTopic(topic, partitions: 1)
    var client: ConsumerClient? = try ConsumerClient(
      configuration(cluster.brokers, topic), group: uniqueName("group"), settings: [],
      logger: testLogger)
    try client?.subscribe()
    let deadline = ContinuousClock.now + .seconds(30)
    var isAssigned = false
    while !isAssigned, ContinuousClock.now < deadline {
      guard case .assigned = try client?.poll(timeout: 100, limit: 1, { _ in }) else { continue }
      try client?.assign([StartOffset(partition: 0, offset: 0)])
      isAssigned = true
    }
    #expect(isAssigned)
    try client?.commit([StartOffset(partition: 0, offset: 0)])
    _ = try client?.poll(timeout: 1000, limit: 1) { _ in }
    try cluster.setBroker(1, isUp: false)
    // Until the client has noticed: then the offsets wait for a connection.
    _ = try? client?.poll(timeout: 1000, limit: 1) { _ in }
    try client?.commit([StartOffset(partition: 0, offset: 0)])
    let begun = ContinuousClock.now
    client = nil
    let taken = ContinuousClock.now - begun
    #expect(taken < .seconds(25), "took \(taken)")
  }

  @Test func anUnknownSettingIsRefusedByName() {
    let configuration = KafkaConfiguration(
      brokers: "127.0.0.1:1", topic: "t", overrides: [KafkaSetting("no.such.setting", "1")])
    let error = #expect(throws: KafkaError.self) {
      try ProducerClient(configuration, logger: testLogger)
    }
    #expect(error?.description.contains("no.such.setting") == true)
  }
}
