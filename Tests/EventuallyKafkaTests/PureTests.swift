import Eventually
import Testing

@testable import EventuallyKafka

@Suite struct ContiguousPrefixTests {
  /// Every order of seven acknowledgements: the end is always just before the first that is missing.
  @Test func everyOrderOfAcknowledgements() {
    func permute(_ left: [UInt64], _ prefix: ContiguousPrefix, _ seen: Set<UInt64>) {
      var expected: UInt64 = 10
      while seen.contains(expected + 1) { expected += 1 }
      #expect(prefix.end == expected)
      #expect(prefix.waitingCount == seen.filter { $0 > expected }.count)
      for number in left {
        var next = prefix
        next.acknowledge(number)
        // Once more changes nothing.
        let once = next
        next.acknowledge(number)
        #expect(next == once)
        permute(left.filter { $0 != number }, next, seen.union([number]))
      }
    }
    permute(Array(11...17), ContiguousPrefix(end: 10), [])
  }

  @Test func whatIsBeforeTheEndChangesNothing() {
    var prefix = ContiguousPrefix(end: 10)
    prefix.acknowledge(10)
    prefix.acknowledge(3)
    #expect(prefix == ContiguousPrefix(end: 10))
  }

  @Test func aRangeJoinsWhatIsBeyondIt() {
    var prefix = ContiguousPrefix(end: 10)
    for number: UInt64 in [12, 15, 16, 20] { prefix.acknowledge(number) }
    prefix.acknowledge(upTo: 14)
    #expect(prefix.end == 16)
    #expect(prefix.waitingCount == 1)
    prefix.acknowledge(upTo: 3)
    #expect(prefix.end == 16)
  }
}

@Suite struct DeliveredBatchesTests {
  private func delivery(_ partition: Partition, after: UInt64?) -> Delivery<String> {
    Delivery(
      partition: partition, epoch: 1, after: after,
      entries: [
        .erased(
          id: EventID(high: 1, low: 1),
          at: EventPosition(
            partition: partition, partitionOffset: (after ?? 0) + 1, sequenceNumber: 1,
            version: 1))
      ], nextOffset: 7)
  }

  @Test func waitsUntilNothingIsOut() async throws {
    let batches = DeliveredBatches()
    await batches.allCompleted()
    batches.deliver()
    batches.deliver()
    let isCompleted = Locked(false)
    let waiting = Task {
      await batches.allCompleted()
      isCompleted.withLock { $0 = true }
    }
    batches.complete([delivery(2, after: 4)])
    #expect(batches.isOut)
    #expect(!isCompleted.withLock { $0 })
    batches.release([PartitionLease(partition: 3, epoch: 1, position: nil, offsetHint: nil)])
    batches.complete([Delivery<String>]())
    try await within(.seconds(10), seen: { "\(isCompleted.withLock { $0 })" }) {
      await waiting.value
    }
    let updates = batches.drainUpdates()
    #expect(updates.applied.map(\.partition) == [2] && updates.applied.map(\.position) == [5])
    #expect(updates.fenced.map(\.partition) == [3])
    #expect(batches.drainUpdates().applied.isEmpty)
  }

  /// Whoever has the next batch ready need not ask again and again.
  @Test func theCompletionOfTheLastOneIsTold() {
    let batches = DeliveredBatches()
    let told = Locked(0)
    batches.onCompletion { told.withLock { $0 += 1 } }
    batches.deliver()
    batches.deliver()
    batches.complete([delivery(1, after: nil)])
    #expect(told.withLock { $0 } == 0)
    batches.complete([Delivery<String>]())
    #expect(told.withLock { $0 } == 1)
    #expect(!batches.isOut)
  }

  @Test func whoWaitsIsResumedWhereNothingWillBeTold() async throws {
    let batches = DeliveredBatches()
    batches.deliver()
    let waiting = Task { await batches.allCompleted() }
    batches.forget()
    try await within(.seconds(10), seen: { "\(batches.isOut)" }) { await waiting.value }
  }
}

/// `#expect` takes its arguments apart, which mutating calls don't allow.
func check(_ value: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(value, sourceLocation: sourceLocation)
}

@Suite struct PartitionProgressTests {
  private func progress(at position: UInt64?) -> PartitionProgress {
    PartitionProgress(
      lease: PartitionLease(partition: 0, epoch: 1, position: position, offsetHint: nil),
      startOffset: 100)
  }

