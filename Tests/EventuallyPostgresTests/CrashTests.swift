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

  private final class Run: Sendable {
    let isOver = Locked(false)
    let unanswered = Locked(0)
    let published = Locked<[EventID]>([])
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
    let run = Run()
    let reading = Task {
      var seen: UInt64 = 0
      while !run.isOver.withLock({ $0 }) {
        let page = (try? await stores[0].records(after: seen, limit: 100)) ?? []
        run.published.withLock { $0 += page.map(\.id) }
        seen += UInt64(page.count)
        if page.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
      }
    }
    let results = try await withThrowingTaskGroup(of: [String: AppendResult?].self) { group in
      for (number, store) in stores.enumerated() {
        for caller in 0..<4 {
          group.addTask {
            var results: [String: AppendResult?] = [:]
            var request = 0
            while !run.isOver.withLock({ $0 }) {
              let key = "\(number) \(caller) \(request)"
              do {
                let result = try await store.append(
                  ["a", "b"], to: "s\((request + caller) % 5)", expecting: .any,
                  idempotencyKey: IdempotencyKey(key))
                results[key] = result.last.map { AppendResult(last: $0) }
                request += 1
              } catch EventStoreError.unavailable {
                run.unanswered.withLock { $0 += 1 }
                try await Task.sleep(for: .milliseconds(20))
              }
            }
            return results
          }
        }
      }
      for _ in 0..<3 {
        try await Task.sleep(for: .milliseconds(Int.random(in: 300...1200)))
        try await server.kill()
        try await server.start()
      }
      try await Task.sleep(for: .seconds(1))
      run.isOver.withLock { $0 = true }
      return try await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
    }
    try await reading.value
    var records: [EventRecord] = []
    while true {
      let page = try await stores[1].records(after: UInt64(records.count), limit: 1000)
      if page.isEmpty { break }
      records += page
    }
    #expect(records.count >= 2 * results.count && records.count <= 2 * (results.count + 12))
    for (key, result) in results {
      let last = try #require(result?.last, "\(key)")
      #expect(records[Int(last.sequenceNumber) - 1].position == last, "\(key)")
    }
    #expect(Set(results.values.map { $0?.last.sequenceNumber }).count == results.count)
    let seen = run.published.withLock { $0 }
    #expect(seen == records.prefix(seen.count).map(\.id), "what was handed out has changed")
    #expect(
      results.count > 100, "\(results.count) requests, \(run.unanswered.withLock { $0 }) unanswered"
    )
    for store in stores { await store.close() }
  }
}
