import Eventually
import ServiceLifecycle
import Testing

@testable import EventuallyKafka

@Suite(.timeLimit(.minutes(5))) struct GracefulShutdownTests {
  /// Without an error, and after it has saved how far it is.
  @Test func itEndsAPublisher() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 2)])
    let outbox = MemoryOutbox(partitions: 2)
    outbox.append(10)
    let publisher = publisher(configuration(cluster.brokers, topic), outbox)
    let group = ServiceGroup(services: [publisher], logger: testLogger)
    let running = Task { try await group.run() }
    try await within(.seconds(60), seen: { "\(publisher.status)" }) {
      await publisher.published.wait(past: 9)
    }
    await group.triggerGracefulShutdown()
    try await running.value
    #expect(publisher.status.phase == .stopped)
    #expect(outbox.published() == 10)
  }
}
