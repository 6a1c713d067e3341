import Eventually
import EventuallySQLite
import Foundation
import Testing

@testable import EventuallyPostgres

struct SavepointTests {
  /// Rows in which the order of keys and what JSON escapes matter.
  static let rows =
    (0..<5000).map {
      Totals.Row("stream-\($0 * 7919 % 5000)", Int64($0), $0 % 3 == 0 ? nil : "n\($0)")
    }
    + [
      Totals.Row("é", .min, "\u{1}\u{7f}\"\\\n"), Totals.Row("e\u{301}", .max, ""),
      Totals.Row("", 0), Totals.Row("\u{1F680}", -1, "\u{2028}</script>"), Totals.Row("Z", 1),
      Totals.Row("z", 2, "ü"), Totals.Row("\u{FFFD}", 3),
    ]

  private func insert(_ test: TestCatalog) async throws {
    try await test.run(
      "INSERT INTO totals SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])",
      .texts(Self.rows.map(\.key)), .int8s(Self.rows.map(\.total)), .texts(Self.rows.map(\.note)))
    try await test.run(
      "INSERT INTO checkpoints SELECT p, 3, 10 + p, 100 + p, 5, NULL, 'worker', now() FROM generate_series(0, 2) p"
    )
  }

  /// The digest that SQLite's rows have.
  private func digestOfSQLite() async throws -> (digest: String, rows: Int) {
    struct Model: ReadModel {
      let name = "totals"
      let schemaVersion = 1
      let tables: [any ReadModelRow.Type] = [Totals.Row.self]
      func project(_ event: Persisted<String, Int64>, into rows: Rows) throws {
        for row in SavepointTests.rows { try rows.put(row) }
      }
      func forget(_ streamID: String, in rows: Rows) throws {}
    }
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let directory = ReadModelDirectory(folder.path() + "/totals", model: Model())
    try FileManager.default.createDirectory(
      atPath: directory.path, withIntermediateDirectories: true)
    let database = try ReadModelDatabase(
      path: directory.path(of: 1), model: Model(), codec: JSONEventCodec<Int64>(), storeID: "s",
      partitionCount: 1)
    let lease = try #require(try await database.claim([0], owner: "test").first)
    let event = Persisted(
      streamID: "s",
      position: EventPosition(partition: 0, partitionOffset: 1, sequenceNumber: 1, version: 1),
      id: EventID(time: .now()), time: .now(), event: Int64(1))
    _ = try await database.apply(
      [
        Delivery(
          partition: 0, epoch: lease.epoch, after: nil, entries: [.event(event)], nextOffset: nil)
      ], parking: [])
    try directory.makeLive(1)
    let savepoint = try directory.saveSavepoint("now", of: Model())
    return (savepoint.digest, savepoint.rows)
  }

  @Test func digestsAreThoseOfSQLite() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    try await insert(test)
    let savepoint = try await test.save("now")
    let expected = try await digestOfSQLite()
    #expect(savepoint.rows == expected.rows && expected.rows == Self.rows.count)
    #expect(savepoint.digest == expected.digest)
    await test.close()
  }

  @Test func aSavepointIsACopy() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    try await insert(test)
    let saved = try await test.save("before.the-sale")
    #expect(saved.schema == "rm_totals_s_before.the-sale")
    #expect(saved.positions == [0: 10, 1: 11, 2: 12, 3: 0])
    #expect(saved.sequenceNumber == 102 && saved.events == 33 && !saved.isAutomatic)
    await #expect(throws: ReadModelError.self) {
      try await test.save("before.the-sale")
    }
    await #expect(throws: ReadModelError.self) {
      try await test.save("17")
    }
    try await test.run("UPDATE totals SET total = 0 WHERE id = 'Z'")
    try await test.run("DELETE FROM totals WHERE id = 'stream-1'")
    try await test.catalog.verify(saved)
    let live = try await test.schema(nil)
    let comparison = try await test.compare(expected: saved.schema, found: live)
    #expect(comparison.differenceCount == 2, "\(comparison)")
    #expect(comparison.expected.text == saved.digest && comparison.expected.rows == saved.rows)
    #expect(comparison.found.rows == saved.rows - 1)
    #expect(
      comparison.differences.map { [$0.key, $0.expected, $0.found] } == [
        [[.text("Z")], [.integer(1), .null], [.integer(0), .null]],
        [[.text("stream-1")], Self.rows.first { $0.key == "stream-1" }?.values, nil],
      ])
    // Indexes and keys are there too.
    let indexes = try await test.run(
      "SELECT count(*) FROM pg_indexes WHERE schemaname IN ($1, $2) GROUP BY schemaname",
      .text(saved.schema), .text(live))
    #expect(try indexes.count == 2 && indexes.integer(0, 0) == indexes.integer(1, 0))
    try await test.catalog.deleteSavepoint(saved.name)
    #expect(try await test.catalog.savepointNames() == [])
    await #expect(throws: ReadModelError.self) {
      try await test.catalog.deleteSavepoint(saved.name)
    }
    await test.close()
  }

  @Test func aGenerationBeginsFromASavepoint() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    try await insert(test)
    try await test.run("INSERT INTO park_requests VALUES (2, 99)")
    let saved = try await test.save("before")
    try await test.run("DELETE FROM totals")
    let number = try await test.build("from before", from: saved)
    #expect(try await test.catalog.generation(number).origin == "the savepoint 'before'")
    #expect(try await test.catalog.events(in: number) == 33)
    let schema = try await test.schema(number)
    let comparison = try await test.compare(expected: saved.schema, found: schema)
    #expect(comparison.differenceCount == 0 && comparison.found.text == saved.digest)
    #expect(try await test.run("SELECT FROM park_requests", in: number).count == 1)
    try await test.catalog.makeLive(number)
    #expect(try await test.run("SELECT FROM totals").count == saved.rows)
    await test.close()
  }

  @Test(arguments: [
    "UPDATE totals SET total = total + 1 WHERE id = 'z'", "DELETE FROM totals WHERE id = 'z'",
    "UPDATE checkpoints SET position = position + 1 WHERE partition = 1",
    "INSERT INTO parked_streams VALUES ('a', 0, 'b', now())", "DROP TABLE dropped_events",
  ])
  func whatIsChangedIsFound(_ statement: String) async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    try await insert(test)
    let saved = try await test.save("before")
    _ = try await test.database.ask(
      PostgresStatement(statement), in: saved.schema, doing: "damage")
    let error = await #expect(throws: ReadModelError.self) {
      try await test.catalog.verify(saved)
    }
    guard case .damagedSavepoint = error else {
      Issue.record("\(error as Any)")
      return
    }
    await test.close()
  }

  /// Several workers find that one is due: one saves it.
  @Test func automaticOnesAreSavedOnce() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    try await insert(test)
    let saved = try await withThrowingTaskGroup(of: Savepoint?.self) { group in
      for worker in 0..<4 {
        group.addTask {
          try await test.catalog.saveSavepoint(
            "auto-\(worker)x", of: Totals(), isAutomatic: true
          ) { $0.isEmpty }
        }
      }
      return try await group.reduce(into: []) { if let saved = $1 { $0.append(saved) } }
    }
    #expect(saved.count == 1, "\(saved)")
    #expect(try await test.catalog.savepoints().map(\.isAutomatic) == [true])
    await test.close()
  }
}
