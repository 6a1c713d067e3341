import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyPostgres

/// Counts words by stream and over all streams. It fails on "poison", and once a word came more often than a text is long.
private struct Words: ReadModel {
  struct StreamRow: CodableRow {
    static let table = "streams"
    static let isShared = false
    var stream: String
    var words: Int64 = 0
    var last: String?
    var key: String { stream }
  }

  struct WordRow: CodableRow {
    static let table = "words"
    static let indexes = [["count"]]
    var word: String
    var count: Int64 = 0
    var key: String { word }
  }

  struct Poisoned: Error {}

  let name = "words \"it's\" 1"
  let schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [StreamRow.self, WordRow.self]

  func project(_ event: Persisted<String, String>, into rows: Rows) throws {
    try rows.update(StreamRow.self, event.streamID) { row in
      var stream = row ?? StreamRow(stream: event.streamID)
      stream.words += 1
      stream.last = event.event
      row = stream
    }
    if event.event == "poison" { throw Poisoned() }
    try rows.update(WordRow.self, event.event) {
      $0 = WordRow(word: event.event, count: ($0?.count ?? 0) + 1)
    }
  }

  func forget(_ streamID: String, in rows: Rows) throws {
    try rows.delete(StreamRow.self, streamID)
  }
}

private struct WordCodec: EventCodec {
  let contentType = "text/plain"
  func type(of event: String) -> String { "Word" }
  func encode(_ event: String, into bytes: inout [UInt8]) { bytes += event.utf8 }
  func decode(type: String, payload: Span<UInt8>) -> String {
    payload.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}

private func openDatabase<Model: ReadModel<String>>(
  _ url: String, _ model: Model, storeID: String = "store"
) async throws -> PostgresReadModelDatabase<Model> {
  try await PostgresReadModelDatabase(
    url: url, model: model, codec: WordCodec(), storeID: storeID, partitionCount: 4)
}

@Suite(.timeLimit(.minutes(5))) struct ReadModelDatabaseTests {
  private func open(_ url: String) async throws -> PostgresReadModelDatabase<Words> {
    try await openDatabase(url, Words())
  }

  private static let contract = ReadModelStoreContract<PostgresReadModelDatabase<WordCounts>>(
    makeStore: {
      try await openDatabase(try await TestServer.shared.get().makeDatabase(), WordCounts())
    },
    count: { store, word in
      let rows = try await store.pool.run(
        [
          PostgresStatement(
            "SELECT count FROM \(store.schema.namespace).word_counts WHERE word = $1", .text(word))
        ], "count")[0]
      return rows.count == 0 ? 0 : try rows.integer(0, 0)
    },
    rejected: { store in
      let rows = try await store.pool.run(
        [
          PostgresStatement(
            """
            SELECT partition, "offset", reason, key, value, size FROM \(store.schema.namespace).foreign_records
            ORDER BY seen DESC, partition, "offset"
            """)
        ], "read rejected records")[0]
      return try (0..<rows.count).map { row in
        RejectedRecord(
          partition: Partition(clamping: try rows.integer(row, 0)),
          offset: try rows.integer(row, 1), reason: try rows.text(row, 2),
          key: try rows.bytes(row, 3), value: try rows.bytes(row, 4),
          size: Int(try rows.integer(row, 5)))
      }
    })

  @Test(arguments: contract.checks)
  func thePostgresReadModelIsAReadModelStore(_ check: ContractCheck) async throws {
    try await check.run()
  }

  private func delivery(
    _ lease: PartitionLease, _ words: [String], after: UInt64? = nil, streams: Int = 1
  ) -> Delivery<String> {
    let after = after ?? lease.position
    let entries = words.enumerated().map { offset, word in
      let sequence = (after ?? 0) + UInt64(offset) + 1
      let time = Timestamp(microseconds: 0)
      return LogEntry.event(
        Persisted(
          streamID: "s-\(lease.partition)-\(offset % streams)",
          position: EventPosition(
            partition: lease.partition, partitionOffset: sequence, sequenceNumber: sequence,
            version: sequence), id: EventID(time: time), time: time, event: word))
    }
    return Delivery(
      partition: lease.partition, epoch: lease.epoch, after: after, entries: entries,
      nextOffset: nil)
  }

  private func numbers(
    _ database: PostgresReadModelDatabase<Words>, _ sql: String
  ) async throws -> [Int64] {
    let rows = try await database.pool.run(
      [PostgresStatement(sql.replacing("@.", with: "\(database.schema.namespace)."))], "ask")[0]
    return try (0..<rows.count).map { rows.isNull($0, 0) ? -1 : try rows.integer($0, 0) }
  }

  /// Databases have schemas of the same names.
  @Test func eachDatabaseHasAJournalOfItsOwn() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func open(_ url: String) async throws -> PostgresReadModelDatabase<Words> {
      try await PostgresReadModelDatabase(
        url: url, model: Words(), codec: WordCodec(), storeID: "store", partitionCount: 4,
        journalFolder: folder)
    }
    let server = try TestServer.shared.get()
    let (one, other) = (try await server.makeDatabase(), try await server.makeDatabase())
    func end() async throws {
      let database = try await open(one)
      _ = try await database.claim([0], owner: "w")
      database.file?.begin(0, CrashMark(3, attempts: 1))
      await database.close()
    }
    try await end()
    let beside = try await open(other)
    _ = try await beside.claim([0], owner: "w")
    let again = try await open(one)
    try await until("what was left is found") { try await again.crashedPartitions() == [0: 3] }
    #expect(try await beside.crashedPartitions().isEmpty)
  }

