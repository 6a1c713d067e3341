@testable import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// A reader of the live generation answers from the one that is live.
@Suite struct LiveReaderTests {
  private let folder: TemporaryFolder
  private let directory: ReadModelDirectory

  init() throws {
    folder = try TemporaryFolder()
    directory = ReadModelDirectory(folder.file("words"), model: WordModel())
  }

  private func apply(
    _ words: [String], to readModel: some ReadModelStore<String>
  ) async throws {
    let lease = try await readModel.claim([0], owner: "w")[0]
    let first = lease.position ?? 0
    let entries = words.enumerated().map { offset, word in
      LogEntry<String, String>.event(
        Persisted(
          streamID: "s",
          position: EventPosition(
            partition: 0, partitionOffset: first + UInt64(offset) + 1,
            sequenceNumber: first + UInt64(offset) + 1, version: 1),
          id: EventID(high: 0, low: 1), time: Timestamp(microseconds: 0), event: word))
    }
    let delivery = Delivery(
      partition: 0, epoch: lease.epoch, after: lease.position, entries: entries, nextOffset: nil)
    #expect(try await readModel.apply([delivery]).isEmpty)
  }

  private func words(_ reader: ReadModelReader) async throws -> [String] {
    try await reader.read { try $0.rows("SELECT word FROM words ORDER BY word") { $0.text(0) } }
  }

  @Test func aReaderFollowsTheLiveGeneration() async throws {
    let live = try await LiveReadModel.open(
      directory, model: WordModel(), codec: TextCodec(), storeID: "s", partitionCount: 1)
    try await apply(["old"], to: live)
    let reader = try ReadModelReader(path: directory.livePath, model: WordModel())
    let pinned = try reader.current()
    #expect(try await words(reader) == ["old"])
    let replay = try await Replay(
      "again", in: directory, model: WordModel(), codec: TextCodec(),
      log: EmptyLog(storeID: "s", partitionCount: 1)
    ) { nil }
    try await apply(["new", "newer"], to: replay.database)
    // Whoever waits for what the old generation never has is answered from the new one.
    async let waited = reader.wait(for: 2, in: 0, atMost: .seconds(30))
    try await replay.run()
    #expect(try await waited == 2)
    #expect(try await words(reader) == ["new", "newer"])
    #expect(try await reader.checkpoints().map(\.position) == [2])
    #expect(reader.path.hasSuffix("generation-2.sqlite"))
    #expect(try await words(pinned) == ["old"])
    try directory.makeLive(1)
    #expect(try await words(reader) == ["old"])
    // One that was opened by its own file stays there.
    let second = try ReadModelReader(path: directory.path(of: 2), model: WordModel())
    #expect(try await words(second) == ["new", "newer"])
    // Nothing is answered from a file that somebody has deleted, though it is open.
    #expect(unlink(directory.path(of: 1)) == 0)
    await #expect(throws: ReadModelError.self) { try await words(reader) }
  }

  @Test func aReaderOfOneFileDoesNotFollow() async throws {
    let live = try await LiveReadModel.open(
      directory, model: WordModel(), codec: TextCodec(), storeID: "s", partitionCount: 1)
    try await apply(["old"], to: live)
    let reader = try ReadModelReader(path: directory.path(of: 1), model: WordModel())
    #expect(try reader.current().path == reader.path)
    #expect(try await words(reader) == ["old"])
  }
}
