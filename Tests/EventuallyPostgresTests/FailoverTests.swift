import Eventually
import Foundation
import Testing

@testable import EventuallyPostgres

/// The primary ends, and a standby takes its place.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FailoverTests {
  /// A commit that no standby has is not acknowledged, though the server says that it is carried out.
  @Test func aCommitThatWasKeptFromWaitingIsUnknown() async throws {
    let server = try TestServer()
    let schema = TestStores.schema()
    let store = try await TestStores.openRecords(server.url(), schema: schema)
    _ = try await store.append(["a"], to: "s")
    try await server.run(
      "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
    // Sessions are told after the server has read it, and a new one begins with it.
    try await until("the setting is in force") {
      try await server.number(
        "SELECT count(*) FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting = 'nobody'"
      ) == 1
    }
    let appending = Task { try await store.append(["b"], to: "s") }
    let waiting =
      "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'eventually'"
    let admin = try await PostgresConnection(server.url() + "?application_name=admin")
    try await until("the append waits for the standby") {
      try await admin.run([PostgresStatement("SELECT count(*) \(waiting)")], "look")[0].integer(
        0, 0)
        > 0
    }
    _ = try await admin.run(
      [PostgresStatement("SELECT pg_cancel_backend(pid) \(waiting)")], "cancel")
    let error = await #expect(throws: EventStoreError.self) { try await appending.value }
    #expect("\(error.map { "\($0)" } ?? "")".contains("unknown"), "\(error as Any)")
    #expect("\(error.map { "\($0)" } ?? "")".contains("synchronous standbys"), "\(error as Any)")
    _ = try await admin.run(
      [PostgresStatement("ALTER SYSTEM RESET synchronous_standby_names")], "reset")
    _ = try await admin.run([PostgresStatement("SELECT pg_reload_conf()")], "reload")
    await admin.close()
    // It is there: whoever repeats it with its key is told of it.
    try await until("the event can be read") {
      try await store.log.records(after: 0, limit: 10).count == 2
    }
    _ = try await store.append(["c"], to: "s")
    #expect(try await store.log.head() == 3)
    await store.close()
  }

  /// What the standby lacks is lost though it was acknowledged: the relay's term ends before anything of the new primary is published,
  /// and the numbers of what was lost go to other events.
  @Test func aStandbyThatWasBehindEndsTheRelaysTerm() async throws {
    let primary = try TestServer()
    let standby = try await primary.makeStandby()
    let schema = TestStores.schema()
    let url = primary.url(or: standby)
    let store = try await TestStores.openRecords(url, schema: schema)
    for number in 1...5 { _ = try await store.append(["a"], to: "s \(number)") }
    let term = try await store.lease { _ in }
    try await store.markPublished(5, under: term)
    #expect(try await !store.mayHaveGoneBack())
    try await until("the standby has it") {
      try await standby.number("SELECT published FROM \(schema).relay") == 5
    }
    // It gets nothing any more.
    try await standby.run(
      "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
    try await until("nothing is sent") {
      try await primary.number("SELECT count(*) FROM pg_stat_replication") == 0
    }
    for number in 1...3 { _ = try await store.append(["lost"], to: "t \(number)") }
    let lost = try await store.log.records(after: 5, limit: 10)
    #expect(lost.count == 3)
    try? await store.markPublished(8, under: term)
    try await primary.kill()
    try await standby.run("SELECT pg_promote()")
    try await until("the standby is read") { (try? await store.log.head()) == 5 }
    #expect(!term.isHeld)
    #expect(throws: RelayFenced(epoch: term.epoch, reason: .serverChanged)) { try term.check() }
    await #expect(throws: RelayFenced.self) { try await store.markPublished(8, under: term) }
    try await until("the head falls") { store.head.position == 5 }
    _ = try await store.append(["other"], to: "u")
    let after = try await store.log.records(after: 5, limit: 10)
    #expect(after.map(\.streamID) == ["u"] && after[0].id != lost[0].id)
    #expect(store.head.position == 6)
    await term.release()
    let next = try await store.lease { _ in }
    #expect(try await store.mayHaveGoneBack())
    #expect(try await store.published() == 5)
    // What is published under the new term is of this server.
    try await store.markPublished(6, under: next)
    #expect(try await !store.mayHaveGoneBack())
    #expect(try await store.publishedProgress() == nil)
    await store.close()
  }

  /// Whichever connection has seen first that the server is another one.
  @Test func aHeadBeyondTheServersFalls() async throws {
    let schema = TestStores.schema()
    let url = try TestServer.shared.get().url()
    let store = try await TestStores.openRecords(url, schema: schema)
    for number in 1...3 { _ = try await store.append(["a"], to: "s \(number)") }
    let head = PositionSignal(at: 7)
    let watch = HeadWatch(
      parameters: PostgresAddress(url).writing, schema: schema, reader: store.postgresLog.reader,
      head: head)
    await watch.start()
    try await until("the head falls") { head.position == 3 }
    _ = try await store.append(["a"], to: "s 4")
    try await until("the head rises") { head.position == 4 }
    await watch.close()
    await store.close()
  }

  /// Two writers go on at the standby, and all that they acknowledged is there, since the primary waited for it.
  @Test func aSynchronousStandbyHasAllThatWasAcknowledged() async throws {
    let primary = try TestServer()
    let standby = try await primary.makeStandby()
    try await primary.run(
      "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
    let schema = TestStores.schema()
    let url = primary.url(or: standby)
    let stores = [
      try await TestStores.open(url, schema: schema),
      try await TestStores.open(url, schema: schema),
    ]
    let appends = RepeatedAppends()
    let results = try await appends.run(on: stores) {
      try await appends.wait(forMore: 200)
      try await primary.kill()
      try await standby.run("SELECT pg_promote()")
      try await appends.wait(forMore: 200)
    }
    _ = try await RepeatedAppends.check(results, in: stores[1], of: stores.count)
    for store in stores { await store.close() }
  }
}
