import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallySQLite

/// Copies of stores, from file to file.
@Suite(.timeLimit(.minutes(5))) struct StoreCopyTests {
  private let folder: TemporaryFolder
  private var source: String { folder.file("store.sqlite") }
  private var target: String { folder.file("copy.sqlite") }
  private static let small = CopyLimits(records: 40, keys: 10)

  init() throws { folder = try TemporaryFolder() }

  private func fill(seed: UInt64, steps: Int = 200) async throws {
    let store = try TextStore(path: source, codec: TextCodec(), options: .init(partitionCount: 5))
    var history = StoreHistory(seed: seed, steps: steps)
    try await history.happen(in: store, store.log)
    await store.close()
  }

  private func copy(
    _ limits: CopyLimits = small
  ) async throws -> CopyReport {
    try await StoreCopy(
      from: try SQLiteCopySource(path: source), to: SQLiteCopyTarget(path: target), limits: limits
    ).run()
  }

  private func refusal() async -> String {
    do { return "\(try await copy())" } catch { return "\(error)" }
  }

  private func openError(_ path: String) throws -> StoreOpenError? {
    do {
      _ = try TextStore(path: path, codec: TextCodec())
      return nil
    } catch {
      return error
    }
  }

  /// All rows but those that a copy makes anew, in the words of SQLite.
  private func rows(_ path: String) throws -> [String] {
    let connection = try SQLiteConnection(path: path, mode: .readOnly)
    return try [
      "SELECT key || ' ' || value FROM store WHERE key NOT IN ('copied_to', 'probe') ORDER BY key",
      """
      SELECT hex(s.id) || ' ' || s.partition || ' ' || s.version || ' ' || s.head || ' ' || s.bytes FROM streams s
      WHERE s.version > 0 OR EXISTS (SELECT 1 FROM events e WHERE e.stream = s.key) ORDER BY s.id
      """,
      """
      SELECT e.sequence || ' ' || hex(s.id) || ' ' || e.version || ' ' || e.previous || ' ' || e.partition || ' '
        || e.partition_sequence || ' ' || e.type || ' ' || hex(e.id) || ' ' || e.time || ' '
        || CASE e.type WHEN '' THEN '' ELSE hex(e.payload) || ' ' || ifnull(hex(e.metadata), 'none') END
      FROM events e JOIN streams s ON s.key = e.stream ORDER BY e.sequence
      """,
      """
      SELECT hex(s.id) || ' ' || hex(k.key) || ' ' || k.sequence || ' ' || k.time || ' ' || ifnull(k.number, 'none')
        || ' ' || ifnull(k.request, 'none')
      FROM idempotency_keys k JOIN streams s ON s.key = k.stream ORDER BY s.id, k.key
      """,
      """
      SELECT hex(s.id) || ' ' || r.sequence || ' ' || r.partition_sequence || ' ' || r.removed
      FROM erasures r JOIN streams s ON s.key = r.stream ORDER BY s.id
      """,
    ].flatMap { try connection.rows($0) { $0.text(0) } }
  }

  private func expectEqual() async throws {
    let (expected, found) = (try rows(source), try rows(target))
    #expect(found.count == expected.count)
    for (a, b) in zip(expected, found) where a != b {
      Issue.record("expected \(a.prefix(300)), found \(b.prefix(300))")
      break
    }
    #expect(try await SQLiteEventLog(path: target).findDamage() == [])
  }

  @Test(arguments: UInt64(1)...8) func aCopyIsTheStore(seed: UInt64) async throws {
    try await fill(seed: seed)
    let report = try await copy(seed % 2 == 0 ? .init() : Self.small)
    let log = try SQLiteEventLog(path: target)
    #expect(report.digest != nil)
    #expect(report.storeID == log.storeID)
    #expect(report.events == (try await log.head()))
    #expect(report.keys > 0)
    #expect(report.resumedAfter == 0)
    try await expectEqual()
  }

  @Test func theCopyGoesOnWhereTheStoreStood() async throws {
    let path = source
    func open(_ path: String) throws -> TextStore {
      try TextStore(path: path, codec: TextCodec(), options: .init(partitionCount: 5))
    }
    let key = IdempotencyKey("once")
    let first: IdempotentResult
    do {
      let store = try open(path)
      first = try await store.append(["a", "b"], to: "s", expecting: .any, idempotencyKey: key)
      _ = try await store.append(["gone"], to: "removed", expecting: .any)
      _ = try await store.remove("removed")
      await store.close()
    }
    _ = try await copy()
    let moved = try #require(try openError(path))
    #expect(moved.code == .moved)
    #expect(moved.destination == SQLiteCopyTarget(path: target).location)
    // It can be read for as long as it is there.
    #expect(try await SQLiteEventLog(path: path).head() == 4)

    let store = try open(target)
    let again = try await store.append(["x"], to: "s", expecting: .exact(0), idempotencyKey: key)
    #expect(again == IdempotentResult(last: first.last, isRepetition: true))
    let next = try await store.append(["c"], to: "s", expecting: .exact(2))
    #expect(next.last.sequenceNumber == 5)
    let begun = try await store.append(["new"], to: "removed", expecting: .exact(0))
    #expect(begun.last.version == 1)
    let removal = try #require(try await store.log.erasure(of: "removed")).removal
    #expect(await store.waitForErasure(of: removal, atMost: .seconds(20)))
    #expect(try await SQLiteEventLog(path: target).findDamage() == [])
    await store.close()
  }

  /// Stopped before and after each call on the target, and gone on with by another run.
  @Test(arguments: [true, false]) func aCopyThatIsStoppedIsGoneOnWith(before: Bool) async throws {
    try await fill(seed: 3, steps: 60)
    /// The last call, and whether there were no more.
    func runUntil(_ stop: Int, _ path: String) async throws -> (call: String, isWhole: Bool) {
      let stopped = StoppedTarget(SQLiteCopyTarget(path: path), at: stop, before: before)
      let source = try SQLiteCopySource(path: source)
      // Each copy is one to a place of its own.
      try await source.setMoved(to: nil)
      do {
        _ = try await StoreCopy(from: source, to: stopped, limits: Self.small).run()
        return (stopped.lastCall, true)
      } catch {
        #expect(error.description.contains("stopped by the test"))
        return (stopped.lastCall, false)
      }
    }
    var stop = 0
    while true {
      let path = folder.file("copy-\(stop).sqlite")
      let (call, isWhole) = try await runUntil(stop, path)
      if isWhole { break }
      let hasFinished = !before && call == "finish"
      if FileManager.default.fileExists(atPath: path) {
        #expect(try openError(path)?.code == (hasFinished ? nil : .unfinished), "\(call)")
      }
      let report = try await StoreCopy(
        from: try SQLiteCopySource(path: source), to: SQLiteCopyTarget(path: path)
      ).run()
      #expect((report.digest == nil) == hasFinished, "\(call)")
      #expect(try rows(path) == (try rows(source)), "\(call)")
      #expect(try await SQLiteEventLog(path: path).findDamage() == [])
      stop += 1
    }
    #expect(stop > 12)
  }

  /// What is removed from the store while a copy is stopped is removed from what was copied, too.
  @Test func aRemovalBetweenTwoRunsErasesWhatWasCopied() async throws {
    let secret = "a secret of somebody"
    func open(_ path: String) throws -> TextStore {
      try TextStore(path: path, codec: TextCodec(), options: .init(partitionCount: 2))
    }
    do {
      let store = try open(source)
      for number in 0..<30 {
        _ = try await store.append(["\(secret) \(number)"], to: "s", expecting: .any)
        _ = try await store.append(["\(number)"], to: "t", expecting: .any)
      }
      await store.close()
    }
    do {
      let stopped = StoppedTarget(SQLiteCopyTarget(path: target), at: 4, before: true)
      _ = try await StoreCopy(
        from: try SQLiteCopySource(path: source), to: stopped, limits: .init(records: 20)
      ).run()
      Issue.record("it was not stopped")
    } catch {
      #expect("\(error)".contains("stopped by the test"))
    }
    try await SQLiteCopySource(path: source).setMoved(to: nil)
    do {
      let store = try open(source)
      _ = try await store.append(["\(secret) again"], to: "s", expecting: .any)
      _ = try await store.remove("s")
      _ = try await store.append(["begun again"], to: "s", expecting: .exact(0))
      await store.close()
    }
    let report = try await copy()
    #expect(report.resumedAfter > 0)
    #expect(try rows(target) == (try rows(source)))
    do {
      let store = try open(target)
      let removal = try #require(try await store.log.erasure(of: "s")).removal
      #expect(await store.waitForErasure(of: removal, atMost: .seconds(20)))
      #expect(try await SQLiteEventLog(path: target).findDamage() == [])
      await store.close()
    }
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path)
    where file.hasPrefix("copy.sqlite") {
      let bytes = try Data(contentsOf: URL(filePath: folder.file(file)))
      #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(file)")
    }
  }

  @Test func whatCanNotBeCopiedIsRefused() async throws {
    #expect(await refusal().contains("store.sqlite can't be opened"))
    #expect(!FileManager.default.fileExists(atPath: source))
    try await fill(seed: 1, steps: 20)

    let running = try TextStore(path: source, codec: TextCodec())
    #expect(await refusal().contains("already has a writer"))
    await running.close()
    #expect(!FileManager.default.fileExists(atPath: target))

    let other = try TextStore(path: target, codec: TextCodec())
    #expect(await refusal().contains("already has a writer"))
    await other.close()
    #expect(await refusal().contains("there is a store at"))
    for name in ["copy.sqlite", "copy.sqlite-wal", "copy.sqlite-shm", "copy.sqlite.lock"] {
      try? FileManager.default.removeItem(atPath: folder.file(name))
    }
    try Data("no database, but text that is long enough".utf8).write(to: URL(filePath: target))
    #expect(await refusal().contains("copy.sqlite"))
    try FileManager.default.removeItem(atPath: target)
    // Nothing of that has changed the store.
    #expect(try openError(source) == nil)

    try FileManager.default.createSymbolicLink(atPath: target, withDestinationPath: source)
    #expect(await refusal().contains("are the same store"))
    try FileManager.default.removeItem(atPath: target)

    _ = try await copy()
    let second = folder.file("second.sqlite")
    await #expect(throws: StoreCopyError.self) {
      try await StoreCopy(
        from: try SQLiteCopySource(path: source), to: SQLiteCopyTarget(path: second)
      ).run()
    }
    #expect(!FileManager.default.fileExists(atPath: second))
    // What was moved is told, and left as it is.
    #expect(try await copy().digest == nil)
    try await SQLiteCopySource(path: source).setMoved(to: nil)
    #expect(try openError(source) == nil)
    #expect(await refusal().contains("are the same store"))
  }

  @Test(arguments: [
    "DELETE FROM events WHERE sequence = 7",
    "UPDATE events SET version = 9 WHERE sequence = 7",
    "UPDATE events SET partition_sequence = partition_sequence + 100 WHERE sequence = 7",
    "UPDATE idempotency_keys SET sequence = 1000000 WHERE sequence > 0",
  ]) func aDamagedStoreIsNotCopied(damage: String) async throws {
    try await fill(seed: 5, steps: 30)
    try SQLiteConnection(path: source, mode: .readWrite).execute(damage)
    #expect(await refusal().contains("is damaged"))
    #expect(try openError(target)?.code == .unfinished)
  }

  @Test func theMovedFileGetsAnotherNameWhereThatIsWanted() async throws {
    try await fill(seed: 2, steps: 20)
    await #expect(throws: StoreCopyError.self) { try await SQLiteCopySource.retire(source) }
    _ = try await copy()
    let before = try rows(source)
    let retired = try await SQLiteCopySource.retire(source)
    #expect(retired == source + ".moved")
    #expect(!FileManager.default.fileExists(atPath: source))
    #expect(try rows(retired) == before)
    #expect(try openError(retired)?.code == .moved)
  }

  @Test func otherProgramsLeaveAnUnfinishedCopyAlone() async throws {
    try await fill(seed: 2, steps: 20)
    _ = try? await StoreCopy(
      from: try SQLiteCopySource(path: source),
      to: StoppedTarget(SQLiteCopyTarget(path: target), at: 3, before: true)
    ).run()
    #expect(throws: StoreOpenError.self) { try SQLiteEventLog(path: target) }
    // Earlier versions know no more than that it is newer than they are.
    let connection = try SQLiteConnection(path: target, mode: .readWrite)
    #expect(try StoreSchema.version(of: connection) > StoreSchema.version)
    try connection.execute("PRAGMA user_version = \(StoreSchema.unfinished + 1)")
    #expect(await refusal().contains("by another version"))
  }
}
