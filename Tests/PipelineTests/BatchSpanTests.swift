import Eventually
import Testing
import Tracing

@testable import EventuallyServer

/// A batch whose transaction never comes to an end.
@Suite(.serialized, .timeLimit(.minutes(5))) struct BatchSpanTests {
  private struct Trouble: Error {}

  /// One event of a trace that is recorded, again and again.
  private struct OneEvent: PartitionedSubscription {
    let delivery: Delivery<String>

    init(trace: String) {
      let event = Persisted(
        streamID: "s",
        position: EventPosition(
          partition: 0, partitionOffset: 1, sequenceNumber: 1, version: 1),
        id: EventID(high: 1, low: 1), time: .now(), event: "e",
        metadata: EventMetadata(traceParent: "00-\(trace)-b7ad6b7169203331-01"))
      delivery = Delivery(
        partition: 0, epoch: 1, after: nil, entries: [.event(event)], nextOffset: nil)
    }

    func resume() -> AsyncThrowingStream<[Delivery<String>], any Error> {
      AsyncThrowingStream { $0.yield([delivery]) }
    }

    func acknowledge(_ deliveries: [Delivery<String>]) {}
    func release(_ leases: [PartitionLease]) {}
  }

  private struct StoreInTrouble: ReadModelStore {
    func claim(_ partitions: [Partition], owner: String) throws -> [PartitionLease] {
      throw Trouble()
    }
    func keep(_ records: [RejectedRecord]) {}
    func apply(
      _ deliveries: [Delivery<String>], parking: [ProjectionFailure]
    ) throws -> ApplyOutcome { throw Trouble() }
  }

  @Test(arguments: [
    ("CancellationError", nil), ("Trouble", Duration.zero),
  ])
  func itsSpansEndWithWhy(type: String, absence: Duration?) async throws {
    Spans.bootstrapped
    let trace = W3CIdentity(in: nil, sampling: .all).traceID
    let failed = PositionSignal(at: 0)
    let projector = ReadModelProjector(
      OneEvent(trace: "\(trace)"), into: StoreInTrouble(),
      retry: RetryPolicy(firstPause: .milliseconds(1), longestPause: .milliseconds(2)),
      absence: absence, name: "troubled"
    ) { _ in failed.advance(to: 1) }
    let running = Task { await projector.run() }
    await failed.wait(past: 0)
    running.cancel()
    await running.value
    let spans = Spans.finished.withLock { $0 }
    let applied = try #require(
      spans.first { $0.name == "apply" && $0.identity.traceID == trace },
      "\(spans.map(\.name))")
    let batch = try #require(
      spans.first { $0.identity.spanID == applied.links.first?.span.spanID },
      "\(spans.map(\.name))")
    for span in [applied, batch] {
      #expect(span.attributes["error.type"]?.toSpanAttribute().text == type)
      #expect(span.error != nil)
    }
  }
}
