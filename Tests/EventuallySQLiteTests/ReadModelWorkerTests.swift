@testable import Eventually
import Foundation
import Logging
import ServiceLifecycle
import Testing

@testable import EventuallySQLite

/// Follows a log without an end, as a bus does.
private final class Tail: PartitionedSubscription {
  typealias Event = String

  private struct State {
    var leases: [PartitionLease] = []
    var isRenewing = false
    var isStopped = false
    var renewals = 0
  }

  let log: any StoreLog
  let checkpoints: any PartitionCheckpointStore
  private let state = Locked(State())

  init(_ log: any StoreLog, _ checkpoints: any PartitionCheckpointStore) {
    self.log = log
    self.checkpoints = checkpoints
  }

  var isStopped: Bool { state.withLock { $0.isStopped } }
  var renewals: Int { state.withLock { $0.renewals } }

  func resume() async throws -> AsyncThrowingStream<[Delivery<String>], any Error> {
    try await claim()
    return AsyncThrowingStream { try await self.next() }
  }

  private func claim() async throws {
    let leases = try await checkpoints.claim(Array(0..<log.partitionCount), owner: "worker")
    state.withLock {
      $0.leases = leases
      $0.isRenewing = false
      $0.renewals += 1
    }
  }

  private func next() async throws -> [Delivery<String>]? {
    while !Task.isCancelled, !isStopped {
      if state.withLock({ $0.isRenewing }) { try await claim() }
      var deliveries: [Delivery<String>] = []
      var leases = state.withLock { $0.leases }
      for index in leases.indices {
        let records = try await log.records(
          partition: leases[index].partition, after: leases[index].position ?? 0, limit: 7)
        guard let last = records.last else { continue }
        deliveries.append(
          Delivery(
            partition: leases[index].partition, epoch: leases[index].epoch,
            after: leases[index].position,
            entries: try records.map { try $0.entry(decodedBy: TextCodec()) }, nextOffset: nil))
        leases[index].position = last.position.partitionOffset
      }
      if !deliveries.isEmpty {
        state.withLock { [leases] in $0.leases = leases }
        return deliveries
      }
      // Cancelled, the loop ends by its condition.
      try? await Task.sleep(for: .milliseconds(5))
    }
    return nil
  }

  func acknowledge(_ deliveries: [Delivery<String>]) {}
  func release(_ leases: [PartitionLease]) { renewLeases() }
  func renewLeases() { state.withLock { $0.isRenewing = true } }
  func stop() async { state.withLock { $0.isStopped = true } }
}

@Suite(.timeLimit(.minutes(5))) struct ReadModelWorkerTests {
  private let folder: TemporaryFolder
  private let store: TextStore
  private let directory: ReadModelDirectory
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  init() throws {
    folder = try TemporaryFolder()
    store = try TextStore(
      path: folder.file("store.sqlite"), codec: TextCodec(), options: .init(partitionCount: 4))
    directory = ReadModelDirectory(folder.file("words"), model: WordModel())
  }

  private func write(_ count: Int) async throws {
    for number in 0..<count {
      _ = try await store.append(["also"], to: "stream-\(number % 20)", expecting: .any)
    }
  }

  private func worker(
    savepoints: SavepointPolicy? = nil
  ) async throws -> ReadModelWorker<WordModel, Tail> {
    var options = ReadModelWorkerOptions(owner: "worker")
    options.savepoints = savepoints
    return try await ReadModelWorker(
      directory, model: WordModel(), codec: TextCodec(), feed: store.log, options: options,
      logger: logger
    ) { checkpoints in Tail(store.log, checkpoints) }
  }

  private func count(_ word: String = "also") throws -> Int64 {
    try SQLiteConnection(path: directory.livePath, mode: .readOnly).integer(
      "SELECT count FROM words WHERE word = ?", .text(word)) ?? 0
  }

  private func wait(_ what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !condition() {
      guard ContinuousClock.now < deadline else {
        Issue.record("\(what): \(try directory.list()), \(try count()) words")
        return
      }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  /// What is in the store when it begins is built, and a switch is followed without an event that comes.
  @Test func itCompletesItsBuildAndFollowsTheLiveGeneration() async throws {
    try await write(50)
    let worker = try await worker()
    #expect(try directory.list().map(\.isBuilding) == [true])
    let running = Task { try await worker.run() }
    try await wait("built") { try directory.list().map(\.isBuilding) == [false] }
    // What the worker tells of itself comes after the transaction.
    try await wait("applied") { try count() == 50 && worker.projectorStatus.applied == 50 }
    let replay = try await Replay(
      "again", in: directory, model: WordModel(), codec: TextCodec(), log: store.log
    ) { nil }
    #expect(try await replay.run() == .live(replaced: 1))
    try await wait("followed") { worker.generation == 2 }
    try await write(10)
    try await wait("gone on") { try count() == 60 }
    #expect(worker.subscription.renewals > 1)
    running.cancel()
    try await running.value
    #expect(worker.subscription.isStopped)
  }

  /// What is begun in place of data that was moved away is built too.
  @Test func itBuildsAnewWhatIsGone() async throws {
    try await write(50)
    let worker = try await worker()
    let running = Task { try await worker.run() }
    try await wait("built") { try directory.list().map(\.isBuilding) == [false] }
    try FileManager.default.moveItem(
      atPath: directory.path, toPath: folder.file("words-moved-away"))
    try await wait("begun anew") { directory.live() != nil }
    try await wait("built again") { try directory.list().map(\.isBuilding) == [false] }
    #expect(try count() == 50)
    running.cancel()
    try await running.value
  }

  @Test func itForgetsRemovedStreamsAndSavesSavepoints() async throws {
    try await write(50)
    let worker = try await worker(
      savepoints: SavepointPolicy(events: 20, interval: nil, kept: 1))
    let running = Task { try await worker.run() }
    try await wait("saved") { try directory.savepoints().map(\.isAutomatic) == [true] }
    try await store.remove("stream-1")
    let reader = try ReadModelReader(path: directory.livePath, model: WordModel(), readers: 1)
    try await wait("removed") { try await reader.positions().reduce(0, +) == 51 }
    try await wait("forgotten") { try await reader.pendingRemovals().count == 0 }
    #expect(worker.removals.isEmpty)
    running.cancel()
    try await running.value
  }

  @Test func aGracefulShutdownEndsIt() async throws {
    let worker = try await worker()
    let group = ServiceGroup(
      configuration: .init(
        services: [.init(service: worker, successTerminationBehavior: .gracefullyShutdownGroup)],
        logger: logger))
    let running = Task { try await group.run() }
    try await write(5)
    try await wait("applied") { try count() == 5 }
    await group.triggerGracefulShutdown()
    try await running.value
    #expect(worker.subscription.isStopped)
  }

  /// A subscription that ends with the store's last event leaves a generation that is built.
  @Test func itEndsWithItsSubscription() async throws {
    try await write(30)
    let heads = try await store.log.heads()
    let worker = try await ReadModelWorker(
      directory, model: WordModel(), codec: TextCodec(), feed: store.log,
      options: .init(owner: "worker"), logger: logger
    ) { checkpoints in
      LogSubscription(
        store.log, codec: TextCodec(), checkpoints: checkpoints, partitions: [0, 1, 2, 3],
        through: heads, owner: "worker")
    }
    try await worker.run()
    #expect(try count() == 30)
    #expect(try directory.list().map(\.isBuilding) == [false])
  }
}
