import Eventually
import EventuallySQLite
import EventuallyTesting
import Logging
import Testing

private typealias Balances = WordCounts
private typealias AccountCodec = TextCodec

/// The code of the article "Generations and savepoints", as it stands there.
@Suite struct GenerationsArticleTests {
  @Test func aReadModelIsSavedAndReplayed() async throws {
    let folder = try TemporaryFolder()
    let store = try TextStore(path: folder.file("store.sqlite"), codec: TextCodec())
    let log = store.log
    for number in 0..<30 {
      _ = try await store.append(["word"], to: "stream-\(number % 5)", expecting: .any)
    }

    let logger = Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() }
    let half = try await log.heads(at: 20)
    func subscription(_ checkpoints: any PartitionCheckpointStore) -> LogSubscription<AccountCodec>
    {
      LogSubscription(
        log, codec: AccountCodec(), checkpoints: checkpoints,
        partitions: Array(0..<log.partitionCount), through: half, owner: "worker-1")
    }

    let directory = ReadModelDirectory(folder.file("balances"), model: Balances())
    let worker = try await ReadModelWorker(
      directory, model: Balances(), codec: AccountCodec(), feed: log,
      options: .init(owner: "worker-1"), logger: logger
    ) { checkpoints in subscription(checkpoints) }
    try await worker.run()
    try directory.saveSavepoint("before-the-sale", of: Balances())

    let replay = try await Replay(
      "from before-the-sale", in: directory, model: Balances(), codec: AccountCodec(), log: log
    ) { try directory.savepoint("before-the-sale") }
    let outcome = try await replay.run { event in print(event) }

    #expect(outcome == .live(replaced: 1))
    #expect(worker.projectorStatus.applied == 20)

    let verification = ReadModelVerification(
      directory, model: Balances(), codec: AccountCodec(), log: log, scratch: folder.path)
    let found = try await verification.verify()
    print(found.isRight ? "equal to \(found.events) events" : "\(found.differences)")

    #expect(found.isRight && found.events == 20 && found.lag == 10)
    let reader = try ReadModelReader(path: directory.livePath, model: Balances())
    let count = try await reader.read {
      try $0.integer("SELECT count FROM word_counts WHERE word = 'word'")
    }
    #expect(count == 20)
  }
}
