import Eventually
import EventuallyTesting
import Foundation

extension Scenario {
  /// What only happens to stores and read models in PostgreSQL.
  package static let postgresScenarios = [
    Scenario(
      "server-killed",
      "PostgreSQL's server ends, in order or at once, and comes back, again and again, while commands, publishing and applying go on",
      on: .postgresServer, play: serverKilled),
    Scenario(
      "sessions-ended", "PostgreSQL ends sessions of writers and workers at random", on: .postgres,
      play: sessionsEnded),
    Scenario(
      "relay-killed",
      "two writers of one store: SIGKILL of the one that publishes, and of the one that took over",
      on: .postgres, play: relayKilled),
    Scenario(
      "relay-paused",
      "two writers of one store: SIGSTOP of the one that publishes, for 30 seconds", on: .postgres,
      play: relayPaused),
    Scenario(
      "database-disk-full", "the volume of the database is full for a while", on: .postgresServer,
      obstacle: Volume.obstacle, play: databaseDiskFull),
    Scenario(
      "connections-exhausted",
      "PostgreSQL ends all sessions and takes no connections, then too few, for a while",
      on: .postgres, play: connectionsExhausted),
    Scenario(
      "database-read-only", "PostgreSQL takes no changes for a while", on: .postgres,
      play: databaseReadOnly),
    Scenario(
      "everything-killed",
      "a file is imported at two writers and applied by eight workers; all of them and PostgreSQL are killed in turn, and what comes "
        + "of it is what files hold after an undisturbed import",
      needs: [.orders], on: .postgres, play: everythingKilled),
  ]

  private static func serverKilled(_ stage: Stage) async throws {
    let server = try stage.server
    // Read models are committed without waiting for the disk: what the server loses of them, a worker learns with its next batch.
    stage.observer.setReadsFiles(false)
    try await stage.startTwoWriters()
    for name in ["first-1", "first-2"] { try await stage.startWorker(.first, name) }
    let worker = try await stage.startWorker(.second, "second-1")
    try await stage.becomesReady(worker)
    let load = try stage.startLoad(entities: 400, rate: 60)
    for round in 1...3 {
      try await stage.begun(load, round * 80)
      if round == 2 { try await server.stop() } else { try await server.kill() }
      try await stage.pause(100...4000)
      try await server.start()
      stage.tally.add(.serversKilled)
    }
    // Once more when nothing comes any more that would show a worker what is lost.
    try await stage.loadEnds()
    let (log, head) = (try await stage.log(), await stage.pipeline.head())
    try await waitUntil("everything is published") { try await log.published() >= head }
    try await stage.pause(0...300)
    try await server.kill()
    try await server.start()
    stage.tally.add(.serversKilled)
    try await stage.becomesReady(worker)
    try await stage.publishedWhole()
    try await stage.checkAll([.first, .second])
  }

  private static func sessionsEnded(_ stage: Stage) async throws {
    let database = try stage.database
    try await stage.startTwoWriters()
    for name in ["first-1", "first-2"] { try await stage.startWorker(.first, name) }
    let worker = try await stage.startWorker(.second, "second-1")
    try await stage.becomesReady(worker)
    let load = try stage.startLoad(entities: 500, rate: 40)
    try await stage.begun(load, 20)
    while load.begun < 500 {
      let count = Int.random(in: 1...5, using: &stage.random)
      stage.tally.add(.sessionsEnded, try await database.terminateSessions(atMost: count))
      try await stage.pause(50...600)
      if let failure = load.failures.first { throw NotAsExpected(failure) }
    }
    try await stage.publishedWhole()
    try await stage.checkAll([.first, .second])
  }

  private static func relayKilled(_ stage: Stage) async throws {
    try await stage.startTwoWriters()
    try await stage.startWorkersOfStore()
    let load = try stage.startLoad(entities: 600, rate: 60)
    for round in 1...4 {
      try await stage.begun(load, round * 100)
      let isFirst = round % 2 == 1
      try await stage.takesOver {
        (isFirst ? stage.pipeline.writer : stage.others.first?.process)?.kill()
      }
      stage.tally.add(.writersKilled)
      if isFirst { try await stage.startWriter() } else { try await stage.startOtherWriter() }
    }
    try await stage.publishedWhole()
    try await stage.checkAll([.first, .second])
  }

  private static func relayPaused(_ stage: Stage) async throws {
    try await stage.startTwoWriters()
    try await stage.startWorkersOfStore()
    let load = try stage.startLoad(entities: 400, rate: 40)
    try await stage.begun(load, 80)
    let end = ContinuousClock.now + .seconds(30)
    guard let paused = stage.pipeline.writer else { throw NotAsExpected("there is no writer") }
    try await stage.takesOver { paused.freeze() }
    try await Task.sleep(until: end)
    paused.resume()
    try await waitUntil(
      "the writer that was stopped publishes no more", seen: { paused.lastWords }
    ) { paused.log.contains("this process publishes no more") }
    try await stage.publishedWhole()
    try await stage.checkAll([.first, .second])
  }
}

extension Stage {
  var database: ScenarioDatabase {
    get throws {
      guard let database = pipeline.database else { throw NotAsExpected("there is no database") }
      return database
    }
  }

  var server: PostgresServer {
    get throws {
      guard let server = try database.server else {
        throw NotAsExpected("there is no server that may be stopped")
      }
      return server
    }
  }

  /// Starts the broker and two writers of one store; the first one publishes.
  func startTwoWriters(partitions: Int = 4) async throws {
    try await pipeline.startBroker(partitions: partitions)
    try await startWriter()
    try await waitUntil("the first writer publishes", seen: { self.pipeline.writer?.log ?? "" }) {
      try await log().relayHolder() != nil
    }
    try await startOtherWriter()
  }

  /// Workers that need no writer for what Kafka does not hold.
  @discardableResult
  func startWorkersOfStore() async throws -> [Worker] {
    var started: [Worker] = []
    for (role, name) in [(.first, "first-1"), (.first, "first-2"), (.second, "second-1")]
      as [(ReadModelRole, String)]
    {
      let worker = try await startWorker(role, name, feed: pipeline.store)
      try await becomesReady(worker)
      started.append(worker)
    }
    return started
  }

  /// Has the writer that publishes end, and waits until another one publishes what clients append then.
  fileprivate func takesOver(from end: () -> Void) async throws {
    let log = try await pipeline.log()
    let epoch = try await log.relayHolder()?.epoch ?? 0
    end()
    let begin = ContinuousClock.now
    let head = try await log.head()
    // Clients of its own: where take-overs are slow, the scenario's have sent all that they had.
    let load = try startLoad(entities: 5)
    var seen = ""
    try await waitUntil(
      "another writer publishes", within: .seconds(20),
      seen: {
        "\(seen), \(load.acknowledged.count) appends acknowledged; "
          + self.others.map(\.process.lastWords).joined()
      }
    ) {
      let holder = try await log.relayHolder()
      let published = try await log.published()
      seen = "head \(head), published \(published), epoch \(epoch), then \(holder?.epoch ?? 0)"
      return (holder?.epoch ?? 0) > epoch && published > head
    }
    let (seconds, attoseconds) = (ContinuousClock.now - begin).components
    tally.add(.relaysTakenOver)
    tally.note(.slowestTakeOver, largest: Int(seconds * 1000 + attoseconds / 1_000_000_000_000_000))
  }
}
