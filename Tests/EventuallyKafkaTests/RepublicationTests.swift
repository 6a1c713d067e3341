import Eventually
import EventuallySQLite
import Foundation
import Testing

@testable import EventuallyKafka

/// A topic that was lost, and a store whose events are published again.
@Suite(.timeLimit(.minutes(5)))
struct RepublicationTests {
  private typealias Store = SQLiteEventStore<TextCodec>

  private let folder = FileManager.default.temporaryDirectory.appending(
    path: "eventually-tests-\(UUID().uuidString)")
  private var path: String { folder.appending(path: "store.sqlite").path() }

  /// Runs the store's writer: it appends to streams in turn, and publishes until the topic has everything.
  private func write(
    _ count: Int, to configuration: KafkaConfiguration
  ) async throws -> PublisherStatus {
    let store = try Store(path: path, codec: TextCodec(), options: .init(partitionCount: 4))
    for number in 0..<count {
      _ = try await store.append(["\(number)"], to: "stream-\(number % 10)", expecting: .any)
    }
    let publisher = KafkaPublisher(
      configuration, source: store, contentType: "text/plain", logger: testLogger)
    let running = Task { try await publisher.run() }
    let head = store.head.position
    try await within(.seconds(60), seen: { "\(publisher.status)" }) {
      while publisher.status.phase != .publishing || publisher.status.published < head {
        try await Task.sleep(for: .milliseconds(10))
      }
    }
    let status = publisher.status
    running.cancel()
    try await running.value
    await store.close()
    return status
  }

  private func read(
    _ configuration: KafkaConfiguration, into model: MemoryReadModel,
    until condition: @escaping @Sendable (SubscriptionStatus) -> Bool
  ) async throws -> SubscriptionStatus {
    let log = try SQLiteEventLog(path: path)
    let subscription = Subscription(
      configuration, storeID: log.storeID, partitionCount: log.partitionCount, codec: TextCodec(),
      checkpoints: model, feed: log, options: .init(group: uniqueName("group"), owner: "test"),
      logger: testLogger)
    let projector = ReadModelProjector(subscription, into: model)
    let running = Task { await projector.run() }
    try await within(
      .seconds(60), seen: { "\(model.applied.position) applied, \(subscription.status)" }
    ) {
      while !condition(subscription.status) { try await Task.sleep(for: .milliseconds(5)) }
    }
    let status = subscription.status
    running.cancel()
    await running.value
    await subscription.stop()
    let heads = try await log.heads()
    for (partition, head) in heads.enumerated() where head > 0 {
      #expect(model.events[Partition(partition)] == Array(1...head))
    }
    return status
  }

  /// - Parameter isNoticed: whether nothing was published to the new topic before.
  @Test(
    .needsDevelopmentCluster("a topic is lost with its cluster"), arguments: [true, false])
  func aLostTopicGetsAllEventsAgain(isNoticed: Bool) async throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let topic = uniqueName("eventually-test")
    let model = MemoryReadModel()
    do {
      let lost = try TestCluster(topics: [(topic, 4)])
      let configuration = configuration(lost.brokers, topic)
      #expect(try await write(40, to: configuration).acknowledged == 40)
      _ = try await read(configuration, into: model) { _ in model.applied.position == 40 }
    }
    let cluster = try TestCluster(topics: [(topic, 4)])
    let configuration = configuration(cluster.brokers, topic)
    // Without that, the new topic gets only what comes after.
    if !isNoticed { #expect(try await write(5, to: configuration).acknowledged == 5) }
    let log = try SQLiteEventLog(path: path)
    let head: UInt64 = isNoticed ? 40 : 45
    let republication = try await log.republish()
    #expect(republication.from == 1 && republication.publishedBefore == head)
    let status = try await write(0, to: configuration)
    #expect(status.acknowledged == head && status.published == head && status.failure == nil)

    // Who begins now has all of them from the topic, where that has them in order.
    let new = MemoryReadModel()
    let read = try await read(configuration, into: new) { _ in new.applied.position == head }
    if isNoticed { #expect(read.eventsFromFeed == 0 && read.gapsRepaired == 0) }
    // Who had them already drops them.
    model.forgetOffsets()
    _ = try await self.read(configuration, into: model) {
      $0.duplicates >= 40 && model.applied.position == head
    }
    // A further writer finds them there.
    let next = try await write(0, to: configuration)
    #expect(next.acknowledged == 0)
  }
}
