@testable import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// A store with words in it, and a directory for its read model.
private struct Library {
  static let partitions: Partition = 4
  let folder: TemporaryFolder
  let store: TextStore
  let directory: ReadModelDirectory

  init() throws {
    folder = try TemporaryFolder()
    store = try TextStore(
      path: folder.file("store.sqlite"), codec: TextCodec(),
      options: .init(partitionCount: Self.partitions))
    directory = ReadModelDirectory(folder.file("words"), model: WordModel())
  }

  func write(_ count: Int, from first: Int = 0) async throws {
    for number in first..<first + count {
      _ = try await store.append(
        ["word-\(number % 7)", "also"], to: "stream-\(number % 20)", expecting: .any)
    }
  }

  func live(_ model: WordModel = WordModel()) async throws -> LiveReadModel<WordModel> {
    try await LiveReadModel.open(
      ReadModelDirectory(folder.file("words"), model: model), model: model, codec: TextCodec(),
      storeID: store.storeID, partitionCount: Self.partitions)
  }

  /// Applies what the store has, up to its heads or to given positions.
  func project(
    into readModel: some ReadModelStore<String>, through: [UInt64]? = nil, workers: Int = 1
  ) async throws {
    let heads = try await store.log.heads()
    await withTaskGroup(of: Void.self) { group in
      for worker in 0..<workers {
        let subscription = LogSubscription(
          store.log, codec: TextCodec(), checkpoints: readModel,
          partitions: (0..<Self.partitions).filter { Int($0) % workers == worker },
          through: through ?? heads, owner: "test", pageSize: 7)
        group.addTask { await ReadModelProjector(subscription, into: readModel).run() }
      }
    }
  }

  func replay(
    _ request: String = "again", base: Savepoint? = nil
  ) async throws -> Replay<WordModel> {
    try await Replay(
      request, in: directory, model: WordModel(), codec: TextCodec(), log: store.log
    ) { base }
  }

  /// How often a word came, in the live generation.
  func count(_ word: String) throws -> Int64? {
    try SQLiteConnection(path: directory.livePath, mode: .readOnly).integer(
      "SELECT count FROM words WHERE word = ?", .text(word))
  }

  func digest(_ path: String? = nil) throws -> String {
    try ReadModelDigest.of(
      SQLiteConnection(path: path ?? directory.livePath, mode: .readOnly),
      tables: WordModel().tables.map { $0.schema }
    ).text
  }
}

@Suite struct GenerationTests {
  private let library: Library

  init() throws {
    library = try Library()
  }

