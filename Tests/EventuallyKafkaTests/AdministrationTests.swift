import Eventually
import Testing

@testable import EventuallyKafka

@Suite(.timeLimit(.minutes(5))) struct AdministrationTests {
  /// The development cluster answers no admin call: the caller hears so, in time.
  @Test(.needsDevelopmentCluster("brokers answer admin calls"))
  func aBrokerThatDoesNotAnswerIsAnErrorInTime() throws {
    let cluster = try TestCluster()
    let client = try ProducerClient(configuration(cluster.brokers, "none"), logger: testLogger)
    let begun = ContinuousClock.now
    for (words, call) in [
      ("delete the topics a, b", { try client.deleteTopics(["a", "b"], timeout: 300) }),
      ("delete the consumer groups c", { try client.deleteGroups(["c"], timeout: 300) }),
      ("delete records of the topic", { try client.deleteRecords(before: [1], timeout: 300) }),
      ("list the consumer groups", { _ = try client.groups(timeout: 300) }),
    ] as [(String, () throws -> Void)] {
      let error = #expect(throws: KafkaError.self) { try call() }
      #expect(error?.description.contains(words) == true, "\(words): \(String(describing: error))")
    }
    let taken = ContinuousClock.now - begun
    #expect(taken < .seconds(20), "took \(taken)")
  }

  @Test func nothingToDeleteIsNoCall() throws {
    let client = try ProducerClient(configuration("127.0.0.1:1", "none"), logger: testLogger)
    try client.deleteTopics([], timeout: 100)
    try client.deleteGroups([], timeout: 100)
  }

  @Test(.needsKafka) func whatWasCreatedIsDeleted() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 0)])
    let configuration = configuration(cluster.brokers, topic)
    let administration = try KafkaAdministration(configuration, logger: testLogger)
    try await administration.createTopic(partitions: 3)
    try await administration.createTopic(partitions: 3)
    let outbox = MemoryOutbox(partitions: 3)
    outbox.append(60)
    _ = try await publishAll(configuration, outbox)
    let group = cluster.group()
    let model = MemoryReadModel()
    _ = try await consume(configuration, outbox, into: model, group: group, until: 60)
    #expect(try await administration.groups().contains(group))
    #expect(try await administration.partitionCount() == 3)
    try await administration.deleteGroups([group])
    try await administration.deleteGroups([group])
    try await administration.deleteTopic()
    try await administration.deleteTopic()
    #expect(try await !administration.groups().contains(group))
    try await within(.seconds(20), seen: { "the topic is still there" }) {
      while try await administration.partitionCount() != 0 {
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }

  /// As retention does: what the topic has lost comes from the feed.
  @Test(.needsKafka) func deletedRecordsComeFromTheFeed() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 2)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 2)
    outbox.append(100)
    _ = try await publishAll(configuration, outbox)
    let administration = try KafkaAdministration(configuration, logger: testLogger)
    try await administration.deleteRecords(before: outbox.heads().map { Int64($0 / 2) })
    let model = MemoryReadModel()
    let consumed = try await consume(
      configuration, outbox, into: model, group: cluster.group(), until: 100)
    expectComplete(model, outbox)
    #expect(consumed.eventsFromFeed == outbox.heads().reduce(0) { $0 + $1 / 2 })
  }
}
