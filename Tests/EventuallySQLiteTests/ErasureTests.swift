import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallySQLite

/// A connection that keeps reading one state of a database until it is let go, as a backup does.
///
/// `@unchecked Sendable`: a test uses it from one task at a time.
final class HeldReader: @unchecked Sendable {
  private let connection: SQLiteConnection

  init(_ path: String) throws {
    connection = try SQLiteConnection(path: path, mode: .readOnly)
    try connection.execute("BEGIN")
    _ = try connection.integer("SELECT count(*) FROM sqlite_schema")
  }

  func end() throws { try connection.execute("ROLLBACK") }
}

extension TemporaryFolder {
  /// The files, in folders too, whose bytes have a text somewhere.
  ///
  /// Another process looks into them: to close a file gives all locks back that this process has on it.
  func files(with text: String) throws -> [String] {
    guard let output = popen("grep -rlaF -- '\(text)' '\(path)'", "r") else {
      throw POSIXError(.ENOMEM)
    }
    var bytes: [UInt8] = []
    while case let byte = fgetc(output), byte >= 0 { bytes.append(UInt8(truncatingIfNeeded: byte)) }
    // grep ends with 1 where it found nothing.
    guard pclose(output) >> 8 < 2 else { throw POSIXError(.EIO) }
    let start = path.utf8.count + (path.hasSuffix("/") ? 0 : 1)
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      .map { String($0.dropFirst(start)) }
  }
}

