import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyPostgres

@Suite(.timeLimit(.minutes(5))) struct SchemaTests {
  /// A role that may connect, and no more.
  private func role(_ database: String) async throws -> (name: String, url: String) {
    let name = "role_" + TestStores.schema()
    let admin = try await PostgresConnection(database)
    _ = try await admin.run([PostgresStatement("CREATE ROLE \(name) LOGIN")], "create")
    await admin.close()
    return (name, database.replacing("postgres@", with: "\(name)@"))
  }

  @Test func everyTableAndColumnHasAComment() async throws {
    let database = try await TestServer.shared.get().makeDatabase()
    try await PostgresSchema.install(url: database)
    let connection = try await PostgresConnection(database)
    #expect(try await uncommented(in: "eventually", on: connection) == [])
    await connection.close()
  }

  @Test func anApplicationsRoleWorksByFunctionsAlone() async throws {
    let database = try await TestServer.shared.get().makeDatabase()
    let schema = TestStores.schema()
    let (role, url) = try await role(database)
    // Nothing is there, and it may not make it.
    let missing = await #expect(throws: StoreOpenError.self) {
      try await TestStores.openRecords(url, schema: schema)
    }
    #expect("\(missing as Any)".contains("install"), "\(missing as Any)")
    for _ in 0..<2 {
      try await PostgresSchema.install(
        url: database, schema: schema, partitions: 3, application: role)
    }
    let store = try await TestStores.openRecords(url, schema: schema)
    #expect(store.log.partitionCount == 3)
    let added = try await store.append(
      ["a", "b"], to: "s", key: IdempotencyKey("k"))
    #expect(added?.version == 2)
    _ = try await store.perform(
      .snapshot(
        streamID: "s",
        Snapshot(version: 2, sequenceNumber: 2, schemaVersion: 1, payload: [7])))
    #expect(try await store.snapshot(of: "s")?.payload == [7])
    let term = try await store.lease { _ in }
    try await store.markPublished(2, under: term)
    #expect(try await store.published() == 2)
    _ = try await store.perform(.remove(streamID: "s", expecting: .any))
    #expect(try await store.snapshot(of: "s") == nil)
    // Not by itself.
    let session = try await RawSession(url, schema: schema)
    for text in [
      "DELETE FROM events", "UPDATE events SET payload = ''", "UPDATE relay SET published = 9",
      "SELECT FROM append_lock FOR UPDATE", "CREATE TABLE \(schema).t (n int)", "TRUNCATE events",
    ] {
      let error = await #expect(throws: PostgresError.self) { try await session.run(text) }
      #expect(error?.state == .insufficientPrivilege, "\(text): \(error as Any)")
    }
    // It may not clean the tables; whoever owns them does, and then it is noted.
    try await until("it says who has to clean") {
      store.pendingErasures.reason?.contains("VACUUM (FREEZE") == true
    }
    let owner = try await RawSession(database, schema: schema)
    try await until("it is noted") {
      // Whoever had a snapshot meanwhile, it is done again.
      for table in ["events", "idempotency_keys", "snapshots"] {
        try await owner.run("VACUUM (FREEZE, INDEX_CLEANUP ON) \(table)")
      }
      // Removals have the writer look.
      _ = try await store.append(["c"], to: "t")
      _ = try await store.perform(.remove(streamID: "t", expecting: .any))
      return try await store.log.erasure(of: "s")?.erased != nil
    }
    await store.close()
  }

  @Test func nothingIsErasedBesideAnOlderSnapshot() async throws {
    let schema = TestStores.schema()
    let url = try await TestServer.shared.get().makeDatabase()
    let store = try await TestStores.openRecords(url, schema: schema)
    _ = try await store.append(["secret"], to: "s")
    let reader = try await RawSession(url, schema: schema)
    try await reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM events")
    guard
      case .added(let removal) = try await store.perform(.remove(streamID: "s", expecting: .any))
    else {
      Issue.record("it was not removed")
      return
    }
    #expect(await !store.waitForErasure(of: removal, atMost: .seconds(1)))
    try await until("it says why") {
      store.pendingErasures.reason?.contains("process \(reader.pid)") == true
    }
    #expect(store.pendingErasures.count == 1)
    try await reader.run("COMMIT")
    #expect(await store.waitForErasure(of: removal, atMost: .seconds(60)))
    await store.close()
  }

  @Test func aNewerSchemaIsRefused() async throws {
    let schema = TestStores.schema()
    let store = try await TestStores.openRecords(schema: schema)
    await store.close()
    let url = try TestServer.shared.get().url()
    let owner = try await RawSession(schema: schema)
    try await owner.run("UPDATE store SET schema_version = \(PostgresSchema.version + 1)")
    for attempt in [
      { _ = try await TestStores.openRecords(schema: schema) },
      { _ = try await PostgresEventLog(url: url, schema: schema) },
      { try await PostgresSchema.install(url: url, schema: schema) },
    ] as [() async throws -> Void] {
      let error = await #expect(throws: StoreOpenError.self) { try await attempt() }
      #expect(error?.code == .newer, "\(error as Any)")
    }
    try await owner.run("UPDATE store SET schema_version = \(PostgresSchema.version - 1)")
    let older = await #expect(throws: StoreOpenError.self) {
      try await PostgresEventLog(url: url, schema: schema)
    }
    #expect(older?.code == .older, "\(older as Any)")
  }

  @Test func othersAreMadeAtTheSameTimeAndEmptyOnesAreTold() async throws {
    let schema = TestStores.schema()
    let url = try TestServer.shared.get().url()
    let empty = await #expect(throws: StoreOpenError.self) {
      try await PostgresEventLog(url: url, schema: schema)
    }
    #expect(empty?.code == .empty, "\(empty as Any)")
    let stores = try await withThrowingTaskGroup(of: PostgresRecordStore.self) { group in
      for _ in 0..<6 { group.addTask { try await TestStores.openRecords(schema: schema) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(stores.map(\.log.storeID)).count == 1)
    let other = await #expect(throws: StoreOpenError.self) {
      try await TestStores.openRecords(schema: schema, options: .init(partitionCount: 5))
    }
    #expect(other?.code == .partitionCount, "\(other as Any)")
    for store in stores { await store.close() }
  }

  @Test(arguments: [
    ("postgres://u:secret@h:1/d", "postgres://u@h:1/d"),
    ("host=h user=u password=secret dbname=d", "postgres://u@h/d"),
    ("postgres://u:secret@a:1,b:2/d?sslmode=require", "postgres://u@a:1,b:2/d"),
    ("service=x", "service=x"), ("postgres://%zz:secret@", "postgres:"),
  ])
  func noPasswordIsShown(_ url: String, _ location: String) {
    #expect(PostgresAddress(url).location == location)
  }

  /// Of several hosts it is the primary that is read; the only one may be a standby.
  @Test func theServerIsTheOneThatIsMeant() {
    #expect(PostgresAddress("postgres://a/d").reading.server == .any)
    #expect(PostgresAddress("postgres://a,b/d").reading.server == .primary)
    #expect(PostgresAddress("postgres://a,b/d").any.server == .any)
    #expect(PostgresAddress("postgres://a/d").writing.server == .readWrite)
  }
}

/// What `psql` does not explain to a person: tables, views and columns of a schema without a comment.
func uncommented(in schema: String, on connection: PostgresConnection) async throws -> [String] {
  let rows = try await connection.run(
    [
      PostgresStatement(
        """
        SELECT c.relname || coalesce('.' || a.attname, '') FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL (
          SELECT 0 AS attnum, NULL AS attname
          UNION ALL SELECT attnum, attname::text FROM pg_attribute
          WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a
        LEFT JOIN pg_description d
          ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm') AND coalesce(d.description, '') = ''
        ORDER BY 1
        """, .text(schema))
    ], "look for comments")[0]
  let count = try await connection.run(
    [
      PostgresStatement(
        "SELECT count(*) FROM pg_tables WHERE schemaname = $1", .text(schema))
    ], "count tables")[0].integer(0, 0)
  return try (0..<rows.count).map { try rows.text($0, 0) } + (count == 0 ? ["there is none"] : [])
}
