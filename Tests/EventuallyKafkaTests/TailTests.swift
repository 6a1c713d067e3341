import Eventually
import Testing

@testable import EventuallyKafka

@Suite struct PartitionTailTests {
  private func tail(_ proven: UInt64, _ found: [UInt64]) -> PartitionTail {
    var tail = PartitionTail(proven: proven)
    for position in found { tail.find(.own(position)) }
    return tail
  }

  @Test func anEmptyPartitionHasWhatTheCursorProves() {
    #expect(tail(7, []).contiguous == 7)
    #expect(!tail(7, []).reachesBack)
  }

  @Test func itGoesOnBehindWhatWasFound() {
    let tail = tail(7, [6, 7, 8, 9])
    #expect(tail.contiguous == 9)
    #expect(tail.reachesBack)
  }

  @Test func aHoleEndsIt() {
    let tail = tail(7, [6, 7, 8, 10, 11])
    #expect(tail.contiguous == 8)
    #expect(tail.last == 11)
  }

  @Test func aWindowThatBeginsLaterDoesNotReachBack() {
    let tail = tail(7, [9, 10])
    #expect(tail.contiguous == 7)
    #expect(!tail.reachesBack)
  }

  @Test func publishedTwiceOrOutOfOrderIsPublished() {
    #expect(tail(7, [8, 10, 11, 9, 10, 11]).contiguous == 11)
  }

  @Test func oldEventsBehindTheirSuccessorsTakeNothingAway() {
    #expect(tail(7, [8, 9, 10, 11, 8, 9]).contiguous == 11)
    #expect(tail(7, [8, 9, 5, 6, 7, 10]).contiguous == 10)
    #expect(!tail(7, [5, 6]).reachesBack)
    #expect(tail(7, [7, 8, 5, 6]).reachesBack)
  }

  /// A relay publishes up to some event, and is stopped with more in its queue; its successor goes on from what it found, and
  /// the first one wakes up and sends its queue, which may happen twice. However much of the topic's end is read, nothing counts
  /// as published that is not, and whoever reads as far as it says knows of everything that follows on what the cursor proves,
  /// or of a part without a gap.
  @Test func everyRunOfAStoppedRelay() {
    for head: UInt64 in 1...6 {
      for first in 1...head {
        for last in first...head {
          for again in [nil, first, last] {
            let topic = Array(1...head) + Array(first...last) + (again.map { [$0] } ?? [])
            for proven in 0...head { expectRight(topic, proven) }
          }
        }
      }
    }
  }

