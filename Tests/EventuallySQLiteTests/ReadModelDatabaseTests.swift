import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

@Suite struct ReadModelDatabaseTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("words.sqlite") }

  init() throws {
    folder = try TemporaryFolder()
  }

  private func open(_ model: WordModel = WordModel()) throws -> ReadModelDatabase<WordModel> {
    try ReadModelDatabase(
      path: path, model: model, codec: TextCodec(), storeID: "store", partitionCount: 4)
  }

  private func delivery(
    _ lease: PartitionLease, after: UInt64?, _ words: [String], stream: String = "s"
  ) -> Delivery<String> {
    let entries = words.enumerated().map { offset, word in
      let sequence = (after ?? 0) + UInt64(offset) + 1
      let position = EventPosition(
        partition: lease.partition, partitionOffset: sequence, sequenceNumber: sequence,
        version: sequence)
      let time = Timestamp(microseconds: 0)
      return LogEntry.event(
        Persisted(
          streamID: stream, position: position, id: EventID(time: time), time: time, event: word))
    }
    return Delivery(
      partition: lease.partition, epoch: lease.epoch, after: after, entries: entries,
      nextOffset: 100)
  }

  private func count(_ word: String) throws -> Int64? {
    try SQLiteConnection(path: path, mode: .readOnly).integer(
      "SELECT count FROM words WHERE word = ?", .text(word))
  }

  @Test func rowsAndCheckpointAreOneTransaction() async throws {
    let database = try open()
    let lease = try await database.claim([2], owner: "one")[0]
    #expect(lease.epoch == 1)
    #expect(lease.position == nil)
    #expect(try await database.apply([delivery(lease, after: nil, ["a", "b", "a"])]).isEmpty)
    #expect(try count("a") == 2)
    let again = try await open().claim([2], owner: "two")[0]
    #expect(again.epoch == 2)
    #expect(again.position == 3)
    #expect(again.offsetHint == 100)
  }

  /// The workers of a read model start at the same time, and one of them makes the file.
  @Test func manyWorkersMayMakeTheFile() async throws {
    for round in 0..<40 {
      let path = folder.file("\(round).sqlite")
      let epochs = try await withThrowingTaskGroup(of: UInt64.self) { group in
        for worker in 0..<6 {
          group.addTask {
            let database = try ReadModelDatabase(
              path: path, model: WordModel(), codec: TextCodec(), storeID: "store",
              partitionCount: 4)
            return try await database.claim([0], owner: "\(worker)")[0].epoch
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(epochs.sorted() == [1, 2, 3, 4, 5, 6])
    }
  }

  /// A worker whose partition was taken over must not write, and its other partitions must go on.
  @Test func anFencedLeaseAppliesNothingAndTheOthersAreApplied() async throws {
    let database = try open()
    let leases = try await database.claim([0, 1], owner: "zombie")
    let other = try open()
    let newer = try await other.claim([0], owner: "successor")[0]
    let refused = try await database.apply([
      delivery(leases[0], after: nil, ["zombie"]), delivery(leases[1], after: nil, ["alive"]),
    ])
    #expect(refused.map(\.partition) == [0])
    #expect(try count("zombie") == nil)
    #expect(try count("alive") == 1)
    #expect(try await other.apply([delivery(newer, after: nil, ["successor"])]).isEmpty)
    #expect(try count("successor") == 1)
  }

  /// Rows stay in memory from one transaction to the next, but not over what another worker has written.
  @Test func workersSeeEachOthersRows() async throws {
    let workers = [try open(), try open()]
    let leases = [
      try await workers[0].claim([0], owner: "one")[0],
      try await workers[1].claim([1], owner: "two")[0],
    ]
    var after: [UInt64?] = [nil, nil]
    for turn in [0, 0, 1, 0, 1, 1, 0] {
      let delivery = delivery(leases[turn], after: after[turn], ["a"])
      #expect(try await workers[turn].apply([delivery]).isEmpty)
      after[turn] = delivery.lastPosition
    }
    #expect(try count("a") == 7)
  }

  @Test func aBatchThatDoesNotFollowThePositionIsRefused() async throws {
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    #expect(try await database.apply([delivery(lease, after: nil, ["a"])]).isEmpty)
    #expect(try await database.apply([delivery(lease, after: nil, ["a"])]).count == 1)
    #expect(try await database.apply([delivery(lease, after: 5, ["a"])]).count == 1)
    #expect(try await database.apply([delivery(lease, after: 0, ["a"])]).count == 1)
    #expect(try count("a") == 1)
  }

  @Test func aFailingProjectionChangesNothing() async throws {
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    let error = await #expect(throws: ProjectionFailures.self) {
      try await database.apply([delivery(lease, after: nil, ["a", "poison", "b"])])
    }
    #expect(error?.failures.map(\.position.partitionOffset) == [2])
    #expect(error?.failures.first?.streamID == "s")
    #expect(try count("a") == nil)
    // Nor does what failed remain in the rows that the next batch sees.
    #expect(try await database.apply([delivery(lease, after: nil, ["a"])]).isEmpty)
    #expect(try count("a") == 1)
  }

  @Test func aStrangeDatabaseIsRefused() throws {
    _ = try open()
    var older = WordModel()
    older.schemaVersion = 2
    #expect(throws: ReadModelError.self) { try open(older) }
    var renamed = WordModel()
    renamed.name = "others"
    #expect(throws: ReadModelError.self) { try open(renamed) }
    #expect(throws: ReadModelError.self) {
      try ReadModelDatabase(
        path: path, model: WordModel(), codec: TextCodec(), storeID: "another", partitionCount: 4)
    }
    #expect(throws: ReadModelError.self) {
      try ReadModelDatabase(
        path: path, model: WordModel(), codec: TextCodec(), storeID: "store", partitionCount: 5)
    }
  }

  /// Whatever the events and however they are cut into batches, the database holds what memory does.
  @Test func theDatabaseAgreesWithMemory() async throws {
    let seed = UInt64.random(in: .min ... .max)
    var state = seed
    func next(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    let model = WordModel()
    let memory = Rows()
    var position: UInt64?
    for _ in 0..<60 {
      let words = (0...next(40)).map { _ in ["a", "b", "c", "gone"][Int(next(4))] }
      let batch = delivery(lease, after: position, words, stream: "s\(next(5))")
      for entry in batch.entries { try model.take(entry, into: memory) }
      #expect(try await database.apply([batch]).isEmpty)
      position = batch.lastPosition
    }
    let connection = try SQLiteConnection(path: path, mode: .readOnly)
    let found = try connection.rows("SELECT word, count FROM words") {
      WordRow(key: $0.text(0), count: $0.integer(1))
    }
    #expect(
      try Dictionary(uniqueKeysWithValues: found.map { ($0.key, $0) }) == memory.all(WordRow.self),
      "seed \(seed)")
    let last = try connection.rows("SELECT stream, word FROM last") {
      LastRow(key: $0.text(0), word: $0.optionalText(1))
    }
    #expect(
      try Dictionary(uniqueKeysWithValues: last.map { ($0.key, $0) }) == memory.all(LastRow.self),
      "seed \(seed)")
  }

  @Test func aCopyIsComparedRowByRow() async throws {
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    _ = try await database.apply([delivery(lease, after: nil, ["a", "b", "c", "é", "z", "a"])])
    let copy = folder.file("copy.sqlite")
    let reader = try ReadModelReader(path: path, model: WordModel())
    try await reader.copy(to: copy)
    await #expect(throws: ReadModelError.self) { try await reader.copy(to: copy) }
    func compare() async throws -> StateComparison {
      try await StateComparison(
        expected: try ReadModelSnapshot(path: path), found: try ReadModelSnapshot(path: copy),
        tables: WordModel().tables.map { $0.schema })
    }
    let equal = try await compare()
    #expect(equal.found.rows == 6 && equal.expected.rows == 6 && equal.differenceCount == 0)
    #expect(equal.found.text == equal.expected.text)
    try SQLiteConnection(path: copy, mode: .readWrite).execute(
      """
      UPDATE words SET count = 7 WHERE word = 'b';
      DELETE FROM words WHERE word = 'c';
      INSERT INTO words VALUES ('y', 1);
      """)
    let compared = try await compare()
    #expect(compared.found.rows == 6 && compared.differenceCount == 3)
    #expect(compared.found.text != compared.expected.text)
    #expect(
      compared.differences == [
        RowDifference(
          table: "words", key: [.text("b")], expected: [.integer(1)], found: [.integer(7)]),
        RowDifference(table: "words", key: [.text("c")], expected: [.integer(1)], found: nil),
        RowDifference(table: "words", key: [.text("y")], expected: nil, found: [.integer(1)]),
      ])
  }
}
