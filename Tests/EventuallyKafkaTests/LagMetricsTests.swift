import CoreMetrics
import Eventually
import Logging
import MetricsTestKit
import Testing

@testable import EventuallyKafka

extension TestMetrics {
  /// The values of the gauges of a name, by their last dimension; "" for one without dimensions.
  func gauges(_ label: String) -> [String: Double] {
    Dictionary(
      recorders(label: label).compactMap { gauge in
        gauge.lastValue.map { (gauge.dimensions.last?.1 ?? "", $0) }
      }, uniquingKeysWith: { $1 })
  }

  /// Waits until a gauge, or all of a name, say something.
  func wait(
    _ label: String, within limit: Duration = .seconds(30),
    until condition: @escaping @Sendable ([String: Double]) -> Bool
  ) async throws {
    try await EventuallyKafkaTests.within(limit, seen: { "\(label): \(self.gauges(label))" }) {
      while !Task.isCancelled, !condition(self.gauges(label)) {
        try await Task.sleep(for: .milliseconds(20))
      }
    }
  }
}

/// A feed that can be made to answer nothing.
private final class MutableFeed: EventFeed {
  let outbox: MemoryOutbox
  private let isSilent = Locked(false)

  init(_ outbox: MemoryOutbox) { self.outbox = outbox }

  func silence(_ isSilent: Bool) { self.isSilent.withLock { $0 = isSilent } }

  func records(partition: Partition, after position: UInt64, limit: Int) throws -> [EventRecord] {
    if isSilent.withLock({ $0 }) { throw EventStoreError.unavailable("silenced") }
    return outbox.records(partition: partition, after: position, limit: limit)
  }

  func heads() throws -> [UInt64] {
    if isSilent.withLock({ $0 }) { throw EventStoreError.unavailable("silenced") }
    return outbox.heads()
  }
}

/// A store that can't tell up to where it was published.
private final class ForgetfulOutbox: Outbox {
  let outbox: MemoryOutbox
  init(_ outbox: MemoryOutbox) { self.outbox = outbox }

  var storeID: String { outbox.storeID }
  var partitionCount: Partition { outbox.partitionCount }
  var head: PositionSignal { outbox.head }

  func published() throws(EventStoreError) -> UInt64 { throw .unavailable("forgotten") }
  func records(after sequenceNumber: UInt64, limit: Int) -> [EventRecord] {
    outbox.records(after: sequenceNumber, limit: limit)
  }
  func heads() -> [UInt64] { outbox.heads() }
  func heads(at sequenceNumber: UInt64) -> [UInt64] { outbox.heads(at: sequenceNumber) }
  func markPublished(_ sequenceNumber: UInt64) { outbox.markPublished(sequenceNumber) }
}

