@testable import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// A replay is one call that tells what happened.
@Suite(.timeLimit(.minutes(5))) struct ReplayTests {
  private let folder: TemporaryFolder
  private let store: TextStore
  private let directory: ReadModelDirectory
  private let told = Told()

  init() throws {
    folder = try TemporaryFolder()
    store = try TextStore(
      path: folder.file("store.sqlite"), codec: TextCodec(), options: .init(partitionCount: 4))
    directory = ReadModelDirectory(folder.file("words"), model: WordModel())
  }

  private func write(_ count: Int, _ word: String = "also") async throws {
    for number in 0..<count {
      _ = try await store.append([word], to: "stream-\(number % 20)", expecting: .any)
    }
  }

  /// Builds the live generation.
  private func project(through: [UInt64]? = nil) async throws {
    let live = try await LiveReadModel.open(
      directory, model: WordModel(), codec: TextCodec(), storeID: store.storeID, partitionCount: 4)
    let heads = try await store.log.heads()
    let subscription = LogSubscription(
      store.log, codec: TextCodec(), checkpoints: live, partitions: [0, 1, 2, 3],
      through: through ?? heads, owner: "test")
    await ReadModelProjector(subscription, into: live).run()
  }

  private func replay(
    _ options: ReplayOptions = ReplayOptions(), log: (any EventLog)? = nil,
    source: ReplaySource<String>? = nil, base: Savepoint? = nil
  ) async throws -> Replay<WordModel> {
    try await Replay(
      "again", in: directory, model: WordModel(), codec: TextCodec(), log: log ?? store.log,
      options: options, source: source
    ) { base }
  }

  private func run(_ replay: Replay<WordModel>) async throws -> ReplayOutcome {
    try await replay.run { [told] event in told.events.withLock { $0.append(event) } }
  }

  private var comparison: ReplayComparison? {
    for case .compared(let comparison) in told.events.withLock({ $0 }) { return comparison }
    return nil
  }

  @Test(arguments: [1, 3]) func aDifferenceIsTold(workers: Int) async throws {
    try await write(100)
    try await project()
    try SQLiteConnection(path: directory.livePath, mode: .readWrite).execute(
      "UPDATE words SET count = 7")
    var options = ReplayOptions()
    options.workers = workers
    #expect(try await run(try await replay(options)) == .live(replaced: 1))
    let comparison = try #require(comparison)
    #expect(comparison.live == 1 && comparison.events == 100)
    #expect(comparison.differenceCount == 1 && comparison.liveDigest != comparison.digest)
    #expect(comparison.differences.first?.expected == [.integer(100)])
    #expect(comparison.differences.first?.found == [.integer(7)])
    #expect(comparison.rows == 21 && comparison.liveRows == 21)
    guard case .began(false, "the first event", 0)? = told.events.withLock({ $0.first }) else {
      Issue.record("\(told.events.withLock { $0 })")
      return
    }
    #expect(try directory.list().map(\.isBuilding) == [true, false])
  }

  @Test func withoutSwitchingItIsBuiltAndNotLive() async throws {
    try await write(20)
    try await project()
    var options = ReplayOptions()
    options.isSwitching = false
    #expect(try await run(try await replay(options)) == .built)
    #expect(comparison?.differenceCount == 0)
    #expect(directory.live() == 1)
    try directory.makeLive(2)
    #expect(directory.live() == 2)
  }

  @Test func withoutALiveOneItGoesToTheStoresEnd() async throws {
    try await write(20)
    #expect(try await run(try await replay()) == .live(replaced: nil))
    #expect(try directory.events(in: 1) == 20 && directory.live() == 1)
    #expect(comparison == nil)
  }

  @Test func itEndsAtPositionsAndRefusesASavepointBeyondThem() async throws {
    try await write(20)
    try await project()
    let savepoint = try directory.saveSavepoint("late", of: WordModel())
    var options = ReplayOptions()
    options.end = try await store.log.heads(at: 15)
    await #expect(throws: ReplayError.self) { try await replay(options, base: savepoint) }
    #expect(try await run(try await replay(options)) == .built)
    #expect(try directory.events(in: 2) == 15)
    #expect(directory.live() == 1 && comparison == nil)
  }

  /// A live generation beyond the store, as one that a forged event was applied to.
  @Test func aRepairEndsWhereTheStoreDoes() async throws {
    try await write(20)
    try await project()
    try SQLiteConnection(path: directory.livePath, mode: .readWrite).execute(
      "UPDATE checkpoints SET position = position + 3 WHERE partition = 2")
    var options = ReplayOptions()
    options.isRepair = true
    #expect(try await run(try await replay(options)) == .live(replaced: 1))
    #expect(comparison?.differenceCount == 0)
    let beyond = told.events.withLock { events in
      events.contains {
        if case .liveBeyondStore(1, 2, let position, let head) = $0 { return position == head + 3 }
        return false
      }
    }
    #expect(beyond)
    #expect(try directory.events(in: 2) == 20)
  }

  @Test func whatIsParkedIsTold() async throws {
    try await write(3)
    _ = try await store.append(["poison", "more"], to: "bad", expecting: .any)
    #expect(try await run(try await replay()) == .live(replaced: nil))
    let parked = told.events.withLock { events in
      events.compactMap { event -> String? in
        guard case .parked(let count, let streams) = event else { return nil }
        return "\(count) \(streams.map(\.streamID))"
      }
    }
    #expect(parked == [#"2 ["bad"]"#])
  }

  @Test func oneThatWasKilledInItsLastStepIsLive() async throws {
    try await write(3)
    do {
      let replay = try await replay()
      try directory.exclusively { () throws(ReadModelError) in
        try directory.link(replay.generation)
      }
    }
    #expect(try await run(try await replay()) == .alreadyLive)
    #expect(try directory.list().map(\.isBuilding) == [false])
    #expect(told.events.withLock { $0.isEmpty })
  }

  @Test func whatItReportsToMayEndIt() async throws {
    try await write(30)
    let first = try await replay()
    await #expect(throws: ScratchError.self) {
      try await first.run { event in
        if case .applying = event { throw ScratchError() }
      }
    }
  }

  private struct ScratchError: Error {}

  private func record(_ generation: Int) throws -> ReplayRecord {
    try #require(try directory.generation(generation).note.flatMap { ReplayRecord($0) })
  }

  /// Queries never see the read model step back: it is brought to where the live one is by then.
  @Test func oneThatIsBuiltIsMadeLiveWhereTheLiveOneIs() async throws {
    try await write(20)
    try await project()
    var options = ReplayOptions()
    options.isSwitching = false
    #expect(try await run(try await replay(options)) == .built)
    #expect(try record(2).state == .built)
    try await write(13)
    try await project()
    func makeLive(_ generation: Int) async throws -> ReplayOutcome {
      try await run(
        try await Replay(
          makingLive: generation, in: directory, model: WordModel(), codec: TextCodec(),
          log: store.log))
    }
    #expect(try await makeLive(2) == .live(replaced: 1))
    #expect(directory.live() == 2)
    #expect(try directory.events(in: 2) == 33)
    #expect(try record(2).state == .live && record(2).comparison?.events == 20)
    #expect(try await makeLive(2) == .alreadyLive)
    // And back: the one that was live has stayed behind meanwhile.
    try await write(5)
    try await project()
    #expect(try await makeLive(1) == .live(replaced: 2))
    #expect(try directory.events(in: 1) == 38)
  }

  @Test func oneThatIsNotBuiltIsNotMadeLive() async throws {
    try await write(20)
    try await project()
    do {
      let replay = try await replay()
      await #expect(throws: ScratchError.self) {
        try await replay.run { _ in throw ScratchError() }
      }
    }
    let error = await #expect(throws: ReadModelError.self) {
      try await Replay(
        makingLive: 2, in: directory, model: WordModel(), codec: TextCodec(), log: store.log)
    }
    guard case .unfinishedReplay(2, _, _)? = error else {
      Issue.record("\(error as Any)")
      return
    }
  }

  /// Whoever lists the generations sees how far it is, and what came of it.
  @Test func itsRecordIsKeptWithTheGeneration() async throws {
    try await write(100)
    try await project()
    try SQLiteConnection(path: directory.livePath, mode: .readWrite).execute(
      "UPDATE last SET word = 'other'")
    var options = ReplayOptions()
    (options.isSwitching, options.differenceLimit, options.begunBy) = (false, 15, "somebody")
    #expect(try await run(try await replay(options)) == .built)
    let record = try record(2)
    #expect(record.state == .built && record.begunBy == "somebody" && record.why == nil)
    #expect(record.applied == 100 && record.total == 100 && record.rate > 0, "\(record)")
    let comparison = try #require(record.comparison)
    #expect(comparison.differenceCount == 20 && comparison.differences.count == 15)
    #expect(comparison.columns == ["last": ["stream", "word"]])
    #expect(comparison.differences.first?.live?.map(\.column) == [.text("other")])
    // A generation that begins with a copy of it has no record.
    try directory.makeLive(2)
    let savepoint = try directory.saveSavepoint("copy", of: WordModel())
    let begun = try directory.beginGeneration(
      "later", from: savepoint, model: WordModel(), storeID: store.storeID, partitionCount: 4)
    #expect(try directory.generation(begun).note == nil)
  }

  @Test func oneThatIsCalledOffSaysSoAndCanBeDropped() async throws {
    try await write(5)
    do {
      let replay = try await replay(source: { _, _, _ in Stalled() })
      let running = Task { try await replay.run() }
      while try directory.generation(1).note == nil { try await Task.sleep(for: .milliseconds(5)) }
      running.cancel()
      await #expect(throws: CancellationError.self) { try await running.value }
      let record = try record(1)
      #expect(record.state == .failed && record.why == "it was called off")
    }
    try directory.drop(1)
    #expect(try directory.list().isEmpty)
  }

  /// A log that ends before what it should have does not get more by being asked again.
  @Test func aLogWithoutWhatItShouldHaveEndsItAtOnce() async throws {
    try await write(20)
    let heads = try await store.log.heads()
    let short = ShortLog(base: store.log, ends: try await store.log.heads(at: 10))
    var options = ReplayOptions()
    options.end = heads
    let replay = try await replay(options, log: short)
    let error = await #expect(throws: ReplayError.self) { try await replay.run() }
    // One that is asked again ends with `stalled`.
    guard case .failing(let cause)? = error, cause is EventLogError else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try directory.events(in: 1) == 10)
  }

  /// A source that knows why nothing comes is believed after a while; what was applied is kept.
  @Test func aSourceThatStallsIsNamed() async throws {
    try await write(5)
    let replay = try await replay(source: { _, _, _ in Stalled() })
    let error = await #expect(throws: ReplayError.self) { try await replay.run() }
    #expect(
      error?.description.contains("the broker is away") == true, "\(String(describing: error))")
  }
}