  /// Of a partition that gets no event any more, nobody else would notice.
  @Test func whatACrashOfTheServerTakesBackIsMissed() async throws {
    let server = try TestServer()
    let admin = try await PostgresConnection(server.url())
    _ = try await admin.run(
      [PostgresStatement("ALTER SYSTEM SET wal_writer_delay = '10s'")], "slow down")
    _ = try await admin.run([PostgresStatement("SELECT pg_reload_conf()")], "reload")
    await admin.close()
    let database = try await open(server.url())
    var lease = try await database.claim([0], owner: "w")[0]
    _ = try await database.apply([delivery(lease, ["a"])], parking: [])
    #expect(try await database.hasLostBatches() == false)
    _ = try await database.apply([delivery(lease, ["b"], after: 1)], parking: [])
    try await server.kill()
    try await server.start()
    // Connections that have ended fail once.
    try await until("the lost batch is missed") { (try? await database.hasLostBatches()) == true }
    #expect(try await database.hasLostBatches() == false)
    let refused = try await database.apply([delivery(lease, ["c"], after: 2)], parking: [])
    #expect(refused.fenced.map(\.isAheadOfCheckpoint) == [true], "\(refused)")
    lease = try await database.claim([0], owner: "w")[0]
    #expect(lease.position == 1)
    let outcome = try await database.apply([delivery(lease, ["b"])], parking: [])
    #expect(outcome == ApplyOutcome())
    #expect(try await database.hasLostBatches() == false)
    #expect(try await numbers(database, "SELECT count FROM @.words ORDER BY word") == [1, 1])
    await database.close()
  }