  private func expectRight(_ topic: [UInt64], _ proven: UInt64) {
    let head = topic.max() ?? 0
    var tail = PartitionTail(proven: proven)
    for (read, offset) in topic.reversed().enumerated() {
      guard !tail.reachesBack else { break }
      tail.find(.own(offset))
      #expect((proven...head).contains(tail.contiguous), "\(topic), \(proven), \(read)")
      #expect(tail.conflict(head: head) == nil)
    }
    // Nothing to publish that the topic seems to have lost.
    #expect(tail.last >= proven, "\(topic), \(proven)")
    if topic.last == head { #expect(tail.contiguous == head, "\(topic), \(proven)") }
    var whole = PartitionTail(proven: proven)
    for offset in topic { whole.find(.own(offset)) }
    #expect(whole.contiguous == head, "\(topic), \(proven)")
  }

  @Test func whatTheBrokerDeletedWasThere() {
    var tail = tail(7, [30, 31, 33])
    tail.passOverDeleted()
    #expect(tail.contiguous == 31)
  }

  /// A store with three events in the partition, of which the cursor proves none or one, and every topic of up to five
  /// records: its own events, forged ones, junk, and records that claim to be ahead, in every order. Only its own count,
  /// and only what follows on its last event is a conflict.
  @Test func everyTopicOfFiveRecords() {
    let alphabet: [PartitionTail.Evidence] = [
      .own(1), .own(2), .own(3), .notOurs, .ahead(4), .ahead(5), .ahead(9), .diverged(2),
    ]
    func extend(_ tail: PartitionTail, _ records: [PartitionTail.Evidence], proven: UInt64) {
      let own = Set(records.compactMap { if case .own(let offset) = $0 { offset } else { nil } })
      var expected = proven
      while own.contains(expected + 1) { expected += 1 }
      #expect(tail.contiguous == expected, "\(records)")
      #expect(tail.last == own.max() ?? 0, "\(records)")
      #expect(tail.notOurs == records.count { $0 == .notOurs }, "\(records)")
      let conflict: PartitionTail.Conflict? =
        if records.contains(.diverged(2)) {
          .diverged(at: 2)
        } else if records.contains(.ahead(4)) {
          .ahead(through: records.contains(.ahead(9)) ? 9 : records.contains(.ahead(5)) ? 5 : 4)
        } else {
          nil
        }
      #expect(tail.conflict(head: 3) == conflict, "\(records)")
      guard records.count < 5 else { return }
      for evidence in alphabet {
        var next = tail
        next.find(evidence)
        extend(next, records + [evidence], proven: proven)
      }
    }
    for proven: UInt64 in [0, 1] {
      extend(PartitionTail(proven: proven), [], proven: proven)
    }
  }

  @Test func whatTheStoreHasReachedMeanwhileIsNoConflict() {
    var tail = tail(7, [7])
    tail.find(.ahead(8))
    #expect(tail.conflict(head: 7) == .ahead(through: 8))
    #expect(tail.conflict(head: 8) == nil)
  }

  @Test func whatWasNotReadIsNotKnown() {
    var tail = tail(7, [])
    tail.find(.ahead(900))
    #expect(tail.conflict(head: 7) == nil)
    tail.cutShort()
    #expect(tail.conflict(head: 7) == .ahead(through: 900))
  }
}

@Suite struct TailClaimTests {
  private let stored = EventRecord(
    id: EventID(high: 1, low: 2), type: "Text", streamID: "a",
    position: EventPosition(partition: 0, partitionOffset: 5, sequenceNumber: 9, version: 2),
    time: .now(), payload: [1, 2, 3])

  private func claim(_ record: EventRecord, isSigned: Bool = false) -> TailClaim {
    TailClaim(
      position: record.position, id: record.id, fingerprint: RecordFingerprint(record),
      isSigned: isSigned)
  }

  private func classify(
    _ claimed: EventRecord, _ stored: EventRecord?, isSigned: Bool = false,
    mayBePublished: Bool = false
  ) -> PartitionTail.Evidence {
    claim(claimed, isSigned: isSigned).classify(
      against: stored, heads: [5], sequenceNumber: 9, mayBePublished: mayBePublished)
  }

  @Test func theStoresEventIsItsOwn() {
    #expect(classify(stored, stored) == .own(5))
    #expect(classify(stored, stored, isSigned: true) == .own(5))
    #expect(classify(stored, stored, mayBePublished: true) == .own(5))
  }

  @Test func anythingElseInItsPlaceIsNot() {
    let changes: [(inout EventRecord) -> Void] = [
      { $0.id = EventID(high: 1, low: 3) }, { $0.payload = [1, 2, 4] }, { $0.payload = [] },
      { $0.type = "Other" }, { $0.type = EventRecord.removedType }, { $0.streamID = "b" },
      { $0.position.partitionOffset = 4 }, { $0.position.version = 3 },
      { $0.position.partition = 1 },
    ]
    for change in changes {
      var forged = stored
      change(&forged)
      #expect(classify(forged, stored) == .notOurs, "\(forged)")
      #expect(
        classify(forged, stored, isSigned: true) == .diverged(forged.position.partitionOffset))
      #expect(
        classify(forged, stored, mayBePublished: true)
          == .diverged(forged.position.partitionOffset))
    }
  }

  /// It stands for its event where that was decided, whatever that is now, and says nothing otherwise.
  @Test func aPlaceholderCountsWhereItWasDecided() {
    var placeholder = claim(stored)
    placeholder.isPlaceholder = true
    for isSigned in [false, true] {
      placeholder.isSigned = isSigned
      func classify(_ stored: EventRecord?, _ isSkipped: Bool) -> PartitionTail.Evidence {
        placeholder.classify(
          against: stored, heads: [5], sequenceNumber: 9, isSkipped: isSkipped)
      }
      #expect(classify(stored, true) == .own(5))
      #expect(classify(stored, false) == .notOurs)
      #expect(classify(nil, true) == .notOurs)
      var other = stored
      other.id = EventID(high: 1, low: 3)
      #expect(classify(other, true) == .notOurs)
      other = stored
      other.position.version = 3
      #expect(classify(other, true) == .notOurs)
    }
  }

  @Test func anErasedEventIsKnownByItsID() {
    var erased = stored
    erased.type = EventRecord.erasedType
    erased.payload = []
    #expect(classify(stored, erased) == .own(5))
    var other = stored
    other.id = EventID(high: 1, low: 3)
    #expect(classify(other, erased) == .notOurs)
  }

  /// Sequence numbers that the store has given out can't belong to partition offsets that it has not.
  @Test func onlyBothNumbersBeyondTheStoreAreAhead() {
    for (offset, sequence, isAhead) in [
      (6, 10, true), (1_000_006, 10, true), (5, 10, false), (6, 9, false),
    ] as [(UInt64, UInt64, Bool)] {
      let forged = stored.forged(at: offset, sequence: sequence)
      let found = sequence <= 9 ? stored : nil
      #expect(classify(forged, found) == (isAhead ? .ahead(offset) : .notOurs))
    }
  }

  @Test func aRemovalIsATombstone() {
    var removal = stored
    removal.type = EventRecord.removedType
    removal.payload = []
    #expect(classify(removal, removal) == .own(5))
    var empty = removal
    empty.type = "Text"
    #expect(RecordFingerprint(removal) != RecordFingerprint(empty))
  }
}

