import Eventually
import Foundation
import Testing

@testable import EventuallyPostgres

struct ForgettingTests {
  /// What a replay told of itself, with a row that differs.
  private static let note = #"""
    {"state":"built","begunBy":"x","begun":0,"applied":1,"total":1,"rate":0,"elapsed":0,"earlier":0,"comparison":{"live":2,
    "events":1,"differenceCount":1,"differences":[{"table":"totals","key":["b"],"live":[2,"secret"]}],
    "columns":{"totals":["id","total","text"]},"rows":0,"liveRows":1,"digest":"d","liveDigest":"e"}}
    """#

  /// The stream `b` was removed at offset 5 of partition 1, which only the live generation has come to.
  private func prepare(_ test: TestCatalog) async throws -> (PostgresSavepoint, Int) {
    _ = try await test.openLive()
    try await test.run(
      "INSERT INTO totals VALUES ('a', 1, NULL), ('b', 2, 'secret'), ('c', 3, 'x')")
    try await test.run("INSERT INTO checkpoints VALUES (1, 7, 4, 4, NULL, NULL, 'w', now())")
    try await test.run("INSERT INTO parked_streams VALUES ('b', 1, 'secret', now())")
    try await test.run(
      "INSERT INTO foreign_records VALUES (1, 9, 'why', 'b', 'secret', 6, now()), (1, 10, 'why', 'bb', 'other', 5, now())"
    )
    try await test.run("INSERT INTO dropped_events VALUES (1, 2, 'b', 'secret')")
    let savepoint = try await test.save("before")
    let old = try await test.build("from before", from: savepoint)
    try await test.run("DELETE FROM totals WHERE id = 'b'")
    try await test.run("DELETE FROM parked_streams")
    try await test.run("UPDATE checkpoints SET position = 5")
    try await test.run("INSERT INTO removals (stream, partition, position) VALUES ('b', 1, 5)")
    return (savepoint, old)
  }

  private func forget(_ test: TestCatalog) async throws -> ForgettingOutcome {
    try await test.catalog.forgetRemoved(Totals(), asWorker: false, progress: { _, _ in })
  }

  /// As the application does it, in every schema.
  @Test func everySchemaForgets() async throws {
    let test = try await TestCatalog()
    let (savepoint, old) = try await prepare(test)
    #expect(try await test.catalog.hasPendingRemovals())
    // What a replay found to differ is a copy of rows.
    _ = try await test.database.ask(
      "UPDATE generations SET note = $1, noted = now()", .text(Self.note), doing: "note")
    let outcome = try await forget(test)
    #expect(outcome == ForgettingOutcome(removals: 1), "\(outcome)")
    #expect(try await !test.catalog.hasPendingRemovals())
    let notes = try await test.database.ask("SELECT note FROM generations", doing: "look at notes")
    for row in 0..<notes.count {
      #expect(try notes.text(row, 0).contains(#""differenceCount":1"#))
      #expect(try !notes.text(row, 0).contains("secret"))
    }
    for schema in [savepoint.schema, try await test.schema(old)] {
      func count(_ from: String) async throws -> Int64 {
        try await test.database.ask(
          PostgresStatement("SELECT count(*) FROM \(from)"), in: schema, doing: "count"
        ).integer(0, 0)
      }
      #expect(try await count("totals") == 2)
      #expect(try await count("totals WHERE id = 'b'") == 0)
      #expect(try await count("parked_streams") == 0)
      #expect(try await count("foreign_records") == 1)
      #expect(try await count("dropped_events WHERE reason = 'removed'") == 1)
      #expect(try await count("awaited_removals WHERE stream = 'b' AND position = 5") == 1)
      #expect(try await count("removals WHERE state = 2") == 1)
      #expect(try await count("checkpoints WHERE epoch = 8") == 1)
    }
    // The savepoint is whole, with another digest.
    let after = try await test.catalog.foundSavepoint("before")
    #expect(after.digest != savepoint.digest && after.rows == 2)
    try await test.catalog.verify(after)
    #expect(
      try await forget(test)
        == ForgettingOutcome())
    await test.close()
  }

  /// Once a generation is live, nobody looks at what differed from the one before.
  @Test func aSwitchLeavesNoRowsInTheNote() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let second = try await test.build()
    _ = try await test.database.ask(
      "UPDATE generations SET note = $1, noted = now()", .text(Self.note), doing: "note")
    try await test.catalog.makeLive(second)
    for (number, hasRows) in [(1, true), (second, false)] {
      let note = try #require(try await test.catalog.found(number).note?.text)
      #expect(note.contains("secret") == hasRows && note.contains(#""differenceCount":1"#))
    }
    await test.close()
  }

  @Test func whoStillSeesItIsNamed() async throws {
    let test = try await TestCatalog()
    _ = try await prepare(test)
    let holder = try await PostgresConnection(test.url)
    let pid = try await holder.run(
      [
        PostgresStatement("BEGIN ISOLATION LEVEL REPEATABLE READ"),
        PostgresStatement("SELECT pg_backend_pid()"),
      ], "hold")[1].integer(0, 0)
    let outcome = try await forget(test)
    #expect(outcome.removals == 1 && outcome.left.count == 3, "\(outcome)")
    #expect(
      outcome.left.allSatisfy { $0.reason.contains("the session \(pid)") }, "\(outcome)")
    #expect(try await test.catalog.hasPendingRemovals())
    await holder.close()
    let deadline = ContinuousClock.now + .seconds(30)
    while try await !forget(test).left.isEmpty {
      try #require(ContinuousClock.now < deadline)
    }
    #expect(try await !test.catalog.hasPendingRemovals())
    await test.close()
  }

  @Test func aDamagedSavepointIsNotSealedAnew() async throws {
    let test = try await TestCatalog()
    let (savepoint, _) = try await prepare(test)
    _ = try await test.database.ask(
      PostgresStatement("UPDATE totals SET total = 9 WHERE id = 'c'"), in: savepoint.schema,
      doing: "damage")
    let outcome = try await forget(test)
    #expect(outcome.left.map(\.location) == [savepoint.schema], "\(outcome)")
    #expect(outcome.left.first?.reason.contains("its rows have the digest") == true, "\(outcome)")
    await test.close()
  }
}
