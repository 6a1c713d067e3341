@testable import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallySQLite

@Suite(.timeLimit(.minutes(10))) struct ForgettingTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
  }

  /// To make its digests anew would hide that something else in it has changed.
  @Test func aDamagedCheckpointIsNotSealedAnew() async throws {
    try await desk.write("a secret", to: "gone")
    try await desk.write("kept", to: "b")
    let live = try await desk.live()
    try await desk.project(into: live)
    let saved = try desk.directory.saveSavepoint("before", of: NoteModel())
    try SQLiteConnection(path: saved.location, mode: .readWrite)
      .execute("UPDATE notes SET text = 'changed' WHERE stream = 'b'")
    _ = try await desk.store.remove("gone")
    try await desk.project(into: live)
    let outcome = try desk.directory.forgetRemoved(NoteModel())
    #expect(outcome.left.map(\.location) == [saved.location], "\(outcome)")
    #expect(outcome.left.first?.reason.contains("is damaged") == true, "\(outcome)")
    #expect(throws: ReadModelError.self) { try saved.verify(model: NoteModel()) }
    let again = try desk.directory.savepoints().first { $0.name == "before" }
    #expect(throws: ReadModelError.self) { try again?.verify(model: NoteModel()) }
  }

  /// Rows, parked events, rejected records, savepoints and earlier generations: nothing is left of a removed stream.
  @Test func aRemovedStreamIsForgottenInAllFiles() async throws {
    try await desk.write("a secret", to: "gone")
    try await desk.write("kept", to: "b")
    let first = try await desk.live()
    try await desk.project(into: first)
    try desk.directory.saveSavepoint("before", of: NoteModel())
    do {
      let replay = try await desk.replay()
      try await desk.project(into: replay.database)
      try await replay.run()
    }
    // What a replay found to differ is a copy of rows.
    try ReadModelSchema.write(
      note: #"""
        {"state":"built","begunBy":"x","begun":0,"applied":1,"total":1,"rate":0,"elapsed":0,"earlier":0,"comparison":{"live":2,
        "events":1,"differenceCount":1,"differences":[{"table":"notes","key":["gone"],"live":["a noted secret"]}],
        "columns":{"notes":["stream","text"]},"rows":0,"liveRows":1,"digest":"d","liveDigest":"e"}}
        """#, SQLiteConnection(path: desk.directory.path(of: 1), mode: .readWrite))
    // From here on, the first generation and the checkpoint are behind.
    try await desk.write("another secret", to: "gone")
    try await desk.write("fine", "! parked secret", to: "parked")
    let live = try await desk.live()
    try await desk.project(into: live)
    try await live.keep([
      RejectedRecord(
        partition: 0, offset: 7, reason: "test", key: Array("gone".utf8),
        value: Array("a rejected secret".utf8), size: 20),
      RejectedRecord(
        partition: 0, offset: 8, reason: "test", key: Array("b".utf8),
        value: Array("a rejected note".utf8), size: 20),
    ])
    #expect(
      try desk.files(with: "secret").map { $0.replacing("-wal", with: "") }.contains(
        "notes/checkpoints/before.sqlite"))
    try await desk.store.remove("gone")
    try await desk.store.remove("parked")
    try await desk.project(into: live)
    #expect(try desk.notes() == ["kept"])
    #expect(try await desk.pending() == 2)

    let outcome = try desk.directory.forgetRemoved(NoteModel())
    #expect(outcome == ForgettingOutcome(removals: 2, left: []))
    #expect(try desk.files(with: "secret") == [])
    let note = try #require(try desk.directory.generation(1).note)
    #expect(ReplayRecord(note)?.comparison?.differenceCount == 1)
    #expect(try desk.files(with: "a rejected note") != [])
    #expect(try await desk.pending() == 0)
    #expect(try desk.directory.forgetRemoved(NoteModel()) == ForgettingOutcome())

    // What is kept is as it was, and can be gone on from.
    let saved = try desk.directory.savepoint("before")
    try saved.verify(model: NoteModel())
    #expect(saved.rows == 1)
    #expect(try desk.notes(desk.directory.path(of: 1)) == ["kept"])
    try desk.directory.makeLive(1)
    try await desk.project(into: live)
    #expect(try desk.notes() == ["kept"])
    #expect(try await desk.pending() == 2, "the first generation has come to the removals itself")
    #expect(try desk.directory.forgetRemoved(NoteModel()).left == [])
    let again = try await desk.replay(saved)
    try await desk.project(into: again.database)
    try await again.end()
    #expect(try desk.notes(desk.directory.path(of: again.generation)) == ["kept"])
    #expect(try desk.directory.forgetRemoved(NoteModel()).left == [])
    #expect(try desk.files(with: "secret") == [])
  }

  /// The bus may still have the events of a stream that a file has forgotten before it comes to the removal: they are passed
  /// over, and neither applied nor parked. After the removal the stream begins anew.
  @Test func whatComesBeforeAnAwaitedRemovalIsPassedOver() async throws {
    let path = desk.folder.file("one.sqlite")
    let database = try ReadModelDatabase(
      path: path, model: NoteModel(), codec: TextCodec(), storeID: "store", partitionCount: 1)
    func event(_ stream: String, _ text: String, _ offset: UInt64, version: Version)
      -> LogEntry<String, String>
    {
      .event(
        Persisted(
          streamID: stream,
          position: EventPosition(
            partition: 0, partitionOffset: offset, sequenceNumber: offset, version: version),
          id: EventID(high: 1, low: offset), time: Timestamp(microseconds: 5), event: text))
    }
    func apply(_ entries: LogEntry<String, String>...) async throws -> ApplyOutcome {
      let lease = try await database.claim([0], owner: "test")[0]
      return try await database.apply(
        [
          Delivery(
            partition: 0, epoch: lease.epoch, after: lease.position, entries: entries,
            nextOffset: nil)
        ], parking: [])
    }
    _ = try await apply(event("a", "secret", 1, version: 1), event("b", "kept", 2, version: 1))
    let file = try ForgettingFile(path: path)
    let removal = Removals.Removal(streamID: "a", partition: 0, position: 5)
    #expect(try file.unforgotten([removal]) == [removal])
    try file.forget([removal], model: NoteModel(), isSavepoint: false)
    #expect(try file.unforgotten([removal]) == [])
    #expect(try desk.notes(path) == ["kept"])
    let between = try await apply(
      event("a", "a second secret", 3, version: 2), event("b", "more", 4, version: 2))
    #expect(between.parked == 0 && between.fenced.isEmpty)
    #expect(try desk.notes(path) == ["more"])
    let position = EventPosition(
      partition: 0, partitionOffset: 5, sequenceNumber: 5, version: 0)
    _ = try await apply(
      .removed("a", id: EventID(high: 1, low: 5), at: position), event("a", "anew", 6, version: 1))
    #expect(try desk.notes(path) == ["anew", "more"])
    #expect(try ForgettingFile(path: path).overwrite(limit: nil) == nil)
    #expect(try desk.folder.files(with: "secret") == [])
  }

  /// SQLite leaves copies of rows in free parts of pages: a file that had a stream is written anew.
  @Test func noCopyIsLeftInFreePartsOfPages() async throws {
    var random = SeededRandom(seed: 7)
    let live = try await desk.live()
    let streams = (0..<1500).shuffled(using: &random)
    for part in 0..<3 {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for stream in streams {
          let text = String(repeating: "<\(stream)>", count: Int.random(in: 1...60, using: &random))
          group.addTask { try await desk.write("\(part) \(text)", to: "\(stream)") }
        }
        try await group.waitForAll()
      }
      try await desk.project(into: live)
    }
    let removed = Set(streams.prefix(700))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for stream in removed { group.addTask { _ = try await desk.store.remove("\(stream)") } }
      try await group.waitForAll()
    }
    try await desk.project(into: live)
    #expect(try await desk.pending() == removed.count)
    let outcome = try desk.directory.forgetRemoved(NoteModel())
    #expect(outcome == ForgettingOutcome(removals: removed.count, left: []))
    // The last use of the files: to read them here gives all locks back that this process has on them.
    let found = try numbersInBrackets(desk.directory.path)
    #expect(found.isDisjoint(with: removed))
    #expect(found == Set(streams).subtracting(removed))
  }

  /// All numbers between angle brackets in a folder's files.
  private func numbersInBrackets(_ folder: String) throws -> Set<Int> {
    var numbers: Set<Int> = []
    for case let name as String in FileManager.default.enumerator(atPath: folder) ?? .init() {
      var number: Int?
      for byte in FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data() {
        switch byte {
        case UInt8(ascii: "<"): number = 0
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
          number = number.flatMap { $0 < 100_000 ? $0 * 10 + Int(byte & 15) : nil }
        case UInt8(ascii: ">"):
          if let number { numbers.insert(number) }
          number = nil
        default: number = nil
        }
      }
    }
    return numbers
  }

  /// Rows of another schema version can't be told from here: it is said, and what to do.
  @Test func whatIsOfAnotherSchemaVersionIsNamed() async throws {
    try await desk.write("secret", to: "gone")
    try await desk.project(into: try await desk.live())
    try desk.directory.saveSavepoint("old", of: NoteModel())
    let next = NoteModel(schemaVersion: 2)
    let directory = ReadModelDirectory(desk.directory.path, model: next)
    let live = try await desk.live(next)
    try await desk.project(into: live)
    try await desk.store.remove("gone")
    try await desk.project(into: live)
    let outcome = try directory.forgetRemoved(next)
    #expect(
      outcome.left.map(\.location) == [
        desk.directory.path(of: 1), desk.directory.path(ofSavepoint: "old"),
      ])
    #expect(outcome.left.allSatisfy { $0.reason.contains("schema version 1") }, "\(outcome)")
    // The other version's workers come to the removal, and the checkpoint is deleted.
    try await desk.project(into: try await desk.live())
    try desk.directory.deleteSavepoint("old")
    #expect(try directory.forgetRemoved(next).left == [])
    #expect(try desk.files(with: "secret") == [])
  }

  /// Where the other version has no workers any more, its generation is dropped, as is said.
  @Test func aSupersededGenerationIsDroppedAndEverythingForgotten() async throws {
    try await desk.write("secret", to: "gone")
    try await desk.project(into: try await desk.live())
    let next = NoteModel(schemaVersion: 2)
    let directory = ReadModelDirectory(desk.directory.path, model: next)
    let live = try await desk.live(next)
    try await desk.project(into: live)
    try await desk.store.remove("gone")
    try await desk.project(into: live)
    let outcome = try directory.forgetRemoved(next)
    #expect(outcome.left.first?.reason.contains("drop the generation") == true, "\(outcome)")
    try directory.drop(1)
    #expect(try directory.forgetRemoved(next).left == [])
    #expect(try desk.files(with: "secret") == [])
  }

  /// What a replay is building is its own; it is waited for.
  @Test func anUnfinishedReplayIsWaitedFor() async throws {
    try await desk.write("secret", to: "gone")
    let live = try await desk.live()
    try await desk.project(into: live)
    let replay = try await desk.replay()
    try await desk.project(into: replay.database)
    try await desk.store.remove("gone")
    try await desk.project(into: live)
    let outcome = try desk.directory.forgetRemoved(NoteModel())
    #expect(outcome.left.map(\.location) == [desk.directory.path(of: replay.generation)])
    #expect(outcome.left.first?.reason.contains("replay") == true)
    #expect(try await desk.pending() == 1)
    try await replay.end()
    #expect(try desk.directory.forgetRemoved(NoteModel()).left == [])
    #expect(try desk.files(with: "secret") == [])
    #expect(try await desk.pending() == 0)
  }

  /// A large live generation is left to the administrator, and a reader that holds the log is waited for.
  @Test func workersForgetByThemselves() async throws {
    try await desk.write("secret", to: "gone")
    let live = try await desk.live()
    try await desk.project(into: live)
    let reader = try HeldReader(desk.directory.path(of: 1))
    try await desk.store.remove("gone")
    try await desk.project(into: live)
    let limited = try desk.directory.forgetRemoved(NoteModel(), liveLimit: 1000)
    #expect(limited.left.first?.reason.contains("the command 'forget'") == true, "\(limited)")
    let told = Locked<[ForgettingOutcome.Remainder]>([])
    let forgetting = Forgetting(desk.directory, model: NoteModel()) { left in
      told.withLock { $0 = left }
    } onFailure: { error in
      Issue.record("\(error)")
    }
    let running = Task { await forgetting.run() }
    func wait(_ what: String, _ condition: () async throws -> Bool) async throws {
      let deadline = ContinuousClock.now + .seconds(60)
      while try await !condition() {
        guard ContinuousClock.now < deadline else {
          Issue.record("\(what): \(told.withLock { $0 })")
          return
        }
        try await Task.sleep(for: .milliseconds(10))
      }
    }
    try await wait("the reader is named") {
      told.withLock { $0.first?.reason.contains("earlier") == true }
    }
    #expect(forgetting.left.map(\.location) == [desk.directory.path(of: 1)])
    try reader.end()
    try await wait("all is forgotten") { try await desk.pending() == 0 }
    #expect(try desk.files(with: "secret") == [])
    running.cancel()
    await running.value
  }
}
