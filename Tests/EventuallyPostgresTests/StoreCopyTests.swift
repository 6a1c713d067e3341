import Eventually
import EventuallySQLite
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyPostgres

/// Copies of stores between files and databases.
@Suite(.timeLimit(.minutes(10))) struct StoreCopyTests {
  private static let small = CopyLimits(records: 40, keys: 10)
  private let folder: URL
  private let url: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "eventually-copy-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    url = try TestServer.shared.get().url()
  }

  private func file(_ name: String) -> String { folder.path + "/" + name }

  private func fill(_ path: String, seed: UInt64, steps: Int) async throws {
    let store = try SQLiteEventStore(
      path: path, codec: TextCodec(), options: .init(partitionCount: 5))
    var history = StoreHistory(seed: seed, steps: steps)
    try await history.happen(in: store, store.log)
    await store.close()
  }

  private func toDatabase(
    from path: String, schema: String, limits: CopyLimits = small
  ) async throws -> CopyReport {
    let target = PostgresCopyTarget(url: url, schema: schema)
    do {
      let report = try await StoreCopy(
        from: try SQLiteCopySource(path: path), to: target, limits: limits
      ).run()
      await target.close()
      return report
    } catch {
      await target.close()
      throw error
    }
  }

  private func toFile(_ path: String, schema: String) async throws -> CopyReport {
    let source = try await PostgresCopySource(url: url, schema: schema)
    do {
      let report = try await StoreCopy(
        from: source, to: SQLiteCopyTarget(path: path), limits: Self.small
      ).run()
      await source.close()
      return report
    } catch {
      await source.close()
      throw error
    }
  }

  private func openError(schema: String) async -> StoreOpenError? {
    do {
      await (try await TestStores.open(schema: schema)).close()
      return nil
    } catch {
      return error as? StoreOpenError
    }
  }

  /// From a file to a database, and from there to another file.
  @Test(arguments: UInt64(1)...4) func aCopyIsTheStore(seed: UInt64) async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let schema = TestStores.schema()
    try await fill(file("first"), seed: seed, steps: 150)
    let there = try await toDatabase(
      from: file("first"), schema: schema, limits: seed % 2 == 0 ? .init() : Self.small)
    let back = try await toFile(file("second"), schema: schema)
    #expect(there.digest != nil && there.digest == back.digest)
    #expect(there.storeID == back.storeID && there.events == back.events)
    #expect(there.keys > 0 && there.keys == back.keys)
    #expect(try await SQLiteEventLog(path: file("second")).findDamage() == [])
    #expect(await openError(schema: schema)?.code == .moved)
  }

  /// What a writer of the database has written comes to a file.
  @Test func aStoreInADatabaseIsCopied() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let schema = TestStores.schema()
    let store = try await TestStores.open(schema: schema, options: .init(partitionCount: 5))
    var history = StoreHistory(seed: 9, steps: 150)
    try await history.happen(in: store, store.log)
    await store.close()
    let report = try await toFile(file("copy"), schema: schema)
    #expect(report.digest != nil)
    #expect(try await SQLiteEventLog(path: file("copy")).findDamage() == [])
  }

  @Test func theCopyGoesOnWhereTheStoreStood() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let schema = TestStores.schema()
    let key = IdempotencyKey("once")
    let first: IdempotentResult
    do {
      let store = try SQLiteEventStore(path: file("store"), codec: TextCodec())
      first = try await store.append(["a", "b"], to: "s", expecting: .any, idempotencyKey: key)
      _ = try await store.append(["gone"], to: "removed", expecting: .any)
      _ = try await store.remove("removed")
      await store.close()
    }
    _ = try await toDatabase(from: file("store"), schema: schema)
    let store = try await TestStores.open(schema: schema)
    let again = try await store.append(["x"], to: "s", expecting: .exact(0), idempotencyKey: key)
    #expect(again == IdempotentResult(last: first.last, isRepetition: true))
    #expect(try await store.append(["c"], to: "s", expecting: .exact(2)).last.sequenceNumber == 5)
    let begun = try await store.append(["new"], to: "removed", expecting: .exact(0))
    #expect(begun.last.version == 1)
    await store.close()
  }

  @Test(arguments: [true, false]) func aCopyThatIsStoppedIsGoneOnWith(before: Bool) async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try await fill(file("store"), seed: 3, steps: 60)
    var digests: Set<StoreDigest.Value> = []
    var stop = 0
    while true {
      let schema = TestStores.schema()
      let (call, isWhole) = try await runUntil(stop, before: before, schema: schema)
      if isWhole { break }
      let hasFinished = !before && call == "finish"
      if !["state", "begin"].contains(call) {
        #expect(
          await openError(schema: schema)?.code == (hasFinished ? nil : .unfinished), "\(call)")
      }
      let report = try await toDatabase(from: file("store"), schema: schema)
      #expect((report.digest == nil) == hasFinished, "\(call)")
      if let digest = report.digest { digests.insert(digest) }
      stop += 1
    }
    #expect(stop > 12)
    #expect(digests.count == 1)
  }

  /// The last call, and whether there were no more.
  private func runUntil(
    _ stop: Int, before: Bool, schema: String
  ) async throws -> (call: String, isWhole: Bool) {
    let target = PostgresCopyTarget(url: url, schema: schema)
    let stopped = StoppedTarget(target, at: stop, before: before)
    let source = try SQLiteCopySource(path: file("store"))
    // Each copy is one to a place of its own.
    try await source.setMoved(to: nil)
    var isWhole = false
    do {
      _ = try await StoreCopy(from: source, to: stopped, limits: Self.small).run()
      isWhole = true
    } catch {
      #expect("\(error)".contains("stopped by the test"))
    }
    await target.close()
    return (stopped.lastCall, isWhole)
  }

  /// What is removed from the store while a copy is stopped is removed from what was copied, too.
  @Test func aRemovalBetweenTwoRunsErasesWhatWasCopied() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (schema, secret) = (TestStores.schema(), "a secret of somebody")
    func change(_ body: (SQLiteEventStore<TextCodec>) async throws -> Void) async throws {
      let store = try SQLiteEventStore(path: file("store"), codec: TextCodec())
      try await body(store)
      await store.close()
    }
    try await change { store in
      for number in 0..<60 {
        _ = try await store.append(["\(secret) \(number)"], to: "s", expecting: .any)
      }
    }
    #expect(try await runUntil(4, before: true, schema: schema).isWhole == false)
    try await SQLiteCopySource(path: file("store")).setMoved(to: nil)
    try await change { store in
      _ = try await store.append(["\(secret) again"], to: "s", expecting: .any)
      _ = try await store.remove("s")
      _ = try await store.append(["begun again"], to: "s", expecting: .exact(0))
    }
    let report = try await toDatabase(from: file("store"), schema: schema)
    #expect(report.resumedAfter > 0 && report.digest != nil)
    let store = try await TestStores.open(schema: schema)
    let records = try await store.log.records(after: 0, limit: 1000)
    #expect(records.count == 63)
    #expect(records.filter { !$0.payload.isEmpty }.map(\.position.version) == [1])
    await store.close()
  }

  @Test func whatCanNotBeCopiedIsRefused() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let schema = TestStores.schema()
    try await fill(file("store"), seed: 1, steps: 20)
    func refusal(_ schema: String) async -> String {
      do { return "\(try await toDatabase(from: file("store"), schema: schema))" } catch {
        return "\(error)"
      }
    }
    let other = try await TestStores.open(schema: schema)
    _ = try await other.append(["x"], to: "s", expecting: .any)
    #expect(await refusal(schema).contains("there is a store at"))
    let term = try await other.lease { _ in }
    #expect(await refusal(schema).contains("already has a writer"))
    await #expect(throws: StoreOpenError.self) {
      try await PostgresCopySource(url: url, schema: schema)
    }
    await term.release()
    await other.close()
    // Nothing of that has changed the store.
    await (try SQLiteEventStore(path: file("store"), codec: TextCodec())).close()

    // A store that nothing was appended to may become the copy.
    let empty = TestStores.schema()
    await (try await TestStores.open(schema: empty)).close()
    _ = try await toDatabase(from: file("store"), schema: empty)
    #expect(await refusal(TestStores.schema()).contains("was moved to"))
    #expect(try await toDatabase(from: file("store"), schema: empty).digest == nil)
  }
}
