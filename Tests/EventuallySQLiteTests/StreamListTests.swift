import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallySQLite

@Suite struct StreamListTests {
  @Test func streamsAreFound() async throws {
    let folder = try TemporaryFolder()
    try await StreamListContract(
      makeStore: {
        let store = try TextStore(path: folder.file("store.sqlite"), codec: TextCodec())
        return (store, try SQLiteEventLog(path: folder.file("store.sqlite")))
      }, event: { "event \($0)" }, type: "Text"
    ).check()
  }

  /// What routes ask is answered by indexes.
  @Test func queriesUseIndexes() async throws {
    let folder = try TemporaryFolder()
    let store = try TextStore(path: folder.file("store.sqlite"), codec: TextCodec())
    _ = try await store.append(["a"], to: "s", expecting: .any)
    let connection = try SQLiteConnection(path: folder.file("store.sqlite"), mode: .readOnly)
    for sql in [
      "\(SQLiteEventLog.heads) AND s.id >= 'a' ORDER BY s.id LIMIT 50",
      "\(SQLiteEventLog.heads) AND s.id = 'a'",
    ] {
      let plan = try connection.rows("EXPLAIN QUERY PLAN \(sql)", []) { $0.text(3) }
      #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") }, "\(plan)")
    }
  }

  /// Of a long stream it is kept where its events are; of another one that has its name later it is not.
  @Test func longStreamsAreReadAgain() async throws {
    let folder = try TemporaryFolder()
    let store = try TextStore(path: folder.file("store.sqlite"), codec: TextCodec())
    let log = try SQLiteEventLog(path: folder.file("store.sqlite"))
    func numbers(from version: Version) async throws -> [UInt64] {
      try await log.sequenceNumbers(of: "s", from: version)
    }
    let count = UInt64(StreamChains.long)
    _ = try await store.append(Array(repeating: "a", count: Int(count)), to: "s", expecting: .any)
    for _ in 0..<2 {
      #expect(try await numbers(from: 1) == Array(1...count))
      #expect(try await numbers(from: count) == [count])
      #expect(try await numbers(from: count + 1).isEmpty)
      #expect(try await numbers(from: 0) == Array(1...count))
    }
    _ = try await store.append(["b"], to: "t", expecting: .any)
    _ = try await store.append(["c", "d"], to: "s", expecting: .any)
    #expect(try await numbers(from: count) == [count, count + 2, count + 3])
    #expect(try await numbers(from: 1) == Array(1...count) + [count + 2, count + 3])
    _ = try await store.remove("s", expecting: .any)
    #expect(try await numbers(from: 1).isEmpty)
    _ = try await store.append(Array(repeating: "e", count: Int(count)), to: "s", expecting: .any)
    #expect(try await numbers(from: 2) == Array(count + 6..<2 * count + 5))
    #expect(try await numbers(from: 1) == Array(count + 5..<2 * count + 5))
    #expect(try await log.records(ofStream: "s").count == Int(count))
  }
}
