import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

@Suite struct ForgedEventTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("words.sqlite") }

  init() throws {
    folder = try TemporaryFolder()
  }

  private func open() throws -> ReadModelDatabase<WordModel> {
    try ReadModelDatabase(
      path: path, model: WordModel(), codec: TextCodec(), storeID: "store", partitionCount: 4)
  }

  private func reader() throws -> ReadModelReader {
    try ReadModelReader(path: path, model: WordModel(), readers: 1)
  }

  @Test func aLeaseTellsTheEventThatWasAppliedLast() async throws {
    let database = try open()
    let lease = try await database.claim([2], owner: "one")[0]
    #expect(lease.eventID == nil && lease.forgedPosition == nil)
    let time = Timestamp(microseconds: 1_000_000)
    let id = EventID(time: time)
    let position = EventPosition(
      partition: 2, partitionOffset: 1, sequenceNumber: 1, version: 1)
    let entry = LogEntry.event(
      Persisted(streamID: "s", position: position, id: id, time: time, event: "a"))
    let delivery = Delivery(
      partition: 2, epoch: lease.epoch, after: nil, entries: [entry], nextOffset: nil)
    #expect(try await database.apply([delivery]).isEmpty)
    #expect(try await database.claim([2], owner: "two")[0].eventID == id)
  }

  /// Of entries too that are not applied as events.
  @Test func aLeaseTellsTheEntryThatMovedTheCheckpointLast() async throws {
    let id = EventID(time: Timestamp(microseconds: 1_000_000))
    let position = EventPosition(
      partition: 2, partitionOffset: 1, sequenceNumber: 1, version: 1)
    let entries: [LogEntry<String, String>] = [
      .other(id: id, at: position), .erased(id: id, at: position),
      .removed("s", id: id, at: position),
    ]
    for entry in entries {
      let folder = try TemporaryFolder()
      let database = try ReadModelDatabase(
        path: folder.file("words.sqlite"), model: WordModel(), codec: TextCodec(),
        storeID: "store", partitionCount: 4)
      let epoch = try await database.claim([2], owner: "one")[0].epoch
      let delivery = Delivery(
        partition: 2, epoch: epoch, after: nil, entries: [entry], nextOffset: nil)
      #expect(try await database.apply([delivery]).isEmpty)
      let found = try await database.claim([2], owner: "two")[0].eventID
      #expect(found == id, "\(entry)")
    }
  }

  @Test func theFirstForgeryOfAPartitionIsNotedForGood() async throws {
    let database = try open()
    _ = try await database.claim([0, 1], owner: "one")
    try await database.markForged(1, at: 7)
    try await database.markForged(1, at: 5)
    let leases = try await open().claim([0, 1], owner: "two")
    #expect(leases.map(\.forgedPosition) == [nil, 7])
    #expect(try await reader().forgedPositions() == [1: 7])
  }

  @Test func aDatabaseOfAnEarlierVersionIsBroughtUpToDate() async throws {
    _ = try await open().claim([0], owner: "one")
    try SQLiteConnection(path: path, mode: .readWrite).execute(
      "ALTER TABLE checkpoints DROP COLUMN event_id; DROP TABLE forged_events")
    #expect(try await reader().forgedPositions().isEmpty)
    #expect(try await reader().checkpoints().count == 1)
    let lease = try await open().claim([0], owner: "two")[0]
    #expect(lease.epoch == 2 && lease.eventID == nil)
  }

  /// Four partitions with 15,000 records of 2 KiB each, in batches of 500 as workers keep them: space stays bounded, and a
  /// batch takes as long at the end as at the beginning.
  @Test(.timeLimit(.minutes(5))) func aFloodOfRejectedRecordsTakesBoundedSpace() async throws {
    let database = try open()
    let bytes = [UInt8](repeating: 0x78, count: RejectedRecord.keptBytes)
    let begun = ContinuousClock.now
    for batch in 0..<30 {
      for partition in Partition(0)..<4 {
        try await database.keep(
          (0..<500).map {
            RejectedRecord(
              partition: partition, offset: Int64(batch * 500 + $0), reason: "junk", key: bytes,
              value: bytes, size: bytes.count)
          })
      }
    }
    print("60,000 rejected records of 2 KiB kept in \(ContinuousClock.now - begun)")
    let kept = try await reader().unappliedCounts().rejectedRecords
    #expect((40_000...44_000).contains(kept), "\(kept)")
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    #expect(size < 4 * 11_000 * 5_000, "\(size)")
    // The newest are there.
    #expect(try await reader().rejectedRecords(limit: 1)[0].offset >= 14_500)
  }
}