@Suite(.timeLimit(.minutes(5))) struct ErasureTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("store.sqlite") }
  private static let secret = "what must be gone"

  init() throws {
    folder = try TemporaryFolder()
  }

  private func open() throws -> TextStore {
    try TextStore(path: path, codec: TextCodec(), options: .init(partitionCount: 2))
  }

  /// While somebody reads the store as it was, appends go on, and it is told that the erasure is not done.
  @Test func aReaderHoldsUpTheErasureAndNoAppend() async throws {
    let store = try open()
    _ = try await store.append([Self.secret, "two"], to: "a", expecting: .exact(0))
    let reader = try HeldReader(path)
    let removal = try #require(try await store.remove("a"))
    for number in 0..<50 {
      _ = try await store.append(["\(number)"], to: "b", expecting: .exact(Version(number)))
    }
    #expect(await !store.waitForErasure(of: removal, atMost: .milliseconds(100)))
    let pending = try #require(try await store.log.erasure(of: "a"))
    #expect(pending.removal == removal && pending.erased == nil)
    #expect(store.pendingErasures.count == 1)
    #expect(store.pendingErasures.since == pending.removed)
    // The first attempts may find the log in use.
    try await waitUntil("the reason", seen: { "\(store.pendingErasures)" }) {
      store.pendingErasures.reason?.contains("earlier") == true
    }
    #expect(try await store.log.pendingErasures().count == 1)
    #expect(try folder.files(with: Self.secret).contains("store.sqlite-wal"))
    try reader.end()
    #expect(await store.waitForErasure(of: removal, atMost: .seconds(60)))
    #expect(try folder.files(with: Self.secret) == [])
    #expect(try await store.log.erasure(of: "a")?.erased != nil)
    #expect(try await store.log.pendingErasures().count == 0)
    #expect(try await collect(store.stream("b", .all)).count == 50)
  }

  /// So it is with a reader that began after the removal: the log still has what was before.
  @Test func aReaderOfTheNewestStateHoldsUpTheErasureToo() async throws {
    let store = try open()
    _ = try await store.append([Self.secret], to: "a", expecting: .any)
    let first = try HeldReader(path)
    let removal = try #require(try await store.remove("a"))
    let second = try HeldReader(path)
    try first.end()
    #expect(await !store.waitForErasure(of: removal, atMost: .milliseconds(100)))
    _ = try await store.append(["more"], to: "b", expecting: .any)
    try second.end()
    #expect(await store.waitForErasure(of: removal, atMost: .seconds(60)))
    #expect(try folder.files(with: Self.secret) == [])
  }

  /// Readers that come and go, as the relay and the feed do, hold nothing up, however many there are.
  @Test func readersThatComeAndGoDoNotHoldUpTheErasure() async throws {
    let store = try open()
    _ = try await store.append([Self.secret], to: "a", expecting: .any)
    _ = try await store.append((0..<2_000).map { "\($0)" }, to: "b", expecting: .any)
    let done = Count()
    let appended = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<6 {
        group.addTask {
          while done.value == 0 { _ = try await store.records(after: 0, limit: 2_000) }
          return 0
        }
      }
      group.addTask {
        var count = 0
        while done.value == 0 {
          _ = try await store.append(["more"], to: "c", expecting: .exact(Version(count)))
          count += 1
        }
        return count
      }
      for number in 0..<5 {
        _ = try await store.append([Self.secret], to: "d\(number)", expecting: .any)
        let removal = try #require(try await store.remove("d\(number)"))
        #expect(await store.waitForErasure(of: removal, atMost: .seconds(60)), "\(number)")
      }
      done.add()
      return try await group.reduce(0, +)
    }
    #expect(appended > 0)
  }

  @Test func whatIsPendingIsFinishedByTheNextWriter() async throws {
    let store = try open()
    _ = try await store.append([Self.secret], to: "a", expecting: .any)
    let reader = try HeldReader(path)
    let removal = try #require(try await store.remove("a"))
    await store.close()
    let next = try open()
    #expect(next.pendingErasures.count == 1)
    #expect(await !next.waitForErasure(of: removal, atMost: .milliseconds(100)))
    try reader.end()
    #expect(await next.waitForErasure(of: removal, atMost: .seconds(60)))
    #expect(try folder.files(with: Self.secret) == [])
    #expect(try await next.log.erasure(of: "a")?.erased != nil)
  }

  /// A store that nobody uses any more ends with its erasures, and is another one's to open.
  @Test func aStoreThatIsLetGoDoesNotLiveOnForAnErasure() async throws {
    let reader: HeldReader
    do {
      let store = try open()
      _ = try await store.append([Self.secret], to: "a", expecting: .any)
      reader = try HeldReader(path)
      _ = try await store.remove("a")
    }
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      do {
        _ = try open()
        break
      } catch let error as StoreOpenError {
        guard error.code == .locked, ContinuousClock.now < deadline else { throw error }
        try await Task.sleep(for: .milliseconds(10))
      }
    }
    try reader.end()
  }

  /// Streams of all sizes, interleaved, removed in any order: nothing of a removed one is left, all of the others is.
  @Test(arguments: [1, 2, 3] as [UInt64]) func nothingOfRemovedStreamsIsLeft(seed: UInt64)
    async throws
  {
    var random = SeededRandom(seed: seed)
    let store = try open()
    var streams: [Int: [String]] = [:]
    var snapshots: Set<Int> = []
    var states: [Int: String] = [:]
    var removed: Set<Int> = []
    var last: EventPosition?
    for round in 0..<600 {
      let number = Int.random(in: 0..<60, using: &random)
      guard !removed.contains(number) else { continue }
      if round % 9 == 8, streams[number] != nil {
        last = try await store.remove("s\(number)")
        removed.insert(number)
        streams[number] = nil
        continue
      }
      let text = Self.secret(of: number)
      let sizes = [1, 3, 20, 200, 700, 4_000]
      let events = (0..<Int.random(in: 1...5, using: &random)).map { _ in
        String(repeating: text, count: sizes.randomElement(using: &random) ?? 1)
      }
      let metadata =
        Bool.random(using: &random) ? EventMetadata(correlationID: text) : EventMetadata()
      let appended = try await EventMetadata.$current.withValue(metadata) {
        try await store.append(events, to: "s\(number)", expecting: .any)
      }
      streams[number, default: []] += events
      guard number % 3 == 0 else { continue }
      snapshots.insert(number)
      // Beside and beyond what a page holds.
      let state = String(repeating: text, count: Int.random(in: 1...2_500, using: &random))
      states[number] = state
      try await store.save(
        Snapshot(
          version: appended.last.version, sequenceNumber: appended.last.sequenceNumber,
          schemaVersion: 1, payload: Array(state.utf8)), of: "s\(number)")
    }
    let removal = try #require(last)
    #expect(await store.waitForErasure(of: removal, atMost: .seconds(60)))
    for number in removed {
      let found = try folder.files(with: Self.secret(of: number))
      #expect(found == [], "stream \(number)")
    }
    for (number, events) in streams {
      #expect(try await collect(store.stream("s\(number)", .all)).map(\.event) == events)
      if snapshots.contains(number) {
        let snapshot = try await store.snapshot(of: "s\(number)")
        #expect(snapshot?.payload == states[number].map { Array($0.utf8) }, "of stream \(number)")
      }
    }
    let check = try SQLiteConnection(path: path, mode: .readOnly)
    #expect(try check.text("PRAGMA integrity_check") == "ok")
    for record in try await store.records(after: 0, limit: 10_000)
    where record.type == EventRecord.erasedType {
      #expect(record.payload.isEmpty && record.metadata.isEmpty)
    }
  }

  /// Long enough that it is nowhere by chance.
  private static func secret(of number: Int) -> String { "<stream \(number)>" }

  /// Nothing of a state lies in pages that SQLite moves rows in: when the rows are deleted, whatever was moved, there are
  /// zeros alone.
  @Test func statesLieInPagesOfTheirOwn() async throws {
    let connection = try SQLiteConnection(path: path, mode: .create)
    _ = try StoreSchema.prepare(connection, partitionCount: 1)
    try connection.execute("PRAGMA secure_delete = ON")
    let table = SnapshotTable(connection: connection)
    var random = SeededRandom(seed: 5)
    let sizes = [0, 1, 100, 7_588, 7_589, 8_188, 8_192, 15_776, 15_777, 70_000]
    for round in 1...1_500 {
      let stream = Int64.random(in: 1...200, using: &random)
      let sequence = Int64(round)
      try connection.run(
        "INSERT INTO events VALUES (?, ?, ?, 0, 0, ?, 'T', x'', 0, x'', NULL)",
        .integer(sequence), .integer(stream), .integer(sequence), .integer(sequence))
      if Bool.random(using: &random) {
        try table.forget(stream)
      } else {
        let size = sizes.randomElement(using: &random) ?? 0
        try table.save(
          Snapshot(
            version: Version(round), sequenceNumber: UInt64(round), schemaVersion: 1,
            payload: Array(repeating: UInt8(ascii: "x"), count: size)), of: stream)
      }
    }
    // What SQLite keeps of each row in the pages that it moves rows in, where it is built to tell.
    if try connection.integer(
      "SELECT count(*) FROM pragma_compile_options WHERE compile_options = 'ENABLE_DBSTAT_VTAB'")
      == 1
    {
      let kept = try connection.rows(
        """
        SELECT sum(payload), sum(ncell) FROM dbstat WHERE name = 'snapshots' AND pagetype = 'leaf'
        """
      ) { ($0.integer(0), $0.integer(1)) }[0]
      #expect(kept.1 > 50 && kept.0 == kept.1 * Int64(SnapshotTable.kept), "\(kept)")
    }
    for stream in 1...200 { try table.forget(Int64(stream)) }
    var hold = LogHold()
    #expect(try connection.emptyLog(&hold) == nil)
    #expect(try folder.files(with: "xxxx") == [])
  }

  /// Earlier versions erased otherwise, and did not overwrite what snapshots were replaced with.
  @Test func aStoreOfTheFourthVersionIsErasedOfWhatItHadRemoved() async throws {
    do {
      let old = try open()
      _ = try await old.append(["kept"], to: "b", expecting: .any)
      _ = try await old.append([Self.secret], to: "a", expecting: .any)
      await old.close()
    }
    do {
      let connection = try SQLiteConnection(path: path, mode: .readWrite)
      try connection.execute("PRAGMA secure_delete = OFF")
      try connection.execute(
        """
        DROP TABLE idempotency_keys; DROP TABLE erasures; PRAGMA user_version = 4;
        UPDATE streams SET version = 0, head = 0, bytes = 0 WHERE id = 'a';
        UPDATE events SET type = 'eventually.erased', payload = x'' WHERE sequence = 2;
        INSERT INTO events SELECT 3, stream, 0, 0, partition, partition_sequence + 1,
          'eventually.removed', randomblob(16), 1234, x'', NULL FROM events WHERE sequence = 2;
        CREATE TABLE t (x);
        INSERT INTO t VALUES (CAST(replace(hex(zeroblob(30000)), '00', '\(Self.secret)') AS BLOB));
        DROP TABLE t;
        """)
      #expect(try connection.integer("PRAGMA freelist_count") ?? 0 > 10)
    }
    #expect(try folder.files(with: Self.secret) == ["store.sqlite"])
    let store = try open()
    let removal = EventPosition(
      partition: try #require(try await store.log.erasure(of: "a")).removal.partition,
      partitionOffset: 2, sequenceNumber: 3, version: 0)
    #expect(await store.waitForErasure(of: removal, atMost: .seconds(60)))
    let erasure = try #require(try await store.log.erasure(of: "a"))
    #expect(erasure.removed == Timestamp(microseconds: 1234) && erasure.erased != nil)
    #expect(erasure.removal.sequenceNumber == 3)
    #expect(try folder.files(with: Self.secret) == [])
    let types = try await store.records(after: 0, limit: 10).map(\.type)
    #expect(types == ["Text", EventRecord.erasedType, EventRecord.removedType])
  }
}
