import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyPostgres

@Suite(.timeLimit(.minutes(5))) struct StoreFailureTests {
  /// The session that appends, once it waits for a lock.
  private func waiting(_ session: RawSession) async throws -> Int64 {
    var found: Int64 = 0
    try await until("the writer waits for the lock") {
      let rows = try await session.run(
        """
        SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND \(session.pid) = ANY (pg_blocking_pids(pid))
        """)
      guard let rows, rows.count > 0 else { return false }
      found = try rows.integer(0, 0)
      return true
    }
    return found
  }

  @Test func whatIsUnderWayWhenTheSessionEndsIsNotSentAgain() async throws {
    let schema = TestStores.schema()
    let store = try await TestStores.openRecords(schema: schema)
    _ = try await store.append(["e"], to: "s")
    let (holder, admin) = (
      try await RawSession(schema: schema), try await RawSession(schema: schema)
    )
    try await holder.run("BEGIN", "SELECT FROM append_lock FOR UPDATE")
    let append = Task { try await store.append(["e"], to: "s") }
    let pid = try await waiting(holder)
    try await admin.run("SELECT pg_terminate_backend(\(pid))")
    let error = await #expect(throws: EventStoreError.self) { try await append.value }
    #expect("\(error as Any)".contains("may or may not"), "\(error as Any)")
    #expect(store.log.location.contains("127.0.0.1"))
    try await holder.run("COMMIT")
    #expect(try await store.append(["e"], to: "s")?.version == 2)
    try await until("the store can be written") { await store.writeFailure() == nil }
    await store.close()
  }

  /// Whoever asks whether a writer is ready waits a second, and no longer; also where nobody has appended meanwhile.
  @Test func whyNothingCanBeWrittenIsToldAtOnce() async throws {
    let server = try TestServer()
    let store = try await TestStores.openRecords(server.url())
    _ = try await store.append(["e"], to: "s")
    for _ in 1...2 {
      try await server.kill()
      try await until("the store notices that its server is away") {
        await store.writeFailure() != nil
      }
      let start = ContinuousClock.now
      let failure = await store.writeFailure()
      let took = ContinuousClock.now - start
      #expect("\(failure as Any)".contains("127.0.0.1"))
      #expect(took < .seconds(9), "\(took)")
      try await server.start()
      try await until("the store can be written") { await store.writeFailure() == nil }
    }
    await store.close()
  }

  @Test func aSessionThatEndsWhileTheStoreIsOpenedIsMadeAnew() async throws {
    let url = try await TestServer.shared.get().makeDatabase()
    let schema = TestStores.schema()
    await (try await TestStores.openRecords(url, schema: schema)).close()
    let holder = try await RawSession(url, schema: schema)
    let looker = try await RawSession(url, schema: schema)
    try await holder.run("BEGIN", "LOCK TABLE store")
    let opening = Task { try await PostgresEventLog(url: url, schema: schema) }
    let waiting =
      "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    try await until("it waits for the lock") {
      try await looker.number("SELECT count(*) \(waiting)") == 1
    }
    try await looker.run("SELECT pg_terminate_backend(pid) \(waiting)")
    try await holder.run("COMMIT")
    let log = try await opening.value
    #expect(try await log.head() == 0)
    await log.close()
  }

  @Test func sessionsThatEndUnnoticedAreMadeAnew() async throws {
    let url = try await TestServer.shared.get().makeDatabase()
    let store = try await TestStores.openRecords(url)
    let admin = try await PostgresConnection(url)
    for number in 1...5 {
      _ = try await admin.run(
        [
          PostgresStatement(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """)
        ], "end all")
      // One that had not been noticed has the append fail: it comes again with its key.
      var last: EventPosition?
      while last == nil {
        do {
          last = try await store.append(["e"], to: "s", key: IdempotencyKey("\(number)"))
        } catch EventStoreError.unavailable {}
      }
      #expect(last?.version == Version(number))
      #expect(try await store.log.head() == UInt64(number))
    }
    await store.close()
  }

  @Test func whoHoldsTheLockTooLongIsTold() async throws {
    let schema = TestStores.schema()
    let store = try await TestStores.openRecords(schema: schema)
    let holder = try await RawSession(schema: schema)
    try await holder.run("BEGIN", "SELECT FROM append_lock FOR UPDATE")
    let error = await #expect(throws: EventStoreError.self) {
      try await store.append(["e"], to: "s")
    }
    #expect("\(error as Any)".contains("holds a lock"), "\(error as Any)")
    #expect(store.head.position == 0)
    try await holder.run("COMMIT")
    try await until("the store can be written") { await store.writeFailure() == nil }
    #expect(try await store.append(["e"], to: "s")?.sequenceNumber == 1)
    await store.close()
  }

  @Test func aMovedStoreTakesNoAppends() async throws {
    let schema = TestStores.schema()
    let store = try await TestStores.openRecords(schema: schema)
    let owner = try await RawSession(schema: schema)
    try await owner.run("UPDATE store SET copied_to = 'elsewhere'")
    for attempt in [
      { _ = try await store.append(["e"], to: "s") },
      { _ = try await store.append(["e"], to: "t") },
    ] as [() async throws -> Void] {
      let error = await #expect(throws: EventStoreError.self) { try await attempt() }
      #expect("\(error as Any)".contains("was moved"), "\(error as Any)")
    }
    try await owner.run("UPDATE store SET copied_to = NULL")
    #expect(try await store.append(["e"], to: "s")?.sequenceNumber == 1)
    await store.close()
  }

  @Test func refusalsThatPassAreRepeatedAndOthersAreNot() {
    func error(_ code: String) -> PostgresError {
      PostgresError(.refused(SQLState(rawValue: code)), "x", operation: "append")
    }
    let events = EncodedEvents(types: ["t"], payloads: [1], ends: [1], metadata: [], check: nil)
    let append = StoreRequest.Kind.append(streamID: "s", expecting: .any, events)
    var one = StoreTransaction.all(of: [(0, append)])[0]
    let two = StoreTransaction.all(of: [(3, append), (4, append)])[0]
    for code in ["40001", "40P01"] { #expect(one.reaction(to: error(code)) == .again) }
    one.repetitions = StoreTransaction.mostRepetitions
    #expect(one.reaction(to: error("40001")) == .fail)
    #expect(one.reaction(to: error("53200")) == .fail)
    #expect(two.reaction(to: error("53200")) == .halve)
    #expect(two.halves.map(\.requests) == [[3], [4]])
    for code in ["55P03", "57014", "53100", "23505", "25006", "ZV002", "XX001", "42883"] {
      #expect(two.reaction(to: error(code)) == .fail)
    }
    #expect(two.reaction(to: PostgresError(.lost, "gone", operation: "x")) == .fail)
  }

  @Test(arguments: [
    ("53100", "no space left"), ("25006", "read-only"), ("XX001", "damaged"), ("ZV004", "damaged"),
    ("42883", "another version"), ("ZV002", "was moved"), ("99999", "could not be written"),
  ])
  func everyStateHasItsWords(_ code: String, _ words: String) {
    let error = EventStoreError.failed(
      "here", .write,
      PostgresError(.refused(SQLState(rawValue: code)), "x", operation: "append"))
    #expect(error.description.contains(words), "\(error)")
  }
}