/// The end of a topic that can't be fetched, or is not the store's any more.
@Suite(.timeLimit(.minutes(5))) struct UnreadableTailTests {
  /// Records that the store may have published itself, before it went back.
  @Test func whatTheStoreHasLostSinceIsNotPassedOver() async throws {
    let topic = uniqueName("topic")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let outbox = MemoryOutbox(partitions: 1)
    outbox.append(20)
    let configuration = configuration(cluster.brokers, topic)
    _ = try await publishAll(configuration, outbox)
    // Other events have got the numbers by now.
    let restored = outbox.restored(to: 15)
    restored.append(10)
    for mayHaveGoneBack in [false, true] {
      let preparation = PublisherPreparation(
        configuration, heartbeats: Heartbeats(), logger: testLogger)
      var tail = TopicTail(source: restored, preparation: preparation)
      tail.mayHaveGoneBack = mayHaveGoneBack
      let found = try await tail.read(behind: [12])
      #expect(found.tails[0].contiguous == 15)
      #expect(found.conflicts[0] == (mayHaveGoneBack ? .diverged(at: 16) : nil))
      // What is known to be published says nothing of what was lost.
      #expect(try await tail.read(behind: [20]).conflicts[0] == nil)
      await preparation.end()
    }
  }

  /// A record larger than the client takes is the last of a partition: librdkafka breaks the connection off again and again.
  @Test(.needsDevelopmentCluster("a topic takes no record of that size by default"))
  func aRecordThatCanNotBeFetchedIsAReasonNotToPublish() async throws {
    let topic = uniqueName("topic")
    let cluster = try TestCluster(topics: [(topic, 2)])
    let outbox = MemoryOutbox(partitions: 2)
    outbox.append(20)
    let plain = configuration(cluster.brokers, topic)
    _ = try await publishAll(plain, outbox)
    let partition = try #require(outbox.records(after: 19, limit: 1).first).position.partition
    var large = try #require(outbox.records(after: 19, limit: 1).first)
    large.payload = [UInt8](repeating: 1, count: 4_400_000)
    try await produce([large], plain, storeID: outbox.storeID)
    var small = plain
    small.overrides.append(KafkaSetting("receive.message.max.bytes", "4194900"))
    outbox.markPublished(0)
    let preparation = PublisherPreparation(small, heartbeats: Heartbeats(), logger: testLogger)
    var tail = TopicTail(source: outbox, preparation: preparation)
    tail.limits.silence = .seconds(3)
    let found = try await tail.read(behind: [0, 0])
    #expect(found.unreadable.keys.sorted() == [partition])
    // The other partition is as it is.
    #expect(found.tails[1 - Int(partition)].contiguous == outbox.heads()[1 - Int(partition)])
    await preparation.end()
    let words = TopicError.unreadable(topic: topic, partition: partition, reason: "x").description
    #expect(words.contains("receive.message.max.bytes") && words.contains("publish-anyway"))
  }
}
