import Eventually
import Testing

@testable import EventuallySQLite

@Suite struct RepublicationTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("store.sqlite") }

  init() throws {
    folder = try TemporaryFolder()
  }

  private func open() throws -> TextStore {
    try TextStore(path: path, codec: TextCodec(), options: .init(partitionCount: 2))
  }

  private func failure(_ log: SQLiteEventLog, from sequenceNumber: UInt64 = 1) async -> String {
    do throws(RepublishError) {
      return "\(try await log.republish(from: sequenceNumber))"
    } catch {
      return error.description
    }
  }

  @Test func eventsDoNotCountAsPublishedAnyMore() async throws {
    let store = try open()
    _ = try await store.append(["one", "two", "three"], to: "a", expecting: .any)
    let heads = try await store.heads()
    try await store.markPublished(PublishedProgress(through: 2, partitions: heads))
    await store.close()
    let log = try SQLiteEventLog(path: path)
    // What is noted of single partitions may be further: it goes.
    #expect(
      try await log.republish(from: 3) == Republication(from: 3, publishedBefore: 2, head: 3))
    #expect(try await log.published() == 2)
    #expect(try await log.publishedProgress() == nil)
    #expect(
      try await log.republish(from: 2) == Republication(from: 2, publishedBefore: 2, head: 3))
    #expect(try await log.published() == 1)
    // It never counts more as published.
    #expect(
      try await log.republish(from: 3) == Republication(from: 2, publishedBefore: 1, head: 3))
    #expect(try await log.republish() == Republication(from: 1, publishedBefore: 1, head: 3))
    #expect(try await log.republish() == Republication(from: 1, publishedBefore: 0, head: 3))
    #expect(try await log.published() == 0)
    let again = try open()
    #expect(try await again.published() == 0)
    _ = try await again.append(["four"], to: "a", expecting: .exact(3))
  }

  @Test func itIsRefusedWhileAWriterRunsAndWithoutSuchAnEvent() async throws {
    let store = try open()
    let log = try SQLiteEventLog(path: path)
    #expect(await failure(log).contains("already has a writer"))
    _ = try await store.append(["one"], to: "a", expecting: .any)
    try await store.markPublished(1)
    #expect(await failure(log).contains("already has a writer"))
    #expect(try await log.published() == 1)
    await store.close()
    for number: UInt64 in [0, 2, .max] {
      #expect(
        await failure(log, from: number).contains("no event of the sequence number \(number)"))
    }
    #expect(try await log.published() == 1)
    // The role is given back.
    await #expect(throws: Never.self) { try await log.republish() }
    await (try open()).close()
  }

  @Test func aStoreWithoutEventsHasNothingToPublish() async throws {
    await (try open()).close()
    #expect(await failure(try SQLiteEventLog(path: path)).contains("no events"))
  }
}