  @Test func acceptsTheNextAndDropsWhatItHad() {
    var state = progress(at: nil)
    #expect(state.receive(1, offset: 100) == .accept)
    #expect(state.receive(2, offset: 101) == .accept)
    #expect(state.receive(2, offset: 102) == .duplicate)
    #expect(state.receive(1, offset: 103) == .duplicate)
    #expect(state.receive(3, offset: 104) == .accept)
    #expect(state.position == 3)
    #expect(state.nextOffset == 105)
  }

  @Test func stopsAtAGapUntilItIsRepaired() {
    var state = progress(at: 5)
    #expect(state.receive(9, offset: 200) == .gap(6...8))
    #expect(state.receive(6, offset: 201) == .ignore)
    #expect(state.receive(10, offset: 202) == .ignore)
    #expect(state.nextOffset == 200)
    check(!state.repair(7))
    check(state.repair(6))
    #expect(state.missing == 7...8)
    check(!state.repair(6))
    check(state.repair(7))
    check(state.repair(8))
    #expect(state.phase == .consuming)
    // The record before which the gap was comes again.
    #expect(state.nextOffset == 200)
    #expect(state.receive(9, offset: 200) == .accept)
  }

  @Test func aRecordThatCanNotBeUsedIsFetchedFromElsewhere() {
    var state = progress(at: nil)
    #expect(state.receive(1, offset: 100) == .accept)
    #expect(state.reject(offset: 100) == 1...1)
    #expect(state.position == nil)
    check(state.repair(1))
    #expect(state.nextOffset == 101)
    #expect(state.receive(2, offset: 101) == .accept)
    #expect(state.reject(offset: 101) == 2...2)
    #expect(state.position == 1)
  }

  @Test func fallsBehindOnlyWhereTheHeadIsBeyond() {
    var state = progress(at: 5)
    #expect(state.fallBehind(head: 5) == nil)
    #expect(state.fallBehind(head: 7) == 6...7)
    #expect(state.fallBehind(head: 9) == nil)
    check(state.repair(6) && state.repair(7))
    #expect(state.nextOffset == 100)
  }

  @Test func aFencedPartitionTakesNothing() {
    var state = progress(at: 5)
    state.fence()
    #expect(state.receive(6, offset: 100) == .ignore)
    #expect(state.fallBehind(head: 9) == nil)
    check(!state.repair(6))
    #expect(state.position == 5)
  }

  /// Every stream of six records with partition sequences 1…4, in any order and with any repetitions, where
  /// each gap is repaired at once or only after the next record: what is let through is 1, 2, 3 … without a
  /// gap or a repetition, whatever comes.
  @Test func everyDisorderLetsThroughEachExactlyOnce() {
    let length = 6
    for code in 0..<(1 << (2 * length)) {
      for delayed in [false, true] {
        var state = progress(at: nil)
        var through: [UInt64] = []
        func repairAll() {
          while let missing = state.missing {
            #expect(missing.lowerBound == UInt64(through.count) + 1)
            check(state.repair(missing.lowerBound))
            through.append(missing.lowerBound)
          }
        }
        for index in 0..<length {
          let sequence = UInt64(code >> (2 * index) & 3) + 1
          switch state.receive(sequence, offset: Int64(index)) {
          case .accept: through.append(sequence)
          case .duplicate: #expect(through.contains(sequence))
          case .gap(let missing): #expect(missing.upperBound == sequence - 1)
          case .ignore: #expect(delayed)
          }
          if !delayed || index % 2 == 1 { repairAll() }
        }
        repairAll()
        #expect(through == (0..<UInt64(through.count)).map { $0 + 1 })
        #expect(state.position ?? 0 == UInt64(through.count))
      }
    }
  }
}

@Suite struct WirePositionTests {
  @Test func readsWhatItWrites() {
    let position = EventPosition(
      partition: 3, partitionOffset: 1, sequenceNumber: 9_223_372_036_854_775_807 - 1, version: 0)
    var bytes: [UInt8] = []
    position.appendWire(to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == "1.9223372036854775806.0")
    #expect(EventPosition(partition: 3, wire: bytes.span) == position)
  }

  @Test(arguments: [
    "", "1", "1.2", "1.2.", ".1.2", "1..2", "1.2.3.4", "1.2.x", "-1.2.3", "0.1.1", "1.0.1",
    "99999999999999999999.1.1",
  ])
  func refuses(text: String) {
    let bytes = Array(text.utf8)
    #expect(EventPosition(partition: 0, wire: bytes.span) == nil)
  }
}
