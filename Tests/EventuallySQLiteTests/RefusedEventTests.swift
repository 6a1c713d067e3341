import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

@Suite struct RefusedEventTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("store.sqlite")
  }

  private func refusal(_ record: EventRecord) -> RefusedEvent {
    RefusedEvent(
      position: record.position, id: record.id, streamID: record.streamID, type: record.type,
      size: 1234, reason: "Broker: \"no\" (POLICY_VIOLATION)",
      since: Timestamp(microseconds: 1_700_000_000_000_001))
  }

  @Test func progressByPartitionIsKeptWhileThereIsSome() async throws {
    do {
      let store = try TextStore(path: path, codec: TextCodec(), options: .init(partitionCount: 4))
      _ = try await store.append(["one", "two", "three"], to: "a", expecting: .any)
      #expect(try await store.publishedProgress() == nil)
      let record = try #require(try await store.records(after: 1, limit: 1).first)
      let progress = PublishedProgress(
        through: 1, partitions: [0, 7, 1 << 40, 3], refused: [refusal(record)])
      try await store.markPublished(progress)
      #expect(try await store.publishedProgress() == progress)
      await store.close()
    }
    let store = try TextStore(path: path, codec: TextCodec())
    #expect(try await store.published() == 1)
    #expect(try await store.publishedProgress()?.refused.first?.streamID == "a")
    try await store.markPublished(PublishedProgress(through: 3))
    #expect(try await store.publishedProgress() == nil)
    #expect(try await store.published() == 3)
  }

  /// Beside a writer that works, and so that it holds after a restart.
  @Test func onlyTheEventThatHoldsItsPartitionCanBeSkipped() async throws {
    let store = try TextStore(path: path, codec: TextCodec(), options: .init(partitionCount: 2))
    _ = try await store.append(["one", "two", "three"], to: "a", expecting: .any)
    let record = try #require(try await store.records(after: 1, limit: 1).first)
    let partition = record.position.partition
    let log = try SQLiteEventLog(path: path)
    func refused(_ partition: Partition, _ offset: UInt64) async -> String {
      do {
        return try await log.skip(partition: partition, offset: offset).description
      } catch {
        return error.description
      }
    }
    #expect(await refused(partition, 2).contains("is not held"))
    #expect(await refused(2, 1).contains("partitions 0 to 1"))
    try await store.markPublished(
      PublishedProgress(through: 1, partitions: [1, 1], refused: [refusal(record)]))
    #expect(await refused(partition, 1).contains("the one at partition offset 2 does"))
    #expect(await refused(1 - partition, 2).contains("is not held"))
    #expect(try await !store.isSkipped(partition: partition, offset: 2))
    async let appending = store.append(["x"], to: "b", expecting: .any)
    #expect(try await log.skip(partition: partition, offset: 2) == refusal(record))
    #expect(try await log.skip(partition: partition, offset: 2).id == record.id)
    _ = try await appending
    #expect(try await store.isSkipped(partition: partition, offset: 2))
    await store.close()
    let again = try TextStore(path: path, codec: TextCodec())
    #expect(try await again.isSkipped(partition: partition, offset: 2))
    #expect(try await !again.isSkipped(partition: partition, offset: 1))
    _ = try await again.append(["four"], to: "a", expecting: .exact(3))
  }

  @Test func anEventThatTheBusDoesNotTakeIsNotStored() async throws {
    // Another test may install a tracer, which adds less than a hundred bytes of metadata to each event.
    let options = TextStore.Options(partitionCount: 2)
    options.recordLimit.set(RecordLimit.overhead + 205)
    let store = try TextStore(path: path, codec: TextCodec(), options: options)
    let text = String(repeating: "x", count: 100)
    _ = try await store.append([text], to: "a", expecting: .any)
    await #expect {
      _ = try await store.append(["small", text + text + text], to: "a", expecting: .any)
    } throws: {
      guard case .recordTooLarge(let refusal)? = $0 as? EventStoreError else { return false }
      return (305..<405).contains(refusal.bytes - RecordLimit.overhead)
        && refusal.limit == options.recordLimit.bytes
        && refusal.streamID == "a" && refusal.type == "Text"
    }
    #expect(store.head.position == 1)
    options.recordLimit.set(RecordLimit.overhead + 405)
    _ = try await store.append([text + text + text], to: "a", expecting: .any)
  }

  @Test func theSizeOfARecordIsThatOfItsParts() {
    // The stream's name and the type have five bytes.
    let size = RecordLimit.size(streamID: "a", type: "Text", metadata: 7, payload: 100)
    #expect(size == RecordLimit.overhead + 112)
    #expect(throws: Never.self) {
      try RecordLimit(bytes: size).check(streamID: "a", type: "Text", metadata: 7, payload: 100)
    }
    #expect(throws: EventStoreError.self) {
      try RecordLimit(bytes: size - 1).check(streamID: "a", type: "Text", metadata: 7, payload: 100)
    }
  }
}
