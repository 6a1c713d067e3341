import Eventually
import Testing

@testable import EventuallyPostgres

/// A reader that follows what several writers append sees every event, in order: and the cases are those at which readers of
/// numbers from a sequence fail.
///
/// They have a server of their own: others' transactions hold up readers below xmin.
@Suite(.serialized, .timeLimit(.minutes(5))) struct OrderTests {
  private static let server = Result { try TestServer() }

  /// Readers of a table whose positions come from `nextval`, as others have them. They are here to fail.
  enum Naive: CaseIterable {
    /// What comes after the last position.
    case byPosition
    /// The same, below all transactions that are open.
    case belowXmin
    /// Up to the first gap, with a mark that moves to the highest position where there is none.
    case toFirstGap
  }

  private final class NaiveReader {
    let kind: Naive
    let session: RawSession
    var last: Int64 = 0
    var mark: Int64 = 0
    var seen: [Int64] = []

    init(_ kind: Naive, _ session: RawSession) {
      self.kind = kind
      self.session = session
    }

    func poll() async throws {
      var condition = "position > \(last)"
      switch kind {
      case .byPosition: break
      case .belowXmin: condition += " AND xid < pg_snapshot_xmin(pg_current_snapshot())"
      case .toFirstGap:
        mark = try await session.number(
          """
          SELECT coalesce((SELECT position FROM (
              SELECT position, lead(position) OVER (ORDER BY position) AS next FROM naive WHERE position >= \(mark)
            ) g WHERE next - position > 1 ORDER BY position LIMIT 1),
            (SELECT max(position) FROM naive WHERE position >= \(mark)), \(mark))
          """)
        condition += " AND position <= \(mark)"
      }
      let rows = try await session.run(
        "SELECT position FROM naive WHERE \(condition) ORDER BY position")
      for row in 0..<(rows?.count ?? 0) { seen.append(try rows?.integer(row, 0) ?? 0) }
      last = seen.last ?? last
    }

    func skipped() async throws -> Int64 {
      try await poll()
      return try await session.number("SELECT count(*) FROM naive") - Int64(seen.count)
    }
  }

  private struct World {
    let store: PostgresRecordStore
    let schema: String
    let (a, b): (RawSession, RawSession)

    init() async throws {
      schema = TestStores.schema()
      store = try await TestStores.openRecords(try server.get().url(), schema: schema)
      a = try await RawSession(try server.get().url(), schema: schema)
      b = try await RawSession(try server.get().url(), schema: schema)
      try await a.run("CREATE SEQUENCE numbers")
      try await a.run(
        """
        CREATE TABLE naive (
          position bigint DEFAULT nextval('numbers'), xid xid8 DEFAULT pg_current_xact_id())
        """)
    }

    func reader(_ kind: Naive) async throws -> NaiveReader {
      NaiveReader(kind, try await RawSession(try server.get().url(), schema: schema))
    }

    /// What a relay sees after a position.
    func seen(after position: UInt64 = 0) async throws -> [String] {
      try await store.log.records(after: position, limit: 1000).map(\.streamID)
    }

    func close() async {
      await a.connection.close()
      await b.connection.close()
      await store.close()
    }
  }

  @Test(arguments: Naive.allCases)
  func naiveReadersSkipANewerTransactionWithALowerPosition(_ kind: Naive) async throws {
    let world = try await World()
    let reader = try await world.reader(kind)
    for session in [world.a, world.b] {
      try await session.run("BEGIN", "SELECT pg_current_xact_id()")
    }
    try await world.b.run("INSERT INTO naive DEFAULT VALUES")
    try await world.a.run("INSERT INTO naive DEFAULT VALUES", "COMMIT")
    try await reader.poll()
    try await world.b.run("COMMIT")
    #expect(try await reader.skipped() == 1)
    await world.close()
  }

  @Test func aNewerTransactionWithALowerPositionIsSeen() async throws {
    let world = try await World()
    let (older, newer) = (world.a, world.b)
    for session in [older, newer] {
      try await session.run("BEGIN", "SELECT pg_current_xact_id()")
    }
    _ = try await newer.append("newer")
    let rest = Task {
      _ = try await older.append("older")
      try await older.run("COMMIT")
    }
    try await newer.waitUntilBlocked(older)
    #expect(try await world.seen() == [])
    try await newer.run("COMMIT")
    try await rest.value
    #expect(try await world.seen() == ["newer", "older"])
    await world.close()
  }

  @Test(arguments: [Naive.byPosition, .toFirstGap])
  func naiveReadersSkipWhatIsCommittedLateBehindAHole(_ kind: Naive) async throws {
    let world = try await World()
    let reader = try await world.reader(kind)
    try await world.a.run("INSERT INTO naive DEFAULT VALUES")
    try await reader.poll()
    try await world.a.run("BEGIN", "INSERT INTO naive DEFAULT VALUES", "ROLLBACK")
    // It was found that nothing comes there any more.
    reader.mark += 1
    try await world.b.run("BEGIN", "INSERT INTO naive DEFAULT VALUES")
    try await world.a.run("INSERT INTO naive DEFAULT VALUES")
    try await reader.poll()
    try await world.b.run("COMMIT")
    #expect(try await reader.skipped() == 1)
    await world.close()
  }

  @Test func aRolledBackAppendLeavesNoHoleAndNothingIsLate() async throws {
    let world = try await World()
    let (a, b) = (world.a, world.b)
    _ = try await a.append("one")
    try await a.run("BEGIN")
    _ = try await a.append("never")
    try await a.run("ROLLBACK")
    try await b.run("BEGIN")
    _ = try await b.append("two")
    let later = Task { try await a.append("three") }
    try await b.waitUntilBlocked(a)
    #expect(try await world.seen() == ["one"])
    try await b.run("COMMIT")
    _ = try await later.value
    #expect(try await world.seen() == ["one", "two", "three"])
    #expect(try await b.number("SELECT max(sequence) FROM events") == 3)
    #expect(try await b.number("SELECT count(*) FROM streams WHERE id = 'never'") == 0)
    await world.close()
  }

  /// Whether the transaction has written, or holds a snapshot alone.
  @Test(arguments: [true, false])
  func somebodysOpenTransactionDelaysNothing(_ writes: Bool) async throws {
    let world = try await World()
    let xmin = try await world.reader(.belowXmin)
    try await world.b.run(
      "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM naive",
      writes ? "SELECT pg_current_xact_id()" : "SELECT 1")
    for number in 0..<20 {
      try await world.a.run("INSERT INTO naive DEFAULT VALUES")
      let start = ContinuousClock.now
      _ = try await world.store.append(["e"], to: "s \(number)")
      #expect(try await world.seen(after: UInt64(number)) == ["s \(number)"])
      #expect(ContinuousClock.now - start < .seconds(60), "it took \(ContinuousClock.now - start)")
    }
    try await xmin.poll()
    #expect(xmin.seen.count == (writes ? 0 : 20), "a reader below xmin saw \(xmin.seen.count)")
    try await world.b.run("COMMIT")
    await world.close()
  }

  @Test func ofTwoWithAKeyTheSecondWaitsForTheFirst() async throws {
    let world = try await World()
    try await world.a.run("BEGIN")
    let first = try await world.a.append("s", key: "k")
    let second = Task { try await world.b.append("s", key: "k", expecting: .exact(7)) }
    try await world.a.waitUntilBlocked(world.b)
    try await world.a.run("COMMIT")
    guard case .success(.added(let added)) = first[0],
      case .success(.repeated(let repeated)) = try await second.value[0]
    else {
      Issue.record("\(first) \(try await second.value)")
      return
    }
    #expect(added == repeated)
    await world.close()
  }

  @Test func aWriterThatEndsBetweenItsStatementsLeavesNothing() async throws {
    let world = try await World()
    _ = try await world.store.append(["e"], to: "s0")
    try await world.a.run("BEGIN")
    _ = try await world.a.append("s1")
    let other = Task { try await world.store.append(["e"], to: "s1", expecting: .exact(0)) }
    try await until("the writer waits") {
      try await world.b.number(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> \(world.a.pid) AND transactionid IS NOT NULL"
      ) > 0
    }
    try await world.b.run("SELECT pg_terminate_backend(\(world.a.pid))")
    let added = try await other.value
    #expect(added?.sequenceNumber == 2 && added?.version == 1)
    #expect(try await world.seen() == ["s0", "s1"])
    await world.close()
  }

  /// Groups of new and old streams in any order, with rollbacks, of four sessions: nothing is lost, and nobody waits in a circle.
  @Test func groupsOfManyStreamsInAnyOrder() async throws {
    let world = try await World()
    let schema = world.schema
    let expected = try await withThrowingTaskGroup(of: Int.self) { group in
      for seed in 0..<4 {
        group.addTask {
          let session = try await RawSession(try Self.server.get().url(), schema: schema)
          var random = SeededRandom(seed: UInt64(seed))
          var count = 0
          for round in 0..<60 {
            var names = (0..<12).map { "old \($0)" } + (0..<12).map { "new \(round / 3) \($0)" }
            names.shuffle(using: &random)
            try await session.run("BEGIN")
            _ = try await session.append(
              names[0], names[1], names[2], names[3], names[4], names[5], names[6])
            let isKept = Int.random(in: 0..<5, using: &random) > 0
            try await session.run(isKept ? "COMMIT" : "ROLLBACK")
            if isKept { count += 7 }
          }
          await session.connection.close()
          return count
        }
      }
      return try await group.reduce(0, +)
    }
    var (seen, last) = (0, UInt64(0))
    var versions: [String: Version] = [:]
    while true {
      // A gap is an error of the log's.
      let page = try await world.store.log.records(after: last, limit: 1000)
      guard let end = page.last else { break }
      for record in page {
        #expect(record.position.version == versions[record.streamID, default: 0] + 1)
        versions[record.streamID] = record.position.version
      }
      (seen, last) = (seen + page.count, end.position.sequenceNumber)
    }
    #expect(seen == expected && last == UInt64(expected))
    await world.close()
  }
}
