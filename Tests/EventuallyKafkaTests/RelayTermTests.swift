import Eventually
import Logging
import ServiceLifecycle
import Testing

@testable import EventuallyKafka

/// Publishers of one store, each in its own process as it were, and what they publish to.
private struct SharedTopic {
  let memory: MemoryOutbox
  let table = LeaseTable()
  let outboxes: [SharedOutbox]
  let publishers: [KafkaPublisher<SharedOutbox>]
  let configuration: KafkaConfiguration
  let cluster: TestCluster

  init(_ names: String..., length: Duration = .seconds(600)) throws {
    let topic = uniqueName("eventually-test")
    let memory = MemoryOutbox(partitions: 4)
    let table = table
    cluster = try TestCluster(topics: [(topic, 4)])
    configuration = EventuallyKafkaTests.configuration(cluster.brokers, topic)
    self.memory = memory
    let outboxes = names.map { SharedOutbox(memory, table, $0, length: length) }
    let configuration = configuration
    self.outboxes = outboxes
    publishers = outboxes.map {
      KafkaPublisher(
        configuration, source: $0, contentType: "text/plain", logger: testLogger)
    }
  }

  var seen: @Sendable () -> String {
    { [publishers, table] in
      "\(publishers.map(\.status)), \(table.holder) has epoch \(table.epoch)"
    }
  }

  func until(_ condition: @escaping @Sendable () throws -> Bool) async throws {
    try await within(.seconds(60), seen: seen) {
      while try !condition() { try await Task.sleep(for: .milliseconds(5)) }
    }
  }

  /// Until the publishers have claimed the lease some more times, in vain.
  func untilClaimed(_ indices: Int...) async throws {
    for outbox in indices.map({ outboxes[$0] }) {
      let before = table.claims(outbox.name)
      try await until { table.claims(outbox.name) > before + 5 }
    }
  }

  /// How many records the topic has.
  func count() async throws -> Int64 {
    let reader = PublisherPreparation(
      configuration, heartbeats: Heartbeats(), logger: testLogger)
    let offsets = try await reader.offsets(
      storeID: memory.storeID, partitions: 4, limits: TailLimits())
    await reader.end()
    return offsets.reduce(0) { $0 + $1.upperBound - $1.lowerBound }
  }

  /// Consumers get everything, once and in order.
  func expectConsumed() async throws {
    let model = MemoryReadModel()
    _ = try await consume(
      configuration, memory, into: model, group: uniqueName("group"),
      until: Int(memory.head.position))
    expectComplete(model, memory)
  }
}