  /// Two workers on partitions of their own change the same rows, and those of their own streams.
  @Test func twoWorkersLoseNothingOfWhatTheyShare() async throws {
    let url = try await TestServer.shared.get().makeDatabase()
    let databases = [try await open(url), try await open(url)]
    let (batches, size) = (40, 30)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (number, database) in databases.enumerated() {
        group.addTask {
          let partitions = [Partition(number * 2), Partition(number * 2 + 1)]
          let leases = try await database.claim(partitions, owner: "worker \(number)")
          for batch in 0..<batches {
            let words = (0..<size).map { "w\(($0 + batch * 7) % 11)" }
            let outcome = try await database.apply(
              leases.map {
                delivery($0, words, after: batch == 0 ? nil : UInt64(batch * size), streams: 5)
              }, parking: [])
            #expect(outcome == ApplyOutcome(), "\(outcome)")
          }
        }
      }
      try await group.waitForAll()
    }
    let total = Int64(4 * batches * size)
    #expect(try await numbers(databases[0], "SELECT sum(count)::bigint FROM @.words") == [total])
    #expect(try await numbers(databases[0], "SELECT sum(words)::bigint FROM @.streams") == [total])
    #expect(try await numbers(databases[0], "SELECT count(*) FROM @.streams") == [20])
    for database in databases { await database.close() }
  }

  /// One that has been alone for a while locks from the beginning on, and sees what another one has changed since.
  @Test func workersThatTakeTurnsSeeEachOthersRows() async throws {
    let url = try await TestServer.shared.get().makeDatabase()
    let databases = [try await open(url), try await open(url)]
    var leases: [PartitionLease] = []
    for (number, database) in databases.enumerated() {
      leases += try await database.claim([Partition(number)], owner: "w\(number)")
    }
    var applied: [UInt64] = [0, 0]
    var counts: [String: Int64] = [:]
    for (round, turn) in [0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 1].enumerated() {
      let words = round % 3 == 1 ? ["a"] : ["b", "a"]
      let outcome = try await databases[turn].apply(
        [delivery(leases[turn], words, after: applied[turn] == 0 ? nil : applied[turn])],
        parking: [])
      #expect(outcome == ApplyOutcome(), "round \(round)")
      applied[turn] += UInt64(words.count)
      for word in words { counts[word, default: 0] += 1 }
      let isAlone = await databases[turn].isAlone
      #expect(isAlone == [1, 2, 6, 7, 9].contains(round), "round \(round)")
    }
    #expect(
      try await numbers(databases[0], "SELECT count FROM @.words ORDER BY word")
        == counts.sorted { $0.key < $1.key }.map(\.value))
    for database in databases { await database.close() }
  }

  /// A worker that stands still with the lock: the server ends its session, others go on, and its batch is applied once.
  @Test func aWorkerThatStandsStillHoldsOthersUpForAWhile() async throws {
    let url = try await TestServer.shared.get().makeDatabase()
    let (stopped, other) = (try await open(url), try await open(url))
    let leases = try await stopped.claim([0], owner: "stopped")
    let (locked, isLocked) = AsyncStream.makeStream(of: Void.self)
    let (released, release) = AsyncStream.makeStream(of: Void.self)
    let isFirst = Locked(true)
    await stopped.setMoment { moment, _ throws(PostgresError) in
      guard moment == .locked, isFirst.withLock({ $0.exchange(false) }) else { return }
      isLocked.finish()
      for await _ in released {}
    }
    async let outcome = stopped.apply([delivery(leases[0], ["a", "b"])], parking: [])
    for await _ in locked {}
    let begin = ContinuousClock.now
    let others = try await other.claim([1], owner: "other")
    let applied = try await other.apply([delivery(others[0], ["a"])], parking: [])
    let time = ContinuousClock.now - begin
    #expect(applied == ApplyOutcome() && time < .seconds(60), "\(applied) after \(time)")
    release.finish()
    #expect(try await outcome == ApplyOutcome())
    #expect(try await numbers(other, "SELECT count FROM @.words ORDER BY word") == [2, 1])
    for database in [stopped, other] { await database.close() }
  }

  enum Loss: CaseIterable {
    /// The server ends the session at the moment.
    case terminated
    /// The connection ends, as the client sees it.
    case closed
    /// What was answered never came.
    case unanswered
    /// The server says that the transaction lost against another one.
    case deadlock
  }

  /// The connection is lost, or the transaction refused, at each moment of a batch: it is applied once.
  @Test(arguments: BatchMoment.allCases, Loss.allCases)
  func aBatchThatIsBrokenOffIsAppliedOnce(
    _ moment: BatchMoment, _ loss: Loss
  ) async throws {
    let url = try await TestServer.shared.get().makeDatabase()
    let database = try await open(url)
    let leases = try await database.claim([0, 1], owner: "worker")
    let isFirst = Locked(true)
    await database.setMoment { now, connection throws(PostgresError) in
      guard now == moment, isFirst.withLock({ $0.exchange(false) }) else { return }
      switch loss {
      case .terminated:
        let pid = try await connection.run([PostgresStatement("SELECT pg_backend_pid()")], "ask")[0]
          .integer(0, 0)
        let other = try await PostgresConnection(url)
        _ = try await other.run(
          [PostgresStatement("SELECT pg_terminate_backend($1)", .int4(Int32(pid)))], "end")
        await other.close()
      case .closed: await connection.close()
      case .unanswered: throw PostgresError(.lost, "made to be", operation: "test")
      case .deadlock:
        // That is not what an answer to a commit says that was carried out.
        if moment == .committed { return }
        throw PostgresError(.refused(.deadlock), "made to be", operation: "test")
      }
    }
    for round in 0..<2 {
      let outcome = try await database.apply(
        leases.map { delivery($0, ["a", "b", "a"], after: round == 0 ? nil : 3) }, parking: [])
      #expect(outcome == ApplyOutcome(), "round \(round)")
    }
    #expect(!isFirst.withLock { $0 })
    #expect(try await numbers(database, "SELECT count FROM @.words ORDER BY word") == [8, 4])
    #expect(try await numbers(database, "SELECT words FROM @.streams") == [6, 6])
    await database.close()
  }

  /// What is known of rows from earlier batches is of no use once somebody else had the partition.
  @Test func rowsThatOthersHaveChangedAreReadAgain() async throws {
    let url = try await TestServer.shared.get().makeDatabase()
    let databases = [try await open(url), try await open(url)]
    for round in 0..<6 {
      let database = databases[round % 2]
      let lease = try await database.claim([0], owner: "\(round)")[0]
      #expect(lease.position == (round == 0 ? nil : UInt64(round)))
      _ = try await database.apply([delivery(lease, ["a"])], parking: [])
      let fenced = try await database.apply([delivery(lease, ["a"])], parking: []).fenced
      #expect(fenced.map(\.partition) == [0])
    }
    #expect(try await numbers(databases[0], "SELECT words FROM @.streams") == [6])
    #expect(try await numbers(databases[0], "SELECT count FROM @.words") == [6])
    for database in databases { await database.close() }
  }

  /// What no row of PostgreSQL can hold is the fault of the event that makes it, and is parked like any other.
  @Test(arguments: ["poison", "a\u{0}b", String(repeating: "x", count: 3_000)])
  func anEventThatCantBeSavedIsNamed(_ word: String) async throws {
    let database = try await open(try await TestServer.shared.get().makeDatabase())
    let lease = try await database.claim([0], owner: "worker")[0]
    let batch = delivery(lease, ["a", word, "b"], streams: 3)
    let error = await #expect(throws: ProjectionFailures.self) {
      try await database.apply([batch], parking: [])
    }
    #expect(error?.failures.map(\.position) == [batch.entries[1].position], "\(error as Any)")
    let outcome = try await database.apply([batch], parking: error?.failures ?? [])
    #expect(outcome.parked == 1)
    #expect(try await numbers(database, "SELECT sum(count)::bigint FROM @.words") == [2])
    await #expect(throws: ProjectionFailures.self) { try await database.retryParked("s-0-1") }
    #expect(try await database.dropParked("s-0-1") == 1)
    #expect(try await numbers(database, "SELECT position FROM @.dropped_events") == [2])
    await #expect(throws: ReadModelError.self) {
      try await database.retryParked("s-0-1")
    }
    await database.close()
  }

  /// What a retry would do is known without doing it, and without taking the partition from its worker.
  @Test func aParkedStreamIsTriedAndStaysAsItIs() async throws {
    let database = try await open(try await TestServer.shared.get().makeDatabase())
    let lease = try await database.claim([0], owner: "worker")[0]
    let batch = delivery(lease, ["a", "b", "a"])
    let failure = ProjectionFailure(
      position: batch.entries[1].position, streamID: "s-0-0", reason: "once")
    #expect(try await database.apply([batch], parking: [failure]).parked == 2)
    func changes(_ trial: ParkedTrial) -> [String] {
      trial.changes.map { change in
        func numbers(_ values: [ColumnValue]?) -> [Int64]? {
          values?.compactMap { if case .integer(let number) = $0 { number } else { nil } }
        }
        return "\(change.table.name) \(numbers(change.before) ?? []) \(numbers(change.after) ?? [])"
      }
    }
    let trial = try await database.tryParked("s-0-0", limit: 10)
    #expect(trial.events == 2 && trial.tried == 2 && trial.failure == nil)
    #expect(changes(trial) == ["streams [1] [3]", "words [] [1]", "words [1] [2]"], "\(trial)")
    let part = try await database.tryParked("s-0-0", limit: 1)
    #expect(part.events == 2 && part.tried == 1)
    #expect(changes(part) == ["streams [1] [2]", "words [] [1]"], "\(part)")
    #expect(try await numbers(database, "SELECT words FROM @.streams") == [1])
    #expect(try await numbers(database, "SELECT count(*) FROM @.parked_events") == [2])
    await #expect(throws: ReadModelError.self) { try await database.tryParked("no", limit: 1) }
    let later = try await database.apply([delivery(lease, ["a"], after: 3)], parking: [])
    #expect(later.fenced.isEmpty && later.parked == 1)
    #expect(try await database.retryParked("s-0-0") == 3)
    #expect(try await numbers(database, "SELECT words FROM @.streams") == [4])
    await database.close()
  }

  /// An event that fails is named, and so is one that makes a row which no table holds.
  @Test(arguments: ["poison", "a\u{0}b"])
  func aParkedStreamThatFailsAgainIsNamed(_ word: String) async throws {
    let database = try await open(try await TestServer.shared.get().makeDatabase())
    let lease = try await database.claim([0], owner: "worker")[0]
    let batch = delivery(lease, ["a", word])
    let failure = ProjectionFailure(
      position: batch.entries[0].position, streamID: "s-0-0", reason: "once")
    #expect(try await database.apply([batch], parking: [failure]).parked == 2)
    let trial = try await database.tryParked("s-0-0", limit: 10)
    #expect(trial.tried == 1 && trial.changes.isEmpty)
    #expect(trial.failure?.position == batch.entries[1].position, "\(trial)")
    await database.close()
  }

  /// A parked stream that is retried changes rows beside its worker, which therefore takes a new lease.
  @Test func aRetriedStreamFencesItsPartition() async throws {
    let database = try await open(try await TestServer.shared.get().makeDatabase())
    let lease = try await database.claim([0], owner: "worker")[0]
    let batch = delivery(lease, ["a", "b"])
    let failure = ProjectionFailure(
      position: batch.entries[0].position, streamID: "s-0-0", reason: "a\u{0}")
    #expect(try await database.apply([batch], parking: [failure]).parked == 2)
    #expect(try await database.retryParked("s-0-0") == 2)
    #expect(try await numbers(database, "SELECT words FROM @.streams") == [2])
    #expect(try await numbers(database, "SELECT count(*) FROM @.parked_streams") == [0])
    let later = try await database.apply([delivery(lease, ["a"], after: 2)], parking: [])
    #expect(later.fenced.count == 1)
    let next = try await database.claim([0], owner: "worker")[0]
    #expect(try await database.apply([delivery(next, ["a"])], parking: []) == ApplyOutcome())
    #expect(try await numbers(database, "SELECT words FROM @.streams") == [3])
    await database.close()
  }

  @Test func whatBelongsToAnotherStoreIsRefused() async throws {
    let url = try await TestServer.shared.get().makeDatabase()
    // Many who come at once make it once.
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 { group.addTask { await (try self.open(url)).close() } }
      try await group.waitForAll()
    }
    await #expect(throws: ReadModelError.self) {
      try await openDatabase(url, Words(), storeID: "another")
    }
    let database = try await open(url)
    try await database.requestParking(of: 1, at: 7)
    #expect(try await database.parkRequests(in: 1) == [7])
    try await database.markForged(1, at: 3)
    try await database.markForged(1, at: 2)
    #expect(try await database.claim([1, 0], owner: "w").map(\.forgedPosition) == [3, nil])
    await database.close()
  }
}

extension Bool {
  fileprivate mutating func exchange(_ value: Bool) -> Bool {
    defer { self = value }
    return self
  }
}
