import Eventually
import Testing

@testable import EventuallyKafka

@Suite(.timeLimit(.minutes(5))) struct EvidenceTests {
  private func waits(
    _ evidence: inout PartitionEvidence, seconds: Int, brokerEnd: Int64?, nextOffset: Int64
  ) -> Int {
    (0..<(seconds * 10)).count { _ in
      evidence.wait(.milliseconds(100), brokerEnd: brokerEnd, nextOffset: nextOffset)
    }
  }

  @Test func whatIsAtTheBrokersEndDoesNotStall() {
    var evidence = PartitionEvidence()
    #expect(waits(&evidence, seconds: 100, brokerEnd: 7, nextOffset: 7) == 0)
    #expect(evidence.stall == nil)
    // The last records of a partition may be none that are given to a consumer.
    evidence.reachEnd(9)
    #expect(waits(&evidence, seconds: 100, brokerEnd: 9, nextOffset: 7) == 0)
    #expect(evidence.stall == nil)
  }

  @Test func silenceIsAStallWhereTheBrokerHasMoreOrIsNotHeard() {
    for end in [8, nil] as [Int64?] {
      var evidence = PartitionEvidence()
      #expect(waits(&evidence, seconds: 9, brokerEnd: end, nextOffset: 7) == 0)
      #expect(evidence.stall == nil)
      // A slow fetch is not given up.
      #expect(waits(&evidence, seconds: 60, brokerEnd: end, nextOffset: 7) == 0)
      #expect(evidence.stall == .init(waited: .seconds(69), reason: nil))
      evidence.receive()
      #expect(evidence == PartitionEvidence())
    }
  }

  /// Also at the end of a partition; and fetching is tried anew, ever more seldom.
  @Test func aFailedFetchIsAStallUntilThereIsASign() {
    var evidence = PartitionEvidence()
    evidence.reachEnd(7)
    evidence.fail("refused")
    #expect(waits(&evidence, seconds: 1, brokerEnd: 7, nextOffset: 7) == 0)
    #expect(evidence.stall == nil)
    #expect(waits(&evidence, seconds: 61, brokerEnd: 7, nextOffset: 7) == 6)
    #expect(evidence.stall == .init(waited: .seconds(62), reason: "refused"))
    evidence.reachEnd(7)
    #expect(evidence.stall == nil)
  }

  /// The topic has nothing of what the store has, so that all partitions are repaired at once.
  @Test func whatTheFeedBringsFitsInBatchesToo() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try TestCluster(topics: [(topic, 4)])
    let outbox = MemoryOutbox(partitions: 4)
    outbox.append(400)
    let model = MemoryReadModel()
    _ = try await consume(
      configuration(cluster.brokers, topic), outbox, into: model, group: cluster.group(),
      batchSize: 50
    ) { _ in model.applied.position == 400 }
    expectComplete(model, outbox)
    #expect(model.largest <= 50, "\(model.largest)")
  }

  @Test func lagIsUnknownWhereNoEndWasHeardLately() {
    let now = ContinuousClock.now
    var status = SubscriptionStatus()
    #expect(status.lag(of: 0, at: now) == nil)
    status.partitions[0] = .init(epoch: 1, position: 5, storeHead: 9, phase: .consuming)
    #expect(status.lag(of: 0, at: now) == nil)
    status.headsHeard = now
    #expect(status.lag(of: 0, at: now + .seconds(1)) == 4)
    #expect(status.lag(of: 0, at: now + .seconds(6)) == nil)
    status.broker = BrokerStatus(ends: [0: 12], heard: now)
    #expect(status.lag(of: 0, at: now + .seconds(6)) == nil)
    status.partitions[0]?.nextOffset = 10
    #expect(status.lag(of: 0, at: now + .seconds(6)) == 2)
    #expect(status.lag(of: 0, at: now + .seconds(9)) == nil)
  }

  /// Fetching fails for a while, though the broker answers: the worker says so, and goes on by itself afterwards.
  @Test(.needsDevelopmentCluster("only that one fails fetches on request"))
  func aSubscriptionTellsThatItsFetchesFail() async throws {
    let topic = uniqueName("eventually-test")
    let cluster = try DevelopmentCluster()
    try cluster.createTopic(topic, partitions: 2)
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 2)
    outbox.append(20)
    _ = try await publishAll(configuration, outbox)
    let model = MemoryReadModel()
    let group = uniqueName("group")
    cluster.fail(.fetch, code: 29, count: 6)
    let failing = try await consume(configuration, outbox, into: model, group: group) { status in
      !status.partitions.isEmpty && status.partitions.values.allSatisfy { $0.stall?.reason != nil }
    }
    let reason = failing.partitions[0]?.stall?.reason ?? ""
    #expect(reason.contains("TOPIC_AUTHORIZATION_FAILED"), "\(reason)")
    let going = try await consume(configuration, outbox, into: model, group: group) { status in
      model.applied.position == 20 && status.partitions.count == 2
        && status.partitions.values.allSatisfy { $0.stall == nil }
    }
    #expect(going.partitions.count == 2)
    expectComplete(model, outbox)
  }
}
