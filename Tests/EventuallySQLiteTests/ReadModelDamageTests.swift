@testable import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// The files of a read model that were truncated, or in which bits have changed: no trap, and nothing wrong in silence.
@Suite(.timeLimit(.minutes(10))) struct ReadModelDamageTests {
  private static let partitions: Partition = 4
  private let folder: TemporaryFolder
  private let store: TextStore
  private let directory: ReadModelDirectory
  private var sound: String { folder.file("sound.sqlite") }

  init() async throws {
    folder = try TemporaryFolder()
    store = try TextStore(
      path: folder.file("store.sqlite"), codec: TextCodec(),
      options: .init(partitionCount: Self.partitions))
    for number in 0..<400 {
      _ = try await store.append(
        ["word-\(number)"], to: "stream-\(number % 90)", expecting: .any)
    }
    directory = ReadModelDirectory(folder.file("words"), model: WordModel())
    let live = try await LiveReadModel.open(
      directory, model: WordModel(), codec: TextCodec(), storeID: store.storeID,
      partitionCount: Self.partitions)
    await apply(into: live, through: try await store.log.heads())
    try SQLiteConnection(path: directory.livePath, mode: .readOnly).copy(
      to: SQLiteConnection(path: sound, mode: .create))
    // What is appended now is what the damaged copies are to go on with.
    for number in 0..<40 {
      _ = try await store.append(["later-\(number)"], to: "stream-\(number)", expecting: .any)
    }
  }

  private func apply(
    into readModel: some ReadModelStore<String>, through: [UInt64],
    onFailure: @escaping @Sendable (any Error) -> Void = { _ in }
  ) async {
    let subscription = LogSubscription(
      store.log, codec: TextCodec(), checkpoints: readModel, partitions: Array(0..<Self.partitions),
      through: through, owner: "test")
    let projector = ReadModelProjector(subscription, into: readModel, onFailure: onFailure)
    await projector.run()
  }

  private func open(_ path: String) throws -> ReadModelDatabase<WordModel> {
    try ReadModelDatabase(
      path: path, model: WordModel(), codec: TextCodec(), storeID: store.storeID,
      partitionCount: Self.partitions)
  }

  /// What a read model says of itself.
  private func read(_ path: String) async -> [String: Finding] {
    var found: [String: Finding] = [:]
    let reader: ReadModelReader
    do {
      reader = try ReadModelReader(path: path, model: WordModel(), readers: 1)
    } catch {
      return ["open": .failed("\(error)")]
    }
    found["positions"] = await .of { try await reader.positions() }
    found["digest"] = await .of {
      try await reader.withConnection {
        try ReadModelDigest.of($0, tables: WordModel().tables.map { $0.schema }).text
      }
    }
    found["look-up"] = await .of {
      try await reader.lookUp {
        try $0.text("SELECT word FROM last WHERE stream = 'stream-7'") ?? ""
      }
    }
    found["parked"] = await .of { try await reader.parkedStreams() }
    found["unapplied"] = await .of { try await reader.unappliedCounts() }
    found["forged"] = await .of { try await reader.forgedPositions() }
    found["damage"] = await .of { try await reader.findDamage() }
    found["wait"] = await .of {
      try await reader.wait(for: 3, in: 1, atMost: .zero) as Any
    }
    return found
  }

  private func isSaid(_ text: String, _ path: String) -> Bool {
    text.contains(path)
      && ["move the file", "name another directory", "run the newer program"].contains {
        text.contains($0)
      }
  }

  private func damaged(_ damage: Damage) throws -> String {
    let path = folder.file("damaged-\(UUID().uuidString).sqlite")
    try FileManager.default.copyItem(atPath: sound, toPath: path)
    try damage.apply(to: path)
    return path
  }

  /// What has changed since is taken in: each event once, or nothing and the reason.
  private func goOn(_ path: String) async -> [String: Finding] {
    let database: ReadModelDatabase<WordModel>
    do {
      database = try open(path)
    } catch {
      return ["open for writing": .failed("\(error)")]
    }
    let failure = Locked<String?>(nil)
    let heads = (try? await store.log.heads()) ?? []
    // A projector tries for ever.
    let running = Task {
      await apply(into: database, through: heads) { error in
        failure.withLock { $0 = $0 ?? "\(error)" }
      }
    }
    let deadline = ContinuousClock.now + .seconds(120)
    while failure.withLock({ $0 == nil }) {
      if ContinuousClock.now > deadline { failure.withLock { $0 = "it neither goes on nor fails" } }
      let positions = try? await ReadModelReader(path: path, model: WordModel(), readers: 1)
        .positions()
      if let positions, zip(positions, heads).allSatisfy({ $0 >= $1 }) { break }
      try? await Task.sleep(for: .milliseconds(2))
    }
    running.cancel()
    await running.value
    if let failure = failure.withLock({ $0 }) { return ["apply": .failed(failure)] }
    return [:]
  }

  @Test func damageOfADatabaseIsToldOrFound() async throws {
    let right = await read(sound)
    let soundCopy = try damaged(.truncated(Data(contentsOf: URL(filePath: sound)).count))
    _ = await goOn(soundCopy)
    let rightLater = await read(soundCopy)
    var told = 0
    for damage in try Damage.all(
      of: sound, seed: 3)
    where damage != .truncated(0) {
      let path = try damaged(damage)
      let copy = path + ".copy"
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      let found = await read(path)
      let later = await goOn(copy)
      var isTold = false
      for case (let operation, .failed(let text)) in found.merging(later, uniquingKeysWith: { $1 })
      {
        isTold = true
        #expect(isSaid(text, path) || isSaid(text, copy), "\(damage), \(operation): \(text)")
      }
      // What `verify` compares with the store's events.
      let isFound =
        found["damage"] != .value("[]") || found["digest"] != right["digest"]
        || found["positions"] != right["positions"]
      if isTold || isFound {
        told += 1
        continue
      }
      for (operation, finding) in found where operation != "parked" {
        #expect(finding == right[operation], "\(damage), \(operation)")
      }
      let laterFound = await read(copy)
      #expect(laterFound["digest"] == rightLater["digest"], "\(damage)")
      #expect(laterFound["positions"] == rightLater["positions"], "\(damage)")
    }
    print("read model: \(told) of 299 told or found")
    #expect(told >= 130)
  }

  @Test(arguments: [
    "position = -5", "position = 1 << 60", "position = 'seven'", "partition = partition + 90",
    "partition = partition - 90", "partition = partition + (1 << 40)",
    "epoch = 9223372036854775807",
    "epoch = -7",
  ])
  func aCheckpointThatCannotBeIsTold(_ change: String) async throws {
    let path = try damaged(.truncated(Data(contentsOf: URL(filePath: sound)).count))
    try SQLiteConnection(path: path, mode: .readWrite).execute("UPDATE checkpoints SET \(change)")
    let copy = path + ".copy"
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    let found = await read(path).merging(await goOn(copy)) { first, _ in first }
    let told = found.compactMap { if case .failed(let text) = $0.value { text } else { nil } }
    #expect(!told.isEmpty, "\(found)")
    for text in told { #expect(isSaid(text, path) || isSaid(text, copy), "\(text)") }
  }

  @Test func aDamagedFileThatIsMovedAwayIsBuiltAnew() async throws {
    let right = await read(directory.livePath)
    let path = directory.path(of: 1)
    try Damage.truncated(20_000).apply(to: path)
    let found = await read(path)
    #expect(found.contains { if case .failed = $0.value { true } else { false } }, "\(found)")
    try FileManager.default.moveItem(atPath: path, toPath: folder.file("away.sqlite"))
    try? FileManager.default.moveItem(atPath: path + "-wal", toPath: folder.file("away.sqlite-wal"))
    let live = try await LiveReadModel.open(
      directory, model: WordModel(), codec: TextCodec(), storeID: store.storeID,
      partitionCount: Self.partitions)
    await apply(into: live, through: try await store.log.heads())
    let again = await read(directory.livePath)
    #expect(again["damage"] == .value("[]"))
    #expect(again["digest"] != right["digest"])
  }

  /// Or by a replay, while there are no workers.
  @Test func aReplayTakesThePlaceOfAFileThatIsGone() async throws {
    try FileManager.default.removeItem(atPath: directory.path(of: 1))
    let heads = try await store.log.heads()
    let replay = try await Replay(
      "again", in: directory, model: WordModel(), codec: TextCodec(), log: store.log
    ) { nil }
    await apply(into: replay.database, through: heads)
    #expect(try directory.copyLive() == nil)
    try await replay.run()
    #expect(directory.live() == 2)
    #expect(await read(directory.livePath)["positions"] == .value("\(heads)"))
  }

  // MARK: - Checkpoints that were saved

  private func dump(_ path: String) throws -> [String] {
    let connection = try SQLiteConnection(path: path, mode: .readOnly)
    let tables = try connection.rows("SELECT name FROM sqlite_schema WHERE type = 'table'") {
      $0.text(0)
    }
    return try tables.sorted().flatMap { table in
      try connection.rows("SELECT * FROM \(table)") { row in
        "\(table) \((0..<row.columnCount).map { row.bytes($0) })"
      }
    }
  }

  @Test func aDamagedCheckpointIsNotUsed() async throws {
    let saved = try directory.saveSavepoint("before", of: WordModel())
    try saved.verify(model: WordModel())
    let right = try dump(saved.location)
    let intact = try Data(contentsOf: URL(filePath: saved.location))
    var told = 0
    for damage in try Damage.all(of: saved.location, seed: 5) {
      try damage.apply(to: saved.location)
      defer { try? intact.write(to: URL(filePath: saved.location)) }
      do throws(ReadModelError) {
        try directory.savepoint("before").verify(model: WordModel())
      } catch {
        told += 1
        let text = "\(error)"
        #expect(text.contains(saved.location), "\(damage): \(text)")
        #expect(
          ["take another one", "name another directory", "begin from a"].contains {
            text.contains($0)
          }, "\(damage): \(text)")
        continue
      }
      #expect(try dump(saved.location) == right, "\(damage)")
    }
    print("checkpoint: \(told) of 300 told")
    #expect(told >= 140)
  }

  @Test func aPositionThatHasChangedInACheckpointIsFound() async throws {
    let saved = try directory.saveSavepoint("before", of: WordModel())
    let connection = try SQLiteConnection(path: saved.location, mode: .readWrite)
    try connection.execute("UPDATE checkpoints SET position = position - 1 WHERE partition = 2")
    let error = #expect(throws: ReadModelError.self) {
      try directory.savepoint("before").verify(model: WordModel())
    }
    #expect(error?.description.contains("its positions") == true)
    // One that was saved before there were seals has none to be held against.
    try connection.execute("DELETE FROM readmodel WHERE key = 'seal'")
    try directory.savepoint("before").verify(model: WordModel())
  }

  // MARK: - Small files

  @Test func aDamagedNumberGivesNoNumberTwice() async throws {
    let replay = try await Replay(
      "again", in: directory, model: WordModel(), codec: TextCodec(), log: store.log
    ) { nil }
    #expect(replay.generation == 2)
    let path = directory.path + "/last-generation"
    for text in ["", "7", "q", "\u{0}", "-1", "999999999", "99999999999999999999", "2\n"] {
      try Data(text.utf8).write(to: URL(filePath: path))
      do throws(ReadModelError) {
        let number = try directory.exclusively { () throws(ReadModelError) in
          try directory.takeNumber()
        }
        #expect(number == (text == "7" ? 8 : 3), "\(text)")
      } catch {
        #expect(text == "999999999" && "\(error)".contains(path), "\(text): \(error)")
      }
      try Data("2".utf8).write(to: URL(filePath: path))
    }
  }

  /// A process has ended twice on an event that is innocent; one more bit must not make it guilty.
  @Test func aDamagedJournalParksNothing() async throws {
    let path = try damaged(.truncated(Data(contentsOf: URL(filePath: sound)).count))
    let position: UInt64
    do {
      let database = try open(path)
      position = try await database.claim([0], owner: "dead")[0].position ?? 0
      database.journal.begin(0, CrashMark(position + 1, attempts: 2))
      _ = database.crashJournal?.beginDecoding(0, position + 1)
    }
    let journal = CrashJournalFile.path(ofDatabase: path)
    let intact = try Data(contentsOf: URL(filePath: journal))
    let words = (2 + 256) * 8
    let flips = (words..<words + 24).flatMap { byte in
      (0..<8).map { Damage.flipped(byte, bit: $0) }
    }
    for damage in try Damage.all(of: journal, seed: 9) + flips {
      let copy = folder.file("copy-\(UUID().uuidString).sqlite")
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      try intact.write(to: URL(filePath: CrashJournalFile.path(ofDatabase: copy)))
      try damage.apply(to: CrashJournalFile.path(ofDatabase: copy))
      let database = try open(copy)
      let crashed = try await database.crashedPartitions()
      #expect([[:], [0: position + 1]].contains(crashed), "\(damage): \(crashed)")
      let lease = try await database.claim([0], owner: "alive")[0]
      let records = try await store.log.records(partition: 0, after: position, limit: 3)
      let outcome = try await database.apply(
        [
          Delivery(
            partition: 0, epoch: lease.epoch, after: lease.position,
            entries: try records.map { try $0.entry(decodedBy: TextCodec()) }, nextOffset: nil)
        ], parking: [])
      #expect(outcome == ApplyOutcome(), "\(damage)")
      for suffix in ["", "-wal", "-shm", "-crash"] {
        try? FileManager.default.removeItem(atPath: copy + suffix)
      }
    }
  }
}