/// What the library reports of lag and backlog through swift-metrics, with nothing else set up.
@Suite(.timeLimit(.minutes(5))) struct LagMetricsTests {
  private static func status(
    heardStore: Duration?, heardBroker: Duration? = nil, at now: ContinuousClock.Instant
  ) -> SubscriptionStatus {
    var status = SubscriptionStatus()
    status.headsHeard = heardStore.map { now - $0 }
    status.broker.heard = heardBroker.map { now - $0 }
    status.broker.ends = [0: 40, 1: 40]
    status.partitions = [
      0: .init(epoch: 1, position: 10, nextOffset: 30, storeHead: 10, phase: .consuming),
      1: .init(
        epoch: 1, position: 10, appliedTime: Timestamp(microseconds: 7_000_000), nextOffset: 33,
        storeHead: 15, phase: .consuming),
      2: .init(epoch: 1, position: nil, storeHead: 4, phase: .consuming),
      3: .init(epoch: 1, position: 1, storeHead: 9, phase: .fenced),
    ]
    return status
  }

  @Test func onlyWhatIsKnownIsTold() {
    let instant = ContinuousClock.now
    func values(_ label: String, _ status: SubscriptionStatus) -> [Partition: Double] {
      let all = LagGauges.values(status, at: instant, now: Timestamp(microseconds: 9_500_000))
      return Dictionary(
        uniqueKeysWithValues: all.filter { $0.key.label == label }.map {
          ($0.key.partition, $0.value)
        })
    }
    // By the store; the partition that another worker took is that worker's.
    let heard = Self.status(heardStore: .seconds(1), at: instant)
    #expect(values(MetricName.lagEvents, heard) == [0: 0, 1: 5, 2: 4])
    #expect(values(MetricName.lagSeconds, heard) == [0: 0, 1: 2.5])
    // By the broker, where the store was not heard lately.
    let old = Self.status(heardStore: .seconds(6), heardBroker: .seconds(1), at: instant)
    #expect(values(MetricName.lagEvents, old) == [0: 10, 1: 7])
    #expect(values(MetricName.lagSeconds, old) == [1: 2.5])
    let silent = Self.status(heardStore: .seconds(6), heardBroker: .seconds(9), at: instant)
    #expect(LagGauges.values(silent, at: instant, now: .now()).isEmpty)
    // A store that ends before what was applied tells nothing of a lag, and is not caught up with.
    var ahead = heard
    ahead.partitions[0]?.storeHead = 3
    ahead.partitions[0]?.isStoreBehind = true
    #expect(values(MetricName.lagEvents, ahead) == [1: 5, 2: 4])
    // A clock that stepped back makes no negative age.
    #expect(
      LagGauges.values(heard, at: instant, now: Timestamp(microseconds: 1))[
        .init(label: MetricName.lagSeconds, partition: 1)] == 0)
  }

  @Test func gaugesGoWithWhatIsKnown() {
    let metrics = TestMetrics()
    let current = Locked<SubscriptionStatus?>(Self.status(heardStore: .zero, at: .now))
    withMetricsFactory(metrics) {
      let gauges = LagGauges(readModel: "notes") { current.withLock { $0 } }
      gauges.refresh()
      #expect(metrics.gauges(MetricName.lagEvents) == ["0": 0, "1": 5, "2": 4])
      #expect(metrics.gauges(MetricName.lagSeconds).keys.sorted() == ["0", "1"])
      #expect(metrics.recorders.allSatisfy { $0.dimensions.first?.1 == "notes" })
      current.withLock { $0?.partitions[1] = nil }
      gauges.refresh()
      #expect(metrics.gauges(MetricName.lagEvents) == ["0": 0, "2": 4])
      #expect(metrics.gauges(MetricName.lagSeconds) == ["0": 0])
      gauges.end()
      gauges.refresh()
      #expect(metrics.recorders.isEmpty)
    }
  }

  /// A topic that was made for another store: leases of partitions that the store does not have would damage the read model.
  @Test func partitionsOfAnotherStoreAreNotTaken() async throws {
    let (topic, cluster) = (uniqueName("topic"), try DevelopmentCluster())
    try cluster.createTopic(topic, partitions: 6)
    let outbox = MemoryOutbox(partitions: 4)
    let model = MemoryReadModel()
    let subscription = Subscription(
      configuration(cluster.brokers, topic), storeID: outbox.storeID, partitionCount: 4,
      codec: TextCodec(), checkpoints: model, feed: MutableFeed(outbox),
      options: Subscription.Options(group: uniqueName("group"), owner: "one"), logger: testLogger)
    let projector = ReadModelProjector(subscription, into: model)
    let working = Task { await projector.run() }
    try await within(.seconds(60), seen: { "\(subscription.status)" }) {
      while subscription.status.partitions.isEmpty, !Task.isCancelled {
        try await Task.sleep(for: .milliseconds(20))
      }
    }
    #expect(subscription.status.partitions.keys.sorted() == [0, 1, 2, 3])
    #expect(subscription.status.foreignPartitions == [4, 5])
    working.cancel()
    await working.value
  }

  /// Nothing is acknowledged, so nothing but the clock makes the gauge follow the store.
  @Test func theBacklogGrowsWhileTheBrokerIsAway() async throws {
    let metrics = TestMetrics()
    let outbox = MemoryOutbox(partitions: 2)
    outbox.append(7)
    outbox.markPublished(3)
    let publisher = publisher(configuration("127.0.0.1:1", "nowhere"), outbox)
    let running = withMetricsFactory(metrics) { Task { try await publisher.run() } }
    try await metrics.wait(MetricName.publishBacklog) { $0 == ["": 4] }
    outbox.append(3)
    try await metrics.wait(MetricName.publishBacklog) { $0 == ["": 7] }
    #expect(metrics.gauges(MetricName.publishBlocked) == ["": 0])
    running.cancel()
    try await running.value
    #expect(metrics.recorders(label: MetricName.publishBacklog).isEmpty)
    #expect(metrics.recorders(label: MetricName.publishBlocked).isEmpty)
  }

  @Test func anUnknownBacklogIsNotTold() async throws {
    let metrics = TestMetrics()
    let memory = MemoryOutbox(partitions: 2)
    memory.append(7)
    let publisher = KafkaPublisher(
      configuration("127.0.0.1:1", "nowhere"), source: ForgetfulOutbox(memory),
      contentType: "text/plain", logger: testLogger)
    let running = withMetricsFactory(metrics) { Task { try await publisher.run() } }
    try await within(.seconds(120), seen: { "\(publisher.status)" }) {
      while !Task.isCancelled, publisher.status.phase != .waiting {
        try await Task.sleep(for: .milliseconds(10))
      }
    }
    try await metrics.wait(MetricName.publishBlocked) { $0 == ["": 0] }
    #expect(metrics.recorders(label: MetricName.publishBacklog).isEmpty)
    running.cancel()
    try await running.value
  }

  @Test func aTopicThatCannotBePublishedToIsTold() async throws {
    let topic = uniqueName("topic")
    let cluster = try TestCluster(topics: [(topic, 3)])
    let metrics = TestMetrics()
    let outbox = MemoryOutbox(partitions: 4)
    let publisher = publisher(configuration(cluster.brokers, topic), outbox)
    let running = withMetricsFactory(metrics) { Task { try await publisher.run() } }
    try await metrics.wait(MetricName.publishBlocked) { $0 == ["": 1] }
    running.cancel()
    try await running.value
  }

  /// A worker's lag comes with its partitions, goes while neither store nor broker is heard and where another worker
  /// gets a partition, and ends with the subscription.
  @Test func aWorkersLagIsToldWhileItIsKnown() async throws {
    let topic = uniqueName("topic")
    let group = uniqueName("group")
    let cluster = try DevelopmentCluster()
    try cluster.createTopic(topic, partitions: 4)
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 4)
    outbox.append(100)
    let written = TestMetrics()
    let publisher = publisher(configuration, outbox)
    let publishing = withMetricsFactory(written) { Task { try await publisher.run() } }
    try await written.wait(MetricName.publishBacklog) { $0 == ["": 0] }

    let feed = MutableFeed(outbox)
    let lines = LogLines()
    let model = MemoryReadModel()
    func work(_ metrics: TestMetrics, _ owner: String) -> (Subscription, Task<Void, Never>) {
      var options = Subscription.Options(group: group, owner: owner)
      options.headInterval = .milliseconds(200)
      options.readModel = "notes"
      let subscription = Subscription(
        configuration, storeID: outbox.storeID, partitionCount: 4, codec: TextCodec(),
        checkpoints: model, feed: feed, options: options,
        logger: Logger(label: "test") { _ in lines })
      let projector = ReadModelProjector(subscription, into: model)
      return (subscription, withMetricsFactory(metrics) { Task { await projector.run() } })
    }
    let metrics = TestMetrics()
    let (subscription, working) = work(metrics, "one")
    try await metrics.wait(MetricName.lagEvents) { $0 == ["0": 0, "1": 0, "2": 0, "3": 0] }
    #expect(metrics.gauges(MetricName.lagSeconds) == ["0": 0, "1": 0, "2": 0, "3": 0])
    let dimensions = metrics.recorders(label: MetricName.lagEvents).map { $0.dimensions.map(\.0) }
    #expect(dimensions.allSatisfy { $0 == ["read_model", "partition"] }, "\(dimensions)")
    #expect(
      metrics.recorders(label: MetricName.lagEvents, dimensions: [("read_model", "notes")]).count
        == 4)

    feed.silence(true)
    try cluster.setBroker(1, isUp: false)
    try await metrics.wait(MetricName.lagEvents, within: .seconds(60)) { $0.isEmpty }
    #expect(metrics.gauges(MetricName.lagSeconds).isEmpty)
    #expect(lines.text.split(separator: "\n").count { $0.contains("feed can't be read") } == 1)
    feed.silence(false)
    try cluster.setBroker(1, isUp: true)
    try await metrics.wait(MetricName.lagEvents, within: .seconds(60)) { $0.count == 4 }

    #expect(lines.text.contains("the event feed can be read again"), "\(lines.text)")

    let second = TestMetrics()
    let (other, otherWorking) = work(second, "two")
    try await second.wait(MetricName.lagEvents, within: .seconds(60)) { $0.count == 2 }
    try await metrics.wait(MetricName.lagEvents, within: .seconds(60)) { $0.count == 2 }
    #expect(
      Set(metrics.gauges(MetricName.lagEvents).keys).isDisjoint(
        with: second.gauges(MetricName.lagEvents).keys))

    for (subscription, working) in [(subscription, working), (other, otherWorking)] {
      working.cancel()
      await working.value
      await subscription.stop()
    }
    #expect(metrics.gauges(MetricName.lagEvents).isEmpty)
    #expect(second.gauges(MetricName.lagEvents).isEmpty)
    publishing.cancel()
    try await publishing.value
    #expect(written.gauges(MetricName.publishBacklog).isEmpty)
  }
}
