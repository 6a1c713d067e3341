import Eventually
import Foundation
import Testing

@testable import EventuallyPostgres

struct ReaderTests {
  private func put(_ rows: [Totals.Row], _ test: TestCatalog) async throws {
    try await test.run(
      "INSERT INTO totals SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])",
      .texts(rows.map(\.key)), .int8s(rows.map(\.total)), .texts(rows.map(\.note)))
  }

  /// Every condition, order and place comes to what it comes to in memory.
  @Test func rowsAreThoseOfMemory() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let notes: [String?] = [nil, "", "a", "é", "e\u{301}", "Z"]
    let all = (0..<60).map {
      Totals.Row("k\($0 * 37 % 60)", Int64($0 % 7 - 3), notes[$0 % notes.count])
    }
    try await put(all, test)
    let memory = Rows()
    for row in all { try memory.put(row) }
    let reader = try await PostgresReadModelReader(test.catalog)
    let conditions: [[RowCondition]] = [
      [], [.equals("note", "é")], [.equals("note", ColumnValue.null)],
      [.equals("total", 2), .equals("note", "a")], [.equals("id", "k7")],
      [.equals("note", "a\0")],
    ]
    let orders: [[RowOrder]] = [
      [], [.ascending("note")], [.descending("note")], [.descending("total"), .ascending("note")],
      [.ascending("total"), .descending("note")], [.descending("id")],
    ]
    let expected = MemoryRowReader(memory)
    for condition in conditions {
      for order in orders {
        var place: [ColumnValue]?
        while true {
          let wanted = try expected.rows(
            Totals.Row.self, where: condition, orderedBy: order, after: place, limit: 7)
          let found = try await reader.read { [place] rows in
            try rows.rows(
              Totals.Row.self, where: condition, orderedBy: order, after: place, limit: 7)
          }
          #expect(found == wanted, "where \(condition) by \(order) after \(place as Any)")
          guard let last = wanted.last else { break }
          place = try last.place(in: order)
        }
      }
    }
    #expect(
      try await reader.lookUp { try $0.row(Totals.Row.self, "k7") } == all.first { $0.key == "k7" })
    #expect(try await reader.lookUp { try $0.row(Totals.Row.self, "none") } == nil)
    #expect(try await reader.lookUp { try $0.row(Totals.Row.self, "a\0") } == nil)
    await test.close()
  }

  /// Statements that are sent at once are of one state, and change nothing.
  @Test func whatIsAskedAtOnceIsOfOneState() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let reader = try await PostgresReadModelReader(test.catalog)
    let rows = try await reader.ask(
      "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')",
      doing: "ask for the isolation")
    #expect(try rows.text(0, 0) == "repeatable read")
    #expect(try rows.text(0, 1) == "on")
    await test.close()
  }

  @Test func sqlByHandHasEveryKindOfValue() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    try await put((1...9).map { Totals.Row("k\($0)", $0) }, test)
    let reader = try await PostgresReadModelReader(test.catalog)
    let found = try await reader.read { rows in
      #expect(rows.dialect == .postgres)
      #expect(
        try rows.integer("SELECT CAST(sum(total) AS bigint) FROM totals WHERE id <> ?", .text("k9"))
          == 36)
      #expect(try rows.text("SELECT note FROM totals WHERE total = ?", .integer(1)) == nil)
      return try rows.rows(
        """
        SELECT id, total, sum(total) OVER (ORDER BY id), total > ?, 1.5, now()::date > '2000-01-01', ?
        FROM totals ORDER BY id LIMIT 1 + ? -- what is a ? here
        """, [.integer(0), .null, .integer(1)]
      ) { row in (0..<row.columnCount).map { row.value($0) } + [.text(row.name(1))] }
    }
    #expect(
      found == [
        [
          .text("k1"), .integer(1), .text("1"), .integer(1), .text("1.5"), .integer(1), .null,
          .text("total"),
        ],
        [
          .text("k2"), .integer(2), .text("3"), .integer(1), .text("1.5"), .integer(1), .null,
          .text("total"),
        ],
      ])
    let wrong = await #expect(throws: PostgresError.self) {
      try await reader.read { try $0.rows("SELECT * FROM no_such_table") { _ in 1 } }
    }
    #expect(wrong?.state == .undefinedTable)
    for statement in ["DELETE FROM totals", "CREATE TABLE t (i int)"] {
      let error = await #expect(throws: PostgresError.self) {
        try await reader.read { try $0.rows(statement) { _ in 1 } }
      }
      #expect(error?.state == .readOnly, "\(error as Any)")
    }
    // What has failed leaves the connections as they were.
    #expect(try await reader.read { try $0.integer("SELECT count(*) FROM totals") } == 9)
    await test.close()
  }

  @Test func aQueryThatTakesTooLongIsEnded() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let reader = try await PostgresReadModelReader(test.catalog, timeLimit: .milliseconds(200))
    let start = ContinuousClock.now
    let error = await #expect(throws: ReadModelError.self) {
      try await reader.read { try $0.text("SELECT pg_sleep(60)::text") }
    }
    guard case .timeLimit(.milliseconds(200), _) = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(try await reader.read { try $0.integer("SELECT 1") } == 1)
    await test.close()
  }

  private final class Seen: Sendable {
    let isDone = Locked(false)
    let counts = Locked((reads: 0, batches: 0, fenced: 0, late: 0))
    let slowest = Locked((read: Duration.zero, batch: Duration.zero))
  }

  /// Readers that read twice in a query, workers that apply batches, and somebody who switches again and again, beside one reader that
  /// takes long.
  @Test func nobodySeesTwoGenerations() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let second = try await test.build()
    for generation in [1, second] {
      try await test.run(
        "INSERT INTO totals SELECT 'k' || n, $1::bigint, NULL FROM generate_series(1, 200) n",
        .int8(Int64(generation)), in: generation)
      try await test.run(
        "INSERT INTO checkpoints SELECT p, 0, 0, 0, 0, NULL, 'w', now() FROM generate_series(0, 3) p",
        in: generation)
    }
    let seen = Seen()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<3 {
        group.addTask {
          let reader = try await PostgresReadModelReader(test.catalog)
          while !seen.isDone.withLock({ $0 }) {
            let start = ContinuousClock.now
            let (a, b) = try await reader.lookUp { rows in
              (
                try rows.integer("SELECT min(total) FROM totals"),
                try rows.rows(Totals.Row.self, orderedBy: [.descending("total")], limit: 1).first?
                  .total
              )
            }
            #expect(a == b, "of two generations")
            let time = ContinuousClock.now - start
            seen.slowest.withLock { $0.read = max($0.read, time) }
            seen.counts.withLock {
              $0.reads += 1
              if time > .seconds(1) { $0.late += 1 }
            }
          }
        }
      }
      group.addTask {
        let reader = try await PostgresReadModelReader(test.catalog)
        while !seen.isDone.withLock({ $0 }) {
          let (a, b) = try await reader.read { rows in
            let first = try rows.integer("SELECT min(total) FROM totals")
            _ = try rows.text("SELECT pg_sleep(1.2)::text")
            return (first, try rows.integer("SELECT max(total) FROM totals"))
          }
          #expect(a == b, "of two generations")
        }
      }
      for partition in 0..<2 {
        group.addTask {
          let session = try await CatalogSession(test.url)
          while !seen.isDone.withLock({ $0 }) {
            let start = ContinuousClock.now
            let isFenced = try await Self.work(session, test, partition)
            let time = ContinuousClock.now - start
            seen.slowest.withLock { $0.batch = max($0.batch, time) }
            seen.counts.withLock {
              if isFenced { $0.fenced += 1 } else { $0.batches += 1 }
              if time > .seconds(1) { $0.late += 1 }
            }
          }
          await session.close()
        }
      }
      group.addTask {
        for _ in 0..<30 {
          let live = try #require(try await test.catalog.live())
          try await test.catalog.makeLive(live == 1 ? second : 1)
          // What was applied to the old one afterwards would be lost.
          let state = try await test.run(
            "SELECT sum(position)::bigint FROM checkpoints", in: live)
          try await Task.sleep(for: .milliseconds(50))
          let later = try await test.run(
            "SELECT sum(position)::bigint FROM checkpoints", in: live)
          #expect(try state.integer(0, 0) == later.integer(0, 0), "applied after the switch")
        }
        seen.isDone.withLock { $0 = true }
      }
      do { try await group.waitForAll() } catch {
        seen.isDone.withLock { $0 = true }
        throw error
      }
    }
    let (r, b) = seen.slowest.withLock { $0 }
    let all = seen.counts.withLock { $0 }
    print("\(all); slowest read \(r), batch \(b)")
    #expect(all.reads > 20 && all.batches > 20, "\(all)")
    // Were the slow reader in anybody's way, each of the 30 switches would hold up all; a busy machine does so now and then.
    #expect(all.late < 30, "\(all); slowest read \(r), batch \(b)")
    await test.close()
  }

  /// One lease and its batches, as a worker has them, until it is fenced or has applied five.
  private static func work(
    _ session: CatalogSession, _ test: TestCatalog, _ partition: Int
  ) async throws -> Bool {
    let number = Int32(partition)
    let (schema, epoch) = try await session.transaction(
      "claim", in: test.database.names.catalog
    ) { session in
      // Not joined with the generations: where the pointer has moved while this waited for it, the row of the new generation would not be
      // looked for, and the answer be empty.
      let live = try await session.run(
        "SELECT live FROM read_models WHERE name = 'totals' FOR SHARE", doing: "claim")
      let generation = try await session.run(
        "SELECT schema FROM generations WHERE name = 'totals' AND number = $1",
        .int4(Int32(try live.integer(0, 0))), doing: "claim")
      let schema = SQLText.name(try generation.text(0, 0))
      let lease = try await session.run(
        "UPDATE \(schema).checkpoints SET epoch = epoch + 1 WHERE partition = $1 RETURNING epoch",
        .int4(number), doing: "claim")
      return (schema, try lease.integer(0, 0))
    }
    for _ in 0..<5 {
      let moved = try await session.run(
        "UPDATE \(schema).checkpoints SET position = position + 1 WHERE partition = $1 AND epoch = $2",
        .int4(number), .int8(epoch), doing: "apply")
      if moved.changed == 0 { return true }
    }
    return false
  }

  @Test func aReaderFollowsAndOneThatIsPinnedStays() async throws {
    let test = try await TestCatalog()
    let none = await #expect(throws: ReadModelError.self) {
      try await PostgresReadModelReader(test.catalog)
    }
    guard case .notBuilt = none else {
      Issue.record("\(none as Any)")
      return
    }
    _ = try await test.openLive()
    let second = try await test.build()
    for generation in [1, second] {
      try await test.run(
        "INSERT INTO totals VALUES ('k', $1, NULL)", .int8(Int64(generation)), in: generation)
    }
    let reader = try await PostgresReadModelReader(test.catalog)
    let pinned = try await reader.pinned()
    func total(_ source: any ReadModelSource) async throws -> Int64? {
      try await source.lookUp { try $0.row(Totals.Row.self, "k")?.total }
    }
    #expect(try await total(pinned) == 1)
    let before = try await reader.version()
    #expect(try await reader.isBuilding())
    try await test.catalog.makeLive(second)
    #expect(try await total(reader) == 2)
    #expect(try await total(pinned) == 1)
    #expect(try await reader.version() != before)
    #expect(try await !reader.isBuilding())
    try await test.catalog.drop(1)
    #expect(try await total(reader) == 2)
    let gone = await #expect(throws: ReadModelError.self) { try await total(pinned) }
    guard case .notBuilt = gone else {
      Issue.record("\(gone as Any)")
      return
    }
    await test.close()
  }

  /// A generation is dropped while a query reads it: others do not wait behind the drop for long.
  @Test func aDropHoldsNobodyUp() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let second = try await test.build()
    try await test.run("INSERT INTO totals VALUES ('k', 1, NULL)")
    let reader = try await PostgresReadModelReader(test.catalog, generation: 1)
    try await test.catalog.makeLive(second)
    let slow = Task {
      try await reader.read { rows in
        _ = try rows.integer("SELECT total FROM totals")
        _ = try rows.text("SELECT pg_sleep(9)::text")
        return try rows.integer("SELECT total FROM totals")
      }
    }
    let drop = Task { try await test.catalog.drop(1) }
    var slowest = Duration.zero
    let end = ContinuousClock.now + .milliseconds(8500)
    while ContinuousClock.now < end {
      let start = ContinuousClock.now
      do {
        _ = try await reader.lookUp { try $0.integer("SELECT total FROM totals") }
      } catch let error as ReadModelError {
        guard case .notBuilt = error else { throw error }
        break
      } catch let error as PostgresError where error.state == .undefinedTable {
        break
      }
      slowest = max(slowest, ContinuousClock.now - start)
    }
    print("slowest read beside a drop: \(slowest)")
    // One that waited behind it would wait for the query, too.
    #expect(slowest < .seconds(5))
    #expect(try await slow.value == 1)
    try await drop.value
    #expect(
      try await test.run("SELECT FROM pg_namespace WHERE nspname = 'rm_totals_g1'").count == 0)
    await test.close()
  }

  @Test func aTokenIsAwaited() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let reader = try await PostgresReadModelReader(test.catalog)
    #expect(try await reader.wait(for: 5, in: 1, atMost: .zero) == nil)
    try await test.run("INSERT INTO checkpoints VALUES (1, 1, 4, 4, NULL, NULL, 'w', now())")
    #expect(try await reader.wait(for: 5, in: 1, atMost: .milliseconds(50)) == 4)
    let waiting = (0..<20).map { _ in
      Task { try await reader.wait(for: 5, in: 1, atMost: .seconds(60)) }
    }
    let cancelled = Task { try await reader.wait(for: 9, in: 1, atMost: .seconds(60)) }
    cancelled.cancel()
    try await test.run("UPDATE checkpoints SET position = 6")
    for waiting in waiting { #expect(try await waiting.value == 6) }
    await #expect(throws: (any Error).self) { try await cancelled.value }
    // Through a switch to one that is further.
    let second = try await test.build()
    try await test.run(
      "INSERT INTO checkpoints VALUES (1, 1, 8, 8, NULL, NULL, 'w', now())", in: second)
    let through = Task { try await reader.wait(for: 8, in: 1, atMost: .seconds(60)) }
    try await test.catalog.makeLive(second)
    #expect(try await through.value == 8)
    #expect(try await reader.positions() == [0, 8, 0, 0])
    try await test.run("UPDATE checkpoints SET position = -1")
    let damage = await #expect(throws: ReadModelError.self) { try await reader.checkpoints() }
    guard case .damaged = damage else {
      Issue.record("\(damage as Any)")
      return
    }
    await test.close()
  }

  @Test func whatWasNotAppliedIsTold() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let reader = try await PostgresReadModelReader(test.catalog)
    let version = try await reader.version()
    let id = EventID(time: .now())
    let time = Timestamp.now()
    try await test.run("INSERT INTO parked_streams VALUES ('a', 2, 'why', $1)", .timestamp(time))
    try await test.run(
      "INSERT INTO parked_events VALUES ('a', 7, 2, 70, 3, $1, 'type', $2, $3, NULL)", .uuid(id),
      .timestamp(time), .bytes([1, 2]))
    try await test.run("INSERT INTO dropped_events VALUES (1, 5, 'b', 'why')")
    try await test.run(
      "INSERT INTO foreign_records VALUES (0, 9, 'why', 'key', 'value', 5, now())")
    try await test.run("INSERT INTO forged_events VALUES (3, 11, now())")
    try await test.run("INSERT INTO removals VALUES ('c', 0, 1, $1, 0)", .timestamp(time))
    #expect(
      try await reader.unappliedCounts()
        == UnappliedCounts(parkedStreams: 1, parkedEvents: 1, droppedEvents: 1, rejectedRecords: 1))
    #expect(try await reader.parkedStreamCount() == 1)
    #expect(
      try await reader.parkedStreams() == [
        ParkedStream(
          streamID: "a", partition: 2, reason: "why", since: time, events: 1, firstPosition: 7)
      ])
    let event = try #require(try await reader.parkedEvents(of: "a").first)
    #expect(event.id == id && event.payload == [1, 2] && event.time == time)
    #expect(event.position.version == 3 && event.position.sequenceNumber == 70)
    #expect(try await reader.unapplied() == [2: [7], 1: [5]])
    #expect(try await reader.unapplied(upTo: 6) == [1: [5]])
    #expect(try await reader.isUnapplied(7, in: 2))
    #expect(try await !reader.isUnapplied(8, in: 2))
    #expect(try await reader.rejectedRecords(limit: 5).first?.value == Array("value".utf8))
    #expect(try await reader.forgedPositions() == [3: 11])
    #expect(try await reader.pendingRemovals() == PendingRemovals(count: 1, since: time))
    #expect(try await reader.version() != version)
    #expect(try await reader.findDamage(limit: 5) == [])
    #expect(try await reader.size() > 0)
    await test.close()
  }

  /// A server that was restarted between two queries is no failure of the second.
  @Test func aConnectionThatEndedIsMadeAnew() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let reader = try await PostgresReadModelReader(test.catalog)
    for _ in 0..<3 {
      #expect(try await reader.lookUp { try $0.integer("SELECT count(*) FROM totals") } == 0)
      let connection = try await PostgresConnection(test.url)
      _ = try await connection.run(
        [
          PostgresStatement(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND datname = current_database()
            """)
        ], "end")
      await connection.close()
    }
    #expect(try await reader.lookUp { try $0.integer("SELECT count(*) FROM totals") } == 0)
    await test.close()
  }
}
