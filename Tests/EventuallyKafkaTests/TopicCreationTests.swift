import Eventually
import Testing

@testable import EventuallyKafka

/// The writer's clients never let a broker create the topic, as brokers do by default for whoever asks for it by name.
@Suite(.timeLimit(.minutes(5))) struct TopicCreationTests {
  @Test func aProducerDoesNotHaveTheTopicCreated() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 0)])
    let configuration = configuration(cluster.brokers, topic)
    let producer = try ProducerClient(configuration, logger: testLogger)
    // A client asks for the topics that it knows of when it connects, and every second while it lacks them.
    for _ in 0..<15 {
      let found = try producer.partitionCount(timeout: 5000)
      #expect(found.count == 0)
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  /// The development cluster creates no topics for others: it does not answer the request.
  @Test(.needsDevelopmentCluster("brokers create the topic"))
  func aPublisherThatCanNotCreateTheTopicSaysWithHowManyPartitionsToDoSo() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster()
    let outbox = MemoryOutbox(partitions: 12)
    outbox.append(1)
    let publisher = publisher(configuration(cluster.brokers, topic), outbox)
    let status = try await publisherStatus(publisher) { $0.failure != nil }
    #expect(
      status.failure?.contains("create the topic '\(topic)' with 12 partitions") == true,
      "\(status)")
  }

  /// The broker that leads a new partition learns of it after the one that was asked who leads it.
  @Test(.needsDevelopmentCluster("only that one fails requests on request"))
  func leadersThatDoNotKnowItYetAreAskedAgainAtOnce() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try DevelopmentCluster()
    try cluster.createTopic(topic, partitions: 2)
    // NOT_LEADER_FOR_PARTITION
    cluster.fail(.offsets, code: 6, count: 2)
    let outbox = MemoryOutbox(partitions: 2)
    outbox.append(1)
    let publisher = publisher(configuration(cluster.brokers, topic), outbox)
    let status = try await publisherStatus(publisher) {
      $0.phase == .publishing || $0.failure != nil
    }
    #expect(status.failure == nil, "\(status)")
  }

  @Test func aTopicWithAnotherPartitionCountIsRefusedWithBoth() async throws {
    for count in [1, 13] as [Partition] {
      let topic = uniqueName("eventually-test")
      let cluster = try TestCluster(topics: [(topic, count)])
      let outbox = MemoryOutbox(partitions: 12)
      outbox.append(1)
      let publisher = publisher(configuration(cluster.brokers, topic), outbox)
      let status = try await publisherStatus(publisher) { $0.phase == .blocked }
      #expect(
        status.failure?.contains("has \(count) partitions, but the store has 12") == true,
        "\(status)")
    }
  }

  /// The topic does not exist, and whoever asks for it by name would have it created with the brokers' partition count.
  @Test(.needsKafka) func aPublisherCreatesTheTopicWithTheStoresPartitionCount() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 0)])
    let outbox = MemoryOutbox(partitions: 7)
    outbox.append(50)
    let status = try await publishAll(configuration(cluster.brokers, topic), outbox)
    #expect(status.acknowledged == 50)
    let producer = try ProducerClient(configuration(cluster.brokers, topic), logger: testLogger)
    #expect(try producer.partitionCount(timeout: 5000) == (7, 0))
  }
}
