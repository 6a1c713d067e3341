import Eventually
import Foundation
import Testing

@testable import EventuallyPostgres

/// The server ends in the middle, and loses what it has not written.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CrashTests {
  /// A commit that nobody has waited for the flush of is lost with the server: who reads by the log never has seen it, and who reads
  /// the table has.
  @Test(arguments: [true, false])
  func whatIsHandedOutSurvives(_ isGuarded: Bool) async throws {
    let server = try TestServer()
    let admin = try await PostgresConnection(server.url())
    _ = try await admin.run(
      [PostgresStatement("ALTER SYSTEM SET wal_writer_delay = '10s'")], "slow down")
    _ = try await admin.run([PostgresStatement("SELECT pg_reload_conf()")], "reload")
    await admin.close()
    let schema = TestStores.schema()
    var store = try await TestStores.openRecords(server.url(), schema: schema)
    _ = try await store.append(["e"], to: "s")
    let head = store.head.position
    // Nobody but the test is to wait for a flush.
    await store.close()
    let log = try await PostgresEventLog(url: server.url(), schema: schema)
    let writer = try await RawSession(server.url(), schema: schema)
    _ = try await writer.append("s")
    let before: EventID
    if isGuarded {
      before = try await log.records(after: head, limit: 1)[0].id
    } else {
      let rows = try await writer.run("SELECT id FROM events WHERE sequence = \(head + 1)")
      before = try #require(try rows?.uuid(0, 0))
    }
    try await server.kill()
    try await server.start()
    store = try await TestStores.openRecords(server.url(), schema: schema)
    _ = try await store.append(["other"], to: "t")
    let after = try await store.log.records(after: head, limit: 1)[0].id
    #expect((after == before) == isGuarded)
    await store.close()
    await log.close()
  }

  /// Three writers whose callers repeat, with their keys, whatever has no answer.
  @Test func everyAcknowledgedRequestIsThereOnce() async throws {
    let server = try TestServer()
    let schema = TestStores.schema()
    let stores = [
      try await TestStores.open(server.url(), schema: schema),
      try await TestStores.open(server.url(), schema: schema),
      try await TestStores.open(server.url(), schema: schema),
    ]
    let appends = RepeatedAppends()
    let reading = Task {
      var seen: [EventID] = []
      while appends.isGoingOn {
        let page = (try? await stores[0].records(after: UInt64(seen.count), limit: 100)) ?? []
        seen += page.map(\.id)
        if page.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
      }
      return seen
    }
    let results = try await appends.run(on: stores) {
      for more in [20, 60, 40] {
        try await appends.wait(forMore: more)
        try await server.kill()
        try await server.start()
      }
      try await appends.wait(forMore: 50)
    }
    let seen = try await reading.value
    let records = try await RepeatedAppends.check(results, in: stores[1], of: stores.count)
    #expect(seen == records.prefix(seen.count).map(\.id), "what was handed out has changed")
    for store in stores { await store.close() }
  }
}
