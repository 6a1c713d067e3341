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
}
