import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// Idempotency keys in a store's file.
@Suite(.timeLimit(.minutes(5))) struct IdempotencyTests {
  private final class Clock: Sendable {
    let time = Locked(Timestamp(microseconds: 1_800_000_000_000_000))
  }

  private let folder: TemporaryFolder
  private let clock = Clock()
  private var path: String { folder.file("store.sqlite") }

  init() throws { folder = try TemporaryFolder() }

  private func open(keyLifetime: Duration? = nil) throws -> TextStore {
    var options = TextStore.Options(partitionCount: 4)
    options.keyLifetime = keyLifetime
    options.clock = { [clock] in clock.time.withLock { $0 } }
    return try TextStore(path: path, codec: TextCodec(), options: options)
  }

  private func pass(seconds: Int64) {
    clock.time.withLock { $0 = Timestamp(microseconds: $0.microseconds + seconds * 1_000_000) }
  }

  private func rows() throws -> Int64 {
    try SQLiteConnection(path: path, mode: .readOnly).integer(
      "SELECT count(*) FROM idempotency_keys") ?? -1
  }

  @Test func repeatedAYearLaterARequestHasNoSecondEffect() async throws {
    let keys = [
      IdempotencyKey("k", request: RequestFingerprint([1])), .numbered(sender: "s", number: 7),
    ]
    var first: [IdempotentResult] = []
    do {
      let store = try open()
      for key in keys {
        first.append(
          try await store.append(
            ["a", "b"], to: "s", expecting: .any, idempotencyKey: key))
      }
      await store.close()
    }
    // Under load meanwhile, and with restarts.
    for year in 1...3 {
      pass(seconds: 366 * 86_400)
      let store = try open()
      for number in 0..<200 {
        _ = try await store.append(
          ["c"], to: "other \(number % 3)", expecting: .any,
          idempotencyKey: IdempotencyKey("\(year) \(number)"))
      }
      for (key, first) in zip(keys, first) {
        let again = try await store.append(
          ["a", "b"], to: "s", expecting: .exact(0), idempotencyKey: key)
        #expect(again == IdempotentResult(last: first.last, isRepetition: true), "\(key)")
      }
      let other = IdempotencyKey("k", request: RequestFingerprint([2]))
      await #expect {
        _ = try await store.append(["a"], to: "s", expecting: .any, idempotencyKey: other)
      } throws: {
        guard case .keyReused(let refusal)? = $0 as? EventStoreError else { return false }
        return refusal.first == first[0].last && refusal.streamID == "s"
      }
      #expect(try await collect(store.stream("s", .all)).map(\.event) == ["a", "b", "a", "b"])
      await store.close()
    }
    #expect(try await SQLiteEventLog(path: path).findDamage() == [])
  }

  /// Bounded work with each append, and bounded room.
  @Test func keysThatAreTooOldAreDeleted() async throws {
    let store = try open(keyLifetime: .seconds(100))
    let key = IdempotencyKey("k")
    let mark = IdempotencyKey.numbered(sender: "s", number: 1)
    func append(_ key: IdempotencyKey, to stream: String = "s") async throws -> IdempotentResult {
      try await store.append(["a"], to: stream, expecting: .any, idempotencyKey: key)
    }
    _ = try await append(key)
    _ = try await append(mark)
    pass(seconds: 99)
    #expect(try await append(key).isRepetition)
    // It was kept in the middle of a second, perhaps.
    pass(seconds: 2)
    #expect(try await store.result(of: key, on: "s") == nil)
    #expect(try await !append(key).isRepetition)
    #expect(try await append(mark).isRepetition)
    // Ten keys live at a time.
    var most: Int64 = 0
    for number in 0..<2000 {
      pass(seconds: 10)
      _ = try await append(IdempotencyKey("key \(number)"), to: "stream \(number % 7)")
      if number > 100, number % 10 == 0 { most = max(most, try rows()) }
    }
    #expect((11...25).contains(most), "\(most) rows")
    #expect(try await append(mark).isRepetition)
    #expect(
      try await store.append(
        ["a"], to: "stream \(1999 % 7)", expecting: .any,
        idempotencyKey: IdempotencyKey("key 1999")
      ).isRepetition)
  }

  @Test func anAppendWithoutAKeyWritesNone() async throws {
    let store = try open()
    _ = try await store.append(["a"], to: "s", expecting: .any)
    try await store.remove("s")
    #expect(try rows() == 0)
    _ = try await store.append(
      ["a"], to: "s", expecting: .any, idempotencyKey: IdempotencyKey("k"))
    #expect(try rows() == 1)
  }

  /// Neither the key nor its digest, nor what the request was.
  @Test func nothingIsLeftOfARemovedStreamsKeys() async throws {
    let store = try open()
    let secret = "a secret of Alice's"
    var digests: [[UInt8]] = []
    for number in 0..<500 {
      let key = IdempotencyKey(
        "\(secret) \(number)", request: RequestFingerprint(Array("\(secret) \(number)".utf8)))
      _ = try await store.append(["x"], to: "s", expecting: .any, idempotencyKey: key)
      digests.append(StoredKey(key, of: "s").digest)
      _ = try await store.append(
        ["x"], to: "other \(number)", expecting: .any, idempotencyKey: IdempotencyKey("\(number)"))
    }
    let removal = try #require(try await store.remove("s"))
    #expect(await store.waitForErasure(of: removal, atMost: .seconds(60)))
    #expect(try rows() == 500)
    for name in ["store.sqlite", "store.sqlite-wal"] {
      let data = try Data(contentsOf: URL(filePath: folder.file(name)))
      #expect(data.range(of: Data("secret".utf8)) == nil, "\(name)")
    }
    let again = try await store.append(
      ["x"], to: "s", expecting: .exact(0), idempotencyKey: IdempotencyKey("\(secret) 0"))
    #expect(!again.isRepetition && again.version == 1)
    #expect(Set(digests).count == 500)
  }

  @Test func aStoreFromBeforeKeysGetsTheirTable() async throws {
    do {
      let old = try open()
      _ = try await old.append(["a"], to: "s", expecting: .any)
      await old.close()
    }
    try SQLiteConnection(path: path, mode: .readWrite).execute(
      "DROP TABLE idempotency_keys; PRAGMA user_version = 5")
    // Whoever only reads it need not wait for its writer.
    #expect(try await SQLiteEventLog(path: path).head() == 1)
    #expect(try await SQLiteEventLog(path: path).findDamage() == [])
    let store = try open()
    let result = try await store.append(
      ["b"], to: "s", expecting: .exact(1), idempotencyKey: IdempotencyKey("k"))
    #expect(result.version == 2)
    #expect(try SQLiteConnection(path: path, mode: .readOnly).integer("PRAGMA user_version") == 6)
  }

  @Test func viewsOfAStoreHaveKeysOfTheirOwn() async throws {
    let store = try open()
    let key = IdempotencyKey("k")
    for category in ["one", "two"] as [StreamCategory] {
      let view = TextStore(store, category: category, codec: TextCodec())
      let first = try await view.append(["a"], to: "1", expecting: .any, idempotencyKey: key)
      #expect(first.version == 1 && !first.isRepetition)
      #expect(try await view.result(of: key, on: "1")?.last == first.last)
      let whole = category.streamName(of: "1")
      #expect(try await store.result(of: key, on: whole)?.last == first.last)
    }
    #expect(try await store.result(of: key, on: "1") == nil)
  }

  /// The code may have changed since, and make events that the codec does not read back.
  @Test func aRepetitionsEventsNeedNotBeAppendable() async throws {
    let store = try open()
    let key = IdempotencyKey("k")
    let first = try await store.append(["a"], to: "s", expecting: .any, idempotencyKey: key)
    for count in [1, 5] {
      let events = Array(repeating: TextCodec.unreadable, count: count)
      let again = try await store.append(events, to: "s", expecting: .any, idempotencyKey: key)
      #expect(again == IdempotentResult(last: first.last, isRepetition: true))
      await #expect(throws: EventStoreError.self) {
        _ = try await store.append(
          events, to: "s", expecting: .any, idempotencyKey: IdempotencyKey("new"))
      }
    }
    #expect(store.head.position == 1)
  }

  @Test(arguments: [
    "sequence = 2", "sequence = -1", "sequence = 1 << 62", "time = 1 << 62", "number = -1",
  ])
  func aDamagedKeyIsTold(_ change: String) async throws {
    let key = IdempotencyKey("k")
    do {
      let store = try open()
      _ = try await store.append(["a"], to: "s", expecting: .any, idempotencyKey: key)
      _ = try await store.append(["a"], to: "t", expecting: .any)
      await store.close()
    }
    try SQLiteConnection(path: path, mode: .readWrite).execute(
      "UPDATE idempotency_keys SET \(change)")
    let found = try await SQLiteEventLog(path: path).findDamage()
    #expect(
      change.hasPrefix("sequence") == found.contains { $0.contains("an idempotency key of") },
      "\(found)")
    let store = try open()
    for attempt in ["append", "look-up"] {
      await #expect {
        if attempt == "append" {
          _ = try await store.append(["a"], to: "s", expecting: .any, idempotencyKey: key)
        } else {
          _ = try await store.result(of: key, on: "s")
        }
      } throws: {
        guard case .unavailable(let text, _)? = $0 as? EventStoreError else { return false }
        return text.contains("damaged")
      }
    }
    #expect(try await store.append(["a"], to: "s", expecting: .exact(1)).version == 2)
  }
}
