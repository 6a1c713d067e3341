import Eventually
import Foundation
import Testing

@testable import EventuallyPostgres

@Suite(.timeLimit(.minutes(5))) struct RelayTests {
  /// A relay that can't renew its lease, as one whose process is stopped, loses it by its own clock before another gets it.
  @Test func aRelayThatIsCutOffStopsBeforeTheNextOneBegins() async throws {
    let schema = TestStores.schema()
    let first = try await TestStores.openRecords(schema: schema) {
      $0.holder = "first"
      $0.relay = RelayLease.Timing()
    }
    let second = try await TestStores.openRecords(schema: schema) { $0.holder = "second" }
    _ = try await first.append(["a"], to: "s")
    var term = try await first.lease { _ in }
    // It stays held as long as it is renewed, which a busy machine may not come to.
    for _ in 0..<10 {
      try await Task.sleep(for: .seconds(4))
      if term.isHeld { break }
      term = try await first.lease { _ in }
    }
    #expect(term.isHeld)
    #expect(try await second.log.relayHolder() == RelayHolder(name: "first", epoch: term.epoch))
    let holders = Locked<Set<String>>([])
    let waiting = Task {
      try await second.lease { holder in holders.withLock { _ = $0.insert(holder.name) } }
    }
    try await until("the second waits") { holders.withLock { $0 } == ["first"] }
    // Renewals wait for whoever holds the row.
    let holder = try await RawSession(schema: schema)
    try await holder.run("BEGIN", "SELECT FROM relay FOR UPDATE")
    await term.waitUntilLost()
    #expect(!term.isHeld)
    try await holder.run("COMMIT")
    let next = try await waiting.value
    #expect(next.epoch == term.epoch + 1)
    await #expect(throws: RelayFenced.self) { try await first.markPublished(1, under: term) }
    #expect(try await second.published() == 0)
    await term.release()
    // What the old one gives back is not the new one's.
    #expect(next.isHeld)
    try await second.markPublished(1, under: next)
    await second.close()
    #expect(try await first.log.relayHolder() == nil)
    let again = try await first.lease { _ in }
    #expect(again.epoch == next.epoch + 1)
    await first.close()
  }

  @Test func progressAndDecisionsAreKept() async throws {
    let store = try await TestStores.openRecords(options: .init(partitionCount: 2))
    for number in 0..<10 { _ = try await store.append(["e"], to: "s \(number)") }
    let record = try await store.log.records(partition: 0, after: 0, limit: 1)[0]
    let refused = RefusedEvent(
      position: record.position, id: record.id, streamID: record.streamID, type: record.type,
      size: 7, reason: "too\u{0} large", since: Timestamp(microseconds: 5))
    let progress = PublishedProgress(through: 3, partitions: [0, 5], refused: [refused])
    let term = try await store.lease { _ in }
    try await store.markPublished(progress, under: term)
    let found = try await store.publishedProgress()
    #expect(found?.through == 3 && found?.partitions == [0, 5])
    #expect(found?.refused.map(\.position) == [record.position])
    #expect(found?.refused.first?.reason == "too large")
    await #expect(throws: SkipError.self) { try await store.log.skip(partition: 1, offset: 1) }
    #expect(try await store.log.skip(partition: 0, offset: 1).position == record.position)
    #expect(try await store.isSkipped(partition: 0, offset: 1))
    #expect(try await !store.isSkipped(partition: 1, offset: 1))
    let locked = await #expect(throws: RepublishError.self) {
      try await store.log.republish(from: 2)
    }
    guard case .noWriter = locked else {
      Issue.record("\(locked as Any)")
      return
    }
    await term.release()
    let republication = try await store.log.republish(from: 2)
    #expect(
      republication.from == 2 && republication.publishedBefore == 3 && republication.head == 10)
    #expect(try await store.published() == 1)
    #expect(try await store.publishedProgress() == nil)
    await #expect(throws: RepublishError.self) { try await store.log.republish(from: 11) }
    await store.close()
  }
}
