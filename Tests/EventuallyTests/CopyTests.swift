import Testing

@testable import Eventually

/// The decisions of a copy.
@Suite struct CopyTests {
  private static let id = EventID(high: 1, low: 2)

  private func decide(
    movedTo: String? = nil, event: EventID? = id, _ state: CopyTargetState
  ) -> String {
    do {
      let admission = try CopyAdmission.decide(
        storeID: "s", partitionCount: 3, head: 10, movedTo: movedTo, event: event, target: state,
        from: "a", to: "b")
      return "\(admission)"
    } catch {
      return error.description
    }
  }

  private func unfinished(
    _ id: String = "s", _ partitions: Partition = 3, _ head: UInt64 = 10,
    last: EventID? = CopyTests.id
  ) -> CopyTargetState {
    .unfinished(storeID: id, partitionCount: partitions, head: head, last: last)
  }

  @Test func aNewCopyIsBegunAndItsOwnIsGoneOnWith() {
    for movedTo in [nil, "b"] {
      #expect(decide(movedTo: movedTo, .nothing) == "begin")
      #expect(decide(movedTo: movedTo, unfinished()) == "resume(after: 10)")
      #expect(
        decide(movedTo: movedTo, event: nil, unfinished("s", 3, 0, last: nil))
          == "resume(after: 0)")
    }
    #expect(decide(movedTo: "b", .store(id: "s")) == "alreadyMoved")
  }

  @Test func everythingElseIsRefused() {
    for state in [
      .nothing, unfinished(), unfinished("other"), .store(id: "s"), .store(id: "other"),
    ] {
      #expect(decide(movedTo: "c", state).contains("was moved to c"))
    }
    #expect(decide(.store(id: "s")).contains("are the same store"))
    for movedTo in [nil, "b"] {
      #expect(decide(movedTo: movedTo, .store(id: "other")).contains("a store at b already, other"))
      #expect(decide(movedTo: movedTo, unfinished("other")).contains("of another store, other"))
      for state in [unfinished("s", 4), unfinished("s", 3, 11), unfinished(last: nil)] {
        #expect(decide(movedTo: movedTo, state).contains("not the first ones of a"))
      }
      #expect(
        decide(movedTo: movedTo, event: EventID(high: 3, low: 4), unfinished())
          .contains("not the first ones of a"))
    }
  }

  private func record(
    _ sequence: UInt64, _ stream: String = "x", version: Version = 1, offset: UInt64? = nil,
    partition: Partition? = nil, type: String = "T", payload: [UInt8] = [1, 2]
  ) -> EventRecord {
    EventRecord(
      id: Self.id, type: type, streamID: stream,
      position: EventPosition(
        partition: partition ?? Partitioner(count: 1).partition(of: stream),
        partitionOffset: offset ?? sequence, sequenceNumber: sequence, version: version),
      time: Timestamp(microseconds: 5), payload: payload)
  }

  @Test func aGapInTheLogIsFound() {
    var order = CopyOrder(after: 4, heads: [4])
    #expect(order.take(record(5)) == nil)
    #expect(order.take(record(7))?.contains("5 is followed by 7") == true)
    #expect(order.take(record(6, offset: 7))?.contains("partition offset 7 after 5") == true)
    #expect(order.take(record(7, partition: 1))?.contains("is in partition 1") == true)
  }

  @Test func aStreamIsFollowedThroughItsRemoval() {
    var stream = CopiedStream()
    #expect(stream.take(record(1, version: 1, payload: [1, 2, 3])) == nil)
    #expect(stream.take(record(4, version: 2)) == nil)
    #expect(stream == CopiedStream(version: 2, head: 4, bytes: 5))
    #expect(stream.take(record(5, version: 4))?.contains("version 4 after 2") == true)
    #expect(stream.take(record(5, version: 3, type: EventRecord.removedType)) != nil)
    #expect(
      stream.take(record(5, version: 0, type: EventRecord.removedType, payload: [])) == nil)
    #expect(stream == CopiedStream())
    #expect(stream.take(record(6, version: 2)) != nil)
    #expect(stream.take(record(6, version: 0)) != nil)
    #expect(stream.take(record(6, version: 1)) == nil)
  }

  /// Any change of any part changes the digest of that part alone.
  @Test func aDigestTellsStoresApart() {
    let key = CopiedKey(
      stream: "x", key: [1], sequence: 1, seconds: 2, number: nil, request: nil)
    let skip = CopiedSkip(partition: 0, offset: 1, decided: Timestamp(microseconds: 3))
    func digest(
      _ records: [EventRecord], _ keys: [CopiedKey], _ skips: [CopiedSkip], published: UInt64 = 1
    ) -> StoreDigest.Value {
      var digest = StoreDigest()
      // However they come in pages.
      for record in records { digest.add([record]) }
      digest.add(keys)
      digest.add(skips: skips, progress: PublishedProgress(through: published))
      return digest.finalize()
    }
    let first = digest([record(1), record(2, version: 2)], [key], [skip])
    func differs(_ other: StoreDigest.Value) -> [String] { other.differences(from: first) }
    #expect(differs(digest([record(1), record(2, version: 2)], [key], [skip])) == [])
    var changed: [EventRecord] = []
    for change: (inout EventRecord) -> Void in [
      { $0.id = EventID(high: 1, low: 3) }, { $0.type = "U" }, { $0.streamID = "y" },
      { $0.position.sequenceNumber = 3 }, { $0.position.partitionOffset = 3 },
      { $0.position.partition = 1 }, { $0.position.version = 3 },
      { $0.time = Timestamp(microseconds: 6) }, { $0.payload = [1, 3] }, { $0.payload += [0] },
      { $0.metadata.correlationID = "c" }, { $0.type = EventRecord.erasedType },
    ] {
      var record = record(1)
      change(&record)
      changed.append(record)
    }
    for record in changed {
      #expect(differs(digest([record, self.record(2, version: 2)], [key], [skip])) == ["events"])
    }
    for change: (inout CopiedKey) -> Void in [
      { $0.stream = "y" }, { $0.key = [2] }, { $0.sequence = 2 }, { $0.seconds = 3 },
      { $0.number = 0 }, { $0.request = 0 },
    ] {
      var key = key
      change(&key)
      #expect(
        differs(digest([record(1), record(2, version: 2)], [key], [skip])) == ["idempotency keys"])
    }
    #expect(differs(digest([record(1), record(2, version: 2)], [key], [])).count == 1)
    #expect(
      differs(digest([record(1), record(2, version: 2)], [key], [skip], published: 2)).count == 1)
  }

  /// The bytes are what two databases, and two versions of the program, agree on.
  @Test func aDigestIsAlwaysTheSame() {
    var digest = StoreDigest()
    digest.add([record(1)])
    digest.add(skips: [], progress: PublishedProgress(through: 1))
    #expect(
      "\(digest.finalize())" == "6489da1e5ff5d7b031e6d6d7d7d6ec6c0e8a35fca3ad49ada94b187b88ea069c")
  }
}
