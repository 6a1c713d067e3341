import Eventually
import Foundation
import Testing

@testable import EventuallyPostgres

/// The store of records, without a codec.
@Suite(.timeLimit(.minutes(5))) struct StoreTests {
  @Test func whatIsAppendedIsRead() async throws {
    // Snapshots of other databases do not matter to what is erased.
    let store = try await TestStores.openRecords(try await TestServer.shared.get().makeDatabase())
    let first = try await store.append(["a", "b"], to: "s", expecting: .exact(0))
    #expect(first?.version == 2 && first?.sequenceNumber == 2, "\(first as Any)")
    let second = try await store.append(["c"], to: "t", expecting: .any)
    #expect(second?.sequenceNumber == 3)
    #expect(store.head.position == 3)
    let records = try await store.log.records(of: .store, after: 0, limit: 10, bytes: .max)
    #expect(records.map { String(decoding: $0.payload, as: UTF8.self) } == ["a", "b", "c"])
    #expect(records.map(\.streamID) == ["s", "s", "t"])
    #expect(records.map(\.position.version) == [1, 2, 1])
    let conflict = await #expect(throws: EventStoreError.self) {
      try await store.append(["x"], to: "s", expecting: .exact(1))
    }
    guard case .conflict(let found) = conflict else {
      Issue.record("\(conflict as Any)")
      return
    }
    #expect(found.expected == 1 && found.actual == 2)
    let removal = try await store.perform(.remove(streamID: "s", expecting: .exact(2)))
    guard case .added(let position) = removal else {
      Issue.record("\(removal)")
      return
    }
    #expect(position.sequenceNumber == 4 && position.version == 0)
    #expect(try await store.log.version(ofStream: "s") == 0)
    #expect(await store.waitForErasure(of: position, atMost: .seconds(60)))
    #expect(try await store.log.erasure(of: "s")?.erased != nil)
    let again = try await store.append(["d"], to: "s", expecting: .exact(0))
    #expect(again?.version == 1 && again?.sequenceNumber == 5)
    await store.close()
  }
}

extension PostgresRecordStore {
  func append(
    _ payloads: [String], to streamID: String, expecting: ExpectedVersion = .any,
    key: IdempotencyKey? = nil
  ) async throws(EventStoreError) -> EventPosition? {
    var (bytes, ends): ([UInt8], [Int]) = ([], [])
    for payload in payloads {
      bytes += Array(payload.utf8)
      ends.append(bytes.count)
    }
    let events = EncodedEvents(
      types: payloads.map { _ in "t" }, payloads: bytes, ends: ends, metadata: [], check: nil)
    switch try await perform(
      .append(
        streamID: streamID, expecting: expecting, events,
        key: key.map { StoredKey($0, of: streamID) }))
    {
    case .added(let last): return last
    case .unchanged(let last), .repeated(let last): return last
    }
  }
}
