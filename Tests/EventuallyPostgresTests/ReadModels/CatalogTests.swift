import Eventually
import Foundation
import Testing

@testable import EventuallyPostgres

struct CatalogTests {
  @Test func theFirstGenerationIsBegunOnce() async throws {
    let test = try await TestCatalog()
    #expect(try await test.catalog.live() == nil)
    let numbers = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<6 { group.addTask { try await test.openLive().number } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(numbers == Array(repeating: 1, count: 6))
    let generations = try await test.catalog.list()
    #expect(generations.count == 1, "\(generations)")
    #expect(generations.first?.location == "rm_totals_g1")
    #expect(generations.first?.isLive == true && generations.first?.isBuilding == true)
    #expect(try await test.catalog.live() == 1)
    await #expect(throws: ReadModelError.self) {
      try await test.catalog.openLive(storeID: "another", partitionCount: 4)
    }
    await test.close()
  }

  @Test func everyTableAndColumnHasAComment() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    _ = try await test.save("one")
    let connection = try await PostgresConnection(test.url)
    for schema in ["eventually_readmodels", "rm_totals_g1", "rm_totals_s_one"] {
      #expect(try await uncommented(in: schema, on: connection) == [])
    }
    await connection.close()
    await test.close()
  }

  @Test func aSwitchFencesAndIsSwitchedBack() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    try await test.run(
      "INSERT INTO checkpoints SELECT p, 3, 7, 9, 5, NULL, 'worker', now() FROM generate_series(0, 2) p"
    )
    let second = try await test.build()
    #expect(second == 2)
    let hold = try #require(try await test.catalog.hold())
    #expect(hold.generation == 1)
    #expect(hold.held == [7, 7, 7, 0])
    #expect(hold.nextOffsets == [0: 5, 1: 5, 2: 5])
    try await test.catalog.link(second, holding: hold)
    #expect(try await test.catalog.live() == 2)
    let epochs = try await test.run("SELECT min(epoch) FROM checkpoints", in: 1)
    #expect(try epochs.integer(0, 0) == 4)
    try await test.catalog.makeLive(1)
    #expect(try await test.catalog.live() == 1)
    // It is already.
    try await test.catalog.makeLive(1)
    #expect(try await test.catalog.events(in: 1) == 21)
    await test.close()
  }

  @Test func oneOfTwoThatSwitchAtOnceWins() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let candidates = [try await test.build("a"), try await test.build("b")]
    let other = try await PostgresReadModels(test.url)
    let catalogs = [test.catalog, PostgresReadModelCatalog(other, model: Totals())]
    var live = 1
    for _ in 0..<10 {
      let outcomes = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
        for (catalog, number) in zip(catalogs, candidates.filter { $0 != live } + [1])
        where number != live {
          group.addTask { [live] in
            do throws(ReadModelError) {
              try await catalog.makeLive(number, replacing: live)
              return (number, nil)
            } catch {
              return (number, "\(error)")
            }
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      let winners = outcomes.filter { $0.1 == nil }
      let now = try await test.catalog.live()
      #expect(winners.count == 1 && winners.first?.0 == now, "\(outcomes), live is \(now as Any)")
      for loser in outcomes where loser.1 != nil {
        #expect(loser.1?.contains("another process has made generation") == true, "\(loser)")
      }
      live = now ?? 0
    }
    await other.close()
    await test.close()
  }

  @Test func aHoldEndsByItself() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let second = try await test.build()
    let hold = try #require(try await test.catalog.hold())
    // As where its process is stopped for longer than it may be.
    let ended = try await test.run(
      """
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE state = 'idle in transaction' AND datname = current_database()
      """)
    #expect(ended.count == 1)
    await #expect(throws: ReadModelError.self) {
      try await test.catalog.link(second, holding: hold)
    }
    #expect(try await test.catalog.live() == 1)
    try await test.catalog.makeLive(second)
    #expect(try await test.catalog.live() == 2)
    await test.close()
  }

  @Test func oneReplaysAtATime() async throws {
    let test = try await TestCatalog()
    let lock = try await PostgresReplayLock(test.catalog)
    #expect(lock.isHeld)
    await #expect(throws: ReadModelError.self) { try await PostgresReplayLock(test.catalog) }
    await lock.release()
    #expect(!lock.isHeld)
    let deadline = ContinuousClock.now + .seconds(20)
    while true {
      do {
        let second = try await PostgresReplayLock(test.catalog)
        await second.release()
        break
      } catch {
        try #require(ContinuousClock.now < deadline, "\(error)")
        try await Task.sleep(for: .milliseconds(20))
      }
    }
    await test.close()
  }

  @Test func whatIsDroppedIsGoneAndItsNumberIsNotGivenAgain() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    let second = try await test.build()
    await #expect(throws: ReadModelError.self) { try await test.catalog.drop(1) }
    try await test.catalog.drop(second)
    #expect(try await test.catalog.list().map(\.number) == [1])
    await #expect(throws: ReadModelError.self) { try await test.catalog.drop(second) }
    let schemas = try await test.run(
      "SELECT FROM pg_namespace WHERE nspname = 'rm_totals_g2'")
    #expect(schemas.count == 0)
    #expect(try await test.build() == 3)
    // Of the next version of the code: the first one's can go once there is another.
    var model = Totals()
    model.schemaVersion = 2
    let next = PostgresReadModelCatalog(test.database, model: model)
    let refusal = await #expect(throws: ReadModelError.self) { try await next.drop(1) }
    #expect("\(refusal as Any)".contains("run a worker of version 2 first"), "\(refusal as Any)")
    #expect(try await next.openLive(storeID: TestCatalog.storeID, partitionCount: 4).number == 4)
    let worker = try test.catalog.open(
      try await test.catalog.found(1), model: Totals(), codec: JSONEventCodec<Int64>())
    _ = try await worker.claim([0], owner: "w")
    let use = await #expect(throws: ReadModelError.self) { try await next.drop(1) }
    #expect("\(use as Any)".contains("a worker of schema version 1 works on it"), "\(use as Any)")
    await worker.close()
    // Its sessions end in a moment.
    try await until("the generation can be dropped") { (try? await next.drop(1)) != nil }
    #expect(try await test.catalog.live() == nil)
    await test.close()
  }

  /// What somebody has dropped by hand is begun anew under another number.
  @Test func aSchemaThatIsGoneIsBegunAnew() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    try await test.run("DROP SCHEMA rm_totals_g1 CASCADE")
    let live = try await test.openLive()
    #expect(live.number == 2 && live.isThere, "\(live)")
    await test.close()
  }

  /// The application's role makes, switches and drops generations, and nothing else.
  @Test func theApplicationNeedsNoRightOnTheDatabase() async throws {
    let owner = try await TestServer.shared.get().makeDatabase()
    let role = "app_\(UUID().uuidString.prefix(8).lowercased())"
    let session = try await PostgresConnection(owner)
    _ = try await session.run([PostgresStatement("CREATE ROLE \(role) LOGIN")], "create")
    try await PostgresReadModels.install(owner, application: role)
    let url = owner.replacing("postgres@", with: "\(role)@")
    let database = try await PostgresReadModels(url)
    let catalog = PostgresReadModelCatalog(database, model: Totals())
    _ = try await catalog.openLive(storeID: TestCatalog.storeID, partitionCount: 4)
    let second = try await catalog.begin(
      "zero", from: nil, storeID: TestCatalog.storeID, partitionCount: 4)
    try await catalog.completeBuild(of: second)
    try await catalog.makeLive(second)
    try await catalog.drop(1)
    #expect(try await catalog.list().map(\.number) == [2])
    let application = try await PostgresConnection(url)
    for statement in [
      "CREATE SCHEMA mine", "SELECT eventually_readmodels.make_schema('mine', '')",
      "SELECT eventually_readmodels.drop_table('public', 'x')",
      "DROP TABLE eventually_readmodels.generations",
      "UPDATE eventually_readmodels.catalog SET schema_version = 7",
    ] {
      let error = await #expect(throws: PostgresError.self) {
        try await application.run([PostgresStatement(statement)], "try")
      }
      #expect(error?.state == .insufficientPrivilege, "\(statement): \(error as Any)")
    }
    await application.close()
    await session.close()
    await database.close()
  }
}