/// What a replay has told.
private final class Told: Sendable {
  let events = Locked<[ReplayEvent]>([])
}

/// Delivers nothing, and says why.
private struct Stalled: PartitionedSubscription {
  typealias Event = String

  var stallReason: String? { "the broker is away" }

  func resume() async throws -> AsyncThrowingStream<[Delivery<String>], any Error> {
    AsyncThrowingStream { _ in }
  }

  func acknowledge(_ deliveries: [Delivery<String>]) {}
  func release(_ leases: [PartitionLease]) {}
}

/// A log that has lost its end, and does not say so.
private struct ShortLog: EventLog {
  let base: any StoreLog
  let ends: [UInt64]

  var storeID: String { base.storeID }
  var partitionCount: Partition { base.partitionCount }

  private func kept(_ records: [EventRecord]) -> [EventRecord] {
    records.filter { $0.position.partitionOffset <= ends[Int($0.position.partition)] }
  }

  func heads() async throws -> [UInt64] { ends }

  func records(
    after sequenceNumber: UInt64, limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    kept(try await base.records(after: sequenceNumber, limit: limit))
  }

  func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) async throws -> [EventRecord] {
    kept(try await base.records(after: sequenceNumber, limit: limit, of: partitions))
  }

  func records(
    partition: Partition, after position: UInt64, limit: Int
  ) async throws -> [EventRecord] {
    kept(try await base.records(partition: partition, after: position, limit: limit))
  }
}