  @Test func manyWorkersBeginTheSameFirstGeneration() async throws {
    let library = library
    let generations = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<8 { group.addTask { try await library.live().generation } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(generations == Array(repeating: 1, count: 8))
    #expect(try library.directory.list().map(\.number) == [1])
    #expect(library.directory.live() == 1)
  }

  @Test(arguments: [1, 3]) func aLogIsProjectedUpToPositions(workers: Int) async throws {
    try await library.write(100)
    let half = try await library.store.log.heads(at: 100)
    #expect(half.reduce(0, +) == 100)
    let live = try await library.live()
    try await library.project(into: live, through: half, workers: workers)
    #expect(try library.directory.events(in: 1) == 100)
    #expect(try library.count("also") == 50)
    try await library.project(into: live, workers: workers)
    #expect(try library.count("also") == 100)
  }

  /// What was read for one generation is not applied to another, however alike their epochs and positions are.
  @Test func aSwitchOvertakesAllLeases() async throws {
    try await library.write(10)
    let live = try await library.live()
    try await library.project(into: live)
    let replay = try await library.replay()
    try await library.project(into: replay.database)
    let old = try await live.claim([0, 1, 2, 3], owner: "worker")
    _ = try await replay.database.claim([0, 1, 2, 3], owner: "other")
    try await library.write(10, from: 10)
    #expect(try await live.hasMoved() == false)
    try await replay.run()
    #expect(try await live.hasMoved())
    #expect(library.directory.live() == 2)
    let before = try library.digest(library.directory.path(of: 1))
    let deliveries = try await next(old)
    #expect(Set(try await live.apply(deliveries).map(\.partition)) == Set(old.map(\.partition)))
    // A worker that has new leases of some partitions holds old ones of others.
    let new = try await live.claim([0], owner: "worker")
    #expect(Set(try await live.apply(deliveries).map(\.partition)) == [0, 1, 2, 3])
    #expect(try library.digest(library.directory.path(of: 1)) == before)
    #expect(try await live.hasMoved() == false && live.generation == 2)
    #expect(try await live.apply(try await next(new)).isEmpty)
  }

  /// Workers go on in the topic where they were, also in a partition of which nothing was applied: what made it stop there
  /// may be the first record of all.
  @Test func aReplayTakesOverTheOffsetsOfWhatWasLive() async throws {
    try await library.write(1)
    let live = try await library.live()
    try await library.project(into: live)
    _ = try await live.claim([0, 1, 2, 3], owner: "worker")
    try SQLiteConnection(path: library.directory.livePath, mode: .readWrite).execute(
      "UPDATE checkpoints SET next_offset = 70 + partition")
    let replay = try await library.replay()
    try await replay.run()
    let leases = try await live.claim([0, 1, 2, 3], owner: "worker")
    #expect(live.generation == 2)
    #expect(leases.map(\.offsetHint) == [70, 71, 72, 73])
    #expect(leases.compactMap(\.position) == [2])
  }

  /// The next deliveries under leases.
  private func next(_ leases: [PartitionLease]) async throws -> [Delivery<String>] {
    var deliveries: [Delivery<String>] = []
    for lease in leases {
      let records = try await library.store.log.records(
        partition: lease.partition, after: lease.position ?? 0, limit: 3)
      deliveries.append(
        Delivery(
          partition: lease.partition, epoch: lease.epoch, after: lease.position,
          entries: try records.map { try $0.entry(decodedBy: TextCodec()) }, nextOffset: nil))
    }
    return deliveries.filter { !$0.entries.isEmpty }
  }

  /// A worker that has read its generation's transaction half way when another becomes live does not commit it.
  @Test func nothingIsCommittedToWhatIsNotLiveAnyMore() async throws {
    try await library.write(10)
    let live = try await library.live()
    try await library.project(into: live, through: [0, 0, 0, 0])
    let leases = try await live.claim([0, 1, 2, 3], owner: "worker")
    let replay = try await library.replay()
    try await library.project(into: replay.database)
    try await replay.run()
    let outcome = try await live.apply(try await next(leases), parking: [])
    #expect(!outcome.fenced.isEmpty)
    #expect(try library.directory.events(in: 1) == 0)
  }

  @Test func aSwitchBackShowsTheOldGenerationAsItWas() async throws {
    try await library.write(10)
    let live = try await library.live()
    try await library.project(into: live)
    let replay = try await library.replay()
    try await library.project(into: replay.database)
    try await replay.run()
    let damaged = try SQLiteConnection(path: library.directory.path(of: 1), mode: .readWrite)
    try damaged.execute("UPDATE words SET count = 99 WHERE word = 'also'")
    #expect(try library.count("also") == 10)
    try library.directory.makeLive(1)
    #expect(try library.count("also") == 99)
    #expect(throws: ReadModelError.self) { try library.directory.drop(1) }
    try library.directory.makeLive(2)
    try library.directory.drop(1)
    #expect(try library.directory.list().map(\.number) == [2])
    #expect(try library.count("also") == 10)
    #expect(throws: ReadModelError.self) { try library.directory.makeLive(1) }
  }

  @Test func twoVersionsLiveSideBySide() async throws {
    try await library.write(10)
    let first = try await library.live()
    let second = try await library.live(WordModel(schemaVersion: 2))
    #expect(first.generation == 1 && second.generation == 2)
    try await library.project(into: first)
    #expect(try await first.completeBuild(through: try await library.store.log.heads()))
    #expect(try await !second.completeBuild(through: try await library.store.log.heads()))
    #expect(try library.directory.list().map(\.isBuilding) == [false, true])
    try await library.project(into: second)
    #expect(try await second.completeBuild(through: try await library.store.log.heads()))
    #expect(try library.directory.list().allSatisfy { $0.isLive && !$0.isBuilding })
    #expect(throws: ReadModelError.self) { try library.directory.makeLive(2) }
    for generation in [1, 2] {
      #expect(throws: ReadModelError.self) { try library.directory.drop(generation) }
    }
  }

  /// What is live for an earlier version of the code goes once that has no workers and is not needed any more.
  @Test func aSupersededVersionsGenerationIsDropped() async throws {
    let next = WordModel(schemaVersion: 2)
    let directory = ReadModelDirectory(library.directory.path, model: next)
    try await library.write(10)
    func refusal(_ directory: ReadModelDirectory) -> String {
      do {
        try directory.drop(1)
        return "dropped"
      } catch {
        return "\(error)"
      }
    }
    try await library.project(into: try await library.live())
    #expect(refusal(library.directory).contains("switch to another one of schema version 1"))
    #expect(refusal(directory).contains("run a worker of version 2 first"))
    let second = try await library.live(next)
    do {
      let first = try await library.live()
      #expect(refusal(directory).contains("stop the workers of that version"))
      #expect(first.generation == 1 && library.directory.live() == 1)
    }
    try directory.drop(1)
    #expect(try directory.list().map(\.number) == [2])
    #expect(library.directory.live() == nil && directory.live() == 2)
    #expect(try await second.hasMoved() == false)
    #expect(refusal(directory).contains("no generation 1"))
    // A worker of that version would begin anew, under a number of its own.
    #expect(try await library.live().generation == 3)
    #expect(throws: ReadModelError.self) { try library.directory.drop(2) }
  }

  @Test func aFileThatIsGoneIsBegunAnew() async throws {
    try await library.write(10)
    let live = try await library.live()
    try await library.project(into: live)
    let lease = try await live.claim([0, 1, 2, 3], owner: "worker")
    try library.directory.removeDatabase(library.directory.path(of: 1))
    #expect(try await live.hasMoved())
    try await library.write(10, from: 10)
    #expect(try await !live.apply(try await next(lease)).isEmpty)
    try await library.project(into: live)
    #expect(try library.count("also") == 20)
  }

  @Test func aReplayGoesOnWhereItWas() async throws {
    try await library.write(50)
    let live = try await library.live()
    try await library.project(into: live)
    do {
      let replay = try await library.replay()
      #expect(!replay.isResumed)
      try await library.project(
        into: replay.database, through: try await library.store.log.heads(at: 40))
      await #expect(throws: ReadModelError.self) { try await library.replay() }
      #expect(throws: ReadModelError.self) { try library.directory.drop(replay.generation) }
      #expect(throws: ReadModelError.self) { try library.directory.makeLive(replay.generation) }
    }
    await #expect(throws: ReadModelError.self) { try await library.replay("something else") }
    let replay = try await library.replay()
    #expect(replay.isResumed && replay.generation == 2)
    #expect(try await replay.database.positions().reduce(0, +) == 40)
    try await library.project(into: replay.database)
    try await replay.run()
    #expect(
      try library.digest(library.directory.path(of: 1)) == library.digest())
    #expect(try library.directory.list().map(\.isBuilding) == [true, false])
  }
}

