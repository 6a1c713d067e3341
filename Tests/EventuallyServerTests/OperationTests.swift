import Eventually
import Testing

@testable import EventuallyKafka
@testable import EventuallyServer

/// What a process says of itself.
@Suite struct OperationTests {
  @Test func aStoreThatCannotBeWrittenIsLoggedOnce() {
    var log = StoreFailureLog()
    #expect(log.found(nil) == nil)
    #expect(log.found("full") == .began("full"))
    #expect(log.found("full") == nil)
    #expect(log.found("still full") == nil)
    #expect(log.found(nil) == .ended)
    #expect(log.found(nil) == nil)
    #expect(log.found("full") == .began("full"))
  }

  private func lag(_ status: SubscriptionStatus) -> String {
    var json = JSONWriter()
    json.beginObject()
    WorkerReadiness.writeLag(status, &json)
    json.endObject()
    return String(decoding: json.bytes, as: UTF8.self)
  }

  /// Without an assignment nothing is known; an empty one is caught up with.
  @Test func aLagThatIsNotKnownIsNull() {
    var status = SubscriptionStatus()
    #expect(lag(status) == #"{"lag":null,"brokerLag":null}"#)
    status.isAssigned = true
    #expect(lag(status) == #"{"lag":0,"brokerLag":0}"#)
    status.headsHeard = .now
    status.partitions = [0: .init(epoch: 1, position: 3, storeHead: 5, phase: .consuming)]
    #expect(lag(status) == #"{"lag":2,"brokerLag":null}"#)
    status.partitions[0]?.storeHead = 1
    status.partitions[0]?.isStoreBehind = true
    #expect(lag(status) == #"{"lag":null,"brokerLag":null}"#)
  }
}
