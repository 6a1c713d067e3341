import Eventually
import Testing

@testable import EventuallyKafka

/// A store that can't note how far it is published, as with a full disk.
private final class FullStore: Outbox {
  let inner: MemoryOutbox
  let isFull = Locked(true)

  init(_ inner: MemoryOutbox) {
    self.inner = inner
  }

  var storeID: String { inner.storeID }
  var partitionCount: Partition { inner.partitionCount }
  var head: PositionSignal { inner.head }
  func published() -> UInt64 { inner.published() }
  func heads() -> [UInt64] { inner.heads() }
  func heads(at sequenceNumber: UInt64) -> [UInt64] { inner.heads(at: sequenceNumber) }
  func records(after sequenceNumber: UInt64, limit: Int) -> [EventRecord] {
    inner.records(after: sequenceNumber, limit: limit)
  }
  func markPublished(_ sequenceNumber: UInt64) throws(EventStoreError) {
    if isFull.withLock({ $0 }) { throw .unavailable("the disk is full") }
    inner.markPublished(sequenceNumber)
  }
}

@Suite(.timeLimit(.minutes(5))) struct CursorTests {
  @Test func aCursorThatCanNotBeSavedIsToldAndPublishingGoesOn() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 2)])
    let store = FullStore(MemoryOutbox(partitions: 2))
    store.inner.append(10)
    let publisher = KafkaPublisher(
      configuration(cluster.brokers, topic), source: store, contentType: "text/plain",
      logger: testLogger)
    let running = Task { try await publisher.run() }
    func becomes(_ condition: @escaping @Sendable (PublisherStatus) -> Bool) async throws {
      try await within(.seconds(20), seen: { "\(publisher.status)" }) {
        while !condition(publisher.status) { try await Task.sleep(for: .milliseconds(10)) }
      }
    }
    try await becomes { $0.cursorFailure?.contains("the disk is full") == true }
    store.inner.append(10)
    try await becomes { $0.published == 20 && $0.phase == .publishing && $0.failure == nil }
    #expect(store.published() == 0)
    store.isFull.withLock { $0 = false }
    try await becomes { $0.cursorFailure == nil }
    #expect(store.published() == 20)
    // It was one producer all the time.
    #expect(publisher.status.acknowledged == 20)
    running.cancel()
    try await running.value
  }
}