@Suite(.timeLimit(.minutes(5))) struct RelayTermTests {
  /// When a publisher learns that its term is over.
  enum Loss: CaseIterable, Sendable {
    case pageRead, whileHandingOver, acknowledged, cursorSaving, cursorSaved
  }

  @Test(arguments: Loss.allCases)
  func nothingIsPublishedAfterTheTermIsKnownToBeOver(_ loss: Loss) async throws {
    let topic = try SharedTopic("a", "b")
    let (first, outbox, table) = (topic.publishers[0], topic.outboxes[0], topic.table)
    let isLost = Locked(false)
    let lose: @Sendable () -> Void = {
      table.take("thief")
      outbox.term?.fence()
      isLost.withLock { $0 = true }
    }
    switch loss {
    case .pageRead: outbox.at(.pageRead, lose)
    // The second page is read while the first is handed over.
    case .whileHandingOver: outbox.at(.pageRead, passage: 2, lose)
    case .acknowledged: break
    case .cursorSaving: outbox.at(.cursorSaving, lose)
    case .cursorSaved: outbox.at(.cursorSaved, lose)
    }
    topic.memory.append(2_500)
    let running = Task { try await first.run() }
    defer { running.cancel() }
    if loss == .acknowledged {
      try await within(.seconds(60), seen: topic.seen) { await first.published.wait(past: 0) }
      lose()
    }
    try await topic.until { isLost.withLock { $0 } && first.status.phase == .standby }
    #expect(first.status.holder == RelayHolder(name: "thief", epoch: 2))
    #expect(first.status.epoch == nil)
    try await topic.untilClaimed(0)
    let before = try await topic.count()
    if loss == .pageRead { #expect(before == 0) }
    if loss == .cursorSaving { #expect(topic.memory.published() == 0) }
    topic.memory.append(100)
    try await topic.untilClaimed(0)
    #expect(try await topic.count() == before)

    let second = topic.publishers[1]
    let takingOver = Task { try await second.run() }
    defer { takingOver.cancel() }
    try await topic.until { second.status.phase == .standby }
    table.giveUp()
    try await topic.until { topic.memory.published() == 2_600 }
    // What the topic had is found, whoever put it there.
    #expect(try await topic.count() == 2_600)
    try await topic.expectConsumed()
    running.cancel()
    takingOver.cancel()
    try await running.value
    try await takingOver.value
  }

  @Test func whoIsCutOffFromTheStoreIsReplaced() async throws {
    let topic = try SharedTopic("a", "b", length: .seconds(3))
    topic.memory.append(100)
    let running = Task { try await topic.publishers[0].run() }
    defer { running.cancel() }
    try await topic.until { topic.publishers[0].status.published == 100 }
    let other = Task { try await topic.publishers[1].run() }
    defer { other.cancel() }
    try await topic.until { topic.publishers[1].status.phase == .standby }
    topic.table.silence("a")
    try await topic.until { topic.publishers[1].status.phase == .publishing }
    try await topic.until {
      topic.publishers[0].status.phase == .standby
        && topic.publishers[0].status.holder?.name == "b"
    }
    topic.memory.append(100)
    try await topic.until { topic.publishers[1].status.published == 200 }
    // Who stands by tells how far the other is.
    try await topic.until { topic.publishers[0].status.published == 200 }
    try await within(.seconds(60), seen: topic.seen) {
      await topic.publishers[0].published.wait(past: 199)
    }
    #expect(topic.publishers[0].status.acknowledged == 100)
    try await topic.expectConsumed()
  }

  /// By nothing but that it gives the lease back.
  @Test func whoStopsLetsTheOtherPublishAtOnce() async throws {
    let topic = try SharedTopic("a", "b")
    topic.memory.append(100)
    let group = ServiceGroup(services: [topic.publishers[0]], logger: testLogger)
    let running = Task { try await group.run() }
    try await topic.until { topic.publishers[0].status.phase == .publishing }
    #expect(topic.publishers[0].status.epoch == 1)
    let other = Task { try await topic.publishers[1].run() }
    defer { other.cancel() }
    try await topic.until { topic.publishers[1].status.phase == .standby }
    topic.memory.append(1_000)
    await group.triggerGracefulShutdown()
    try await running.value
    #expect(topic.publishers[0].status.phase == .stopped)
    try await topic.until { topic.publishers[1].status.published == 1_100 }
    #expect(topic.publishers[1].status.epoch == 2)
    // What the first one had handed over was acknowledged before it ended.
    #expect(try await topic.count() == 1_100)
    try await topic.expectConsumed()
  }

  @Test func nothingIsLostHoweverOftenAnotherTakesOver() async throws {
    let topic = try SharedTopic("a", "b", "c")
    let running = topic.publishers.map { publisher in Task { try await publisher.run() } }
    defer { for task in running { task.cancel() } }
    let appending = Task {
      while !Task.isCancelled {
        topic.memory.append(7)
        try await Task.sleep(for: .milliseconds(5))
      }
    }
    var takeOvers = 0
    while takeOvers < 12 {
      let before = topic.memory.head.position
      let epoch = topic.table.epoch
      // In turn: the store gives it to another, the process learns it first, and it is only found out by its cursor.
      topic.table.take("thief")
      if takeOvers % 3 == 1 { for outbox in topic.outboxes { outbox.term?.fence() } }
      if takeOvers % 3 == 2 { try await topic.untilClaimed(0) }
      topic.table.giveUp()
      try await topic.until {
        topic.table.epoch > epoch + 1
          && topic.publishers.contains { $0.status.published > before }
      }
      takeOvers += 1
    }
    appending.cancel()
    _ = await appending.result
    let head = topic.memory.head.position
    try await topic.until { topic.publishers.contains { $0.status.published == head } }
    try await topic.expectConsumed()
  }

  @Test func aRecordThatWaitedTooLongIsGivenUp() async throws {
    var configuration = configuration("127.0.0.1:1", "nowhere")
    configuration.overrides = [KafkaSetting("message.timeout.ms", "0")]
    let memory = MemoryOutbox(partitions: 1)
    memory.append(1)
    let life = ProducerLife(
      try ProducerClient(
        configuration, recordTimeout: .milliseconds(500), logger: Logger(label: "test")))
    var batch = RecordBatch(storeID: memory.storeID, contentType: "text/plain", keys: nil)
    batch.append(memory.records(after: 0, limit: 1)[0])
    #expect(life.produce(batch) { _ in } == 1)
    let deadline = ContinuousClock.now + .seconds(60)
    var reports: [DeliveryReport] = []
    while reports.isEmpty, ContinuousClock.now < deadline { reports = life.reports(timeout: 100) }
    // RD_KAFKA_RESP_ERR__MSG_TIMED_OUT
    #expect(reports.map(\.code) == [-192])
    #expect(life.isAtEnd)
  }
}