@Suite struct CheckpointTests {
  private let library: Library

  init() throws {
    library = try Library()
  }

  private func save(_ name: String) throws -> Savepoint {
    try library.directory.saveSavepoint(name, of: WordModel())
  }

  @Test func aCheckpointIsWhatTheReadModelWas() async throws {
    try await library.write(30)
    let live = try await library.live()
    try await library.project(into: live)
    let saved = try save("before")
    let digest = try library.digest()
    #expect(saved.digest == digest && saved.events == 60 && saved.sequenceNumber == 60)
    try await library.write(30, from: 30)
    try await library.project(into: live)
    #expect(try library.digest() != digest)
    try library.directory.savepoint("before").verify(model: WordModel())
    let replay = try await library.replay(base: try library.directory.savepoint("before"))
    #expect(try await replay.database.positions().reduce(0, +) == 60)
    #expect(try library.digest(library.directory.path(of: replay.generation)) == digest)
    try await library.project(into: replay.database)
    try await replay.run()
    #expect(try library.digest(library.directory.path(of: 1)) == library.digest())
    #expect(try library.directory.generation(2).origin.contains("before"))
  }

  @Test func damageIsNoticed() async throws {
    try await library.write(300)
    try await library.project(into: try await library.live())
    let saved = try save("one")
    let connection = try SQLiteConnection(path: saved.location, mode: .readWrite)
    try connection.execute("UPDATE words SET count = count + 1 WHERE word = 'also'")
    #expect(throws: ReadModelError.self) { try saved.verify(model: WordModel()) }
    await #expect(throws: ReadModelError.self) { try await library.replay(base: saved) }
    #expect(try library.directory.list().map(\.number) == [1])
    let other = try save("two")
    var bytes = try Data(contentsOf: URL(filePath: other.location))
    for index in 4096..<min(bytes.count, 20_000) { bytes[index] = 0xFF }
    try bytes.write(to: URL(filePath: other.location))
    #expect(throws: ReadModelError.self) {
      try library.directory.savepoint("two").verify(model: WordModel())
    }
  }

  @Test(arguments: [
    "", "zero", "12", "2026-11-23T00:00:00Z", "2026-11-23", "a/b", "..", ".x", "a b",
    String(repeating: "x", count: 65),
  ])
  func namesThatSaySomethingElseAreRefused(_ name: String) async throws {
    try await library.project(into: try await library.live())
    #expect(throws: ReadModelError.self) { try save(name) }
  }

  @Test func whatWasBeingWrittenIsNoCheckpoint() async throws {
    try await library.write(3)
    try await library.project(into: try await library.live())
    _ = try save("one")
    #expect(throws: ReadModelError.self) { try save("one") }
    let torn = "\(library.directory.path)/checkpoints/torn.sqlite.unfinished"
    try Data("half".utf8).write(to: URL(filePath: torn))
    #expect(try library.directory.savepoints().map(\.name) == ["one"])
    _ = try save("two")
    #expect(!FileManager.default.fileExists(atPath: torn))
    try library.directory.deleteSavepoint("one")
    #expect(try library.directory.savepointNames() == ["two"])
    #expect(throws: ReadModelError.self) { try library.directory.deleteSavepoint("one") }
  }

  @Test func theNewestBeforeAMomentIsFound() async throws {
    let live = try await library.live()
    for round in 0..<3 {
      try await library.write(10, from: round * 10)
      try await library.project(into: live)
      _ = try save("c\(round)")
    }
    for (sequence, name) in [(19, nil), (20, "c0"), (45, "c1"), (60, "c2")] as [(UInt64, String?)] {
      let heads = try await library.store.log.heads(at: sequence)
      let found = try await library.directory.newestSavepoint(
        atOrBefore: heads, of: library.store.storeID)
      #expect(found?.name == name, "\(sequence)")
    }
  }

  @Test func workersSaveByThemselves() async throws {
    let live = try await library.live()
    let saving = AutomaticSavepoints(
      library.directory, model: WordModel(),
      policy: SavepointPolicy(events: 20, interval: nil, kept: 2)
    ) { error in Issue.record("\(error)") }
    let other = AutomaticSavepoints(
      library.directory, model: WordModel(),
      policy: SavepointPolicy(events: 20, interval: nil, kept: 2)
    ) { error in Issue.record("\(error)") }
    #expect(try await saving.saveWhereDue() == nil)
    for round in 0..<4 {
      try await library.write(10, from: round * 10)
      try await library.project(into: live)
      let saved = [try await saving.saveWhereDue(), try await other.saveWhereDue()]
      #expect(saved.compactMap { $0?.events } == [UInt64(round + 1) * 20])
    }
    _ = try save("mine")
    #expect(try library.directory.savepoints().map(\.events) == [60, 80, 80])
  }

  @Test func aPolicySaysWhenACheckpointIsDue() {
    let events = SavepointPolicy(events: 100, interval: nil, kept: 1)
    let time = SavepointPolicy(events: nil, interval: .seconds(10), kept: 1)
    let start = Timestamp(microseconds: 0)
    let later = Timestamp(microseconds: 10_000_000)
    #expect(!events.isDue(applied: 99, last: nil, now: start))
    #expect(events.isDue(applied: 100, last: nil, now: start))
    #expect(!events.isDue(applied: 199, last: (100, start), now: later))
    #expect(events.isDue(applied: 200, last: (100, start), now: start))
    #expect(!time.isDue(applied: 0, last: nil, now: start))
    #expect(time.isDue(applied: 1, last: nil, now: start))
    #expect(!time.isDue(applied: 2, last: (1, start), now: Timestamp(microseconds: 9_999_999)))
    #expect(time.isDue(applied: 2, last: (1, start), now: later))
    #expect(!time.isDue(applied: 1, last: (1, start), now: later))
    #expect(!events.isDue(applied: 50, last: (100, start), now: later))
  }
}
