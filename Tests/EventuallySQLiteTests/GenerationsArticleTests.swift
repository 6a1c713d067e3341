import Eventually
import EventuallySQLite
import EventuallyTesting
import Testing

private typealias Balances = WordCounts
private typealias AccountCodec = TextCodec

/// The code of the article "Generations and checkpoints", as it stands there.
@Suite struct GenerationsArticleTests {
  @Test func aReadModelIsSavedAndReplayed() async throws {
    let folder = try TemporaryFolder()
    let store = try TextStore(path: folder.file("store.sqlite"), codec: TextCodec())
    let log = store.log
    let storeID = store.storeID
    for number in 0..<30 {
      _ = try await store.append(["word"], to: "stream-\(number % 5)", expecting: .any)
    }

    let directory = ReadModelDirectory(folder.file("balances"), model: Balances())
    let live = try await LiveReadModel.open(
      directory, model: Balances(), codec: AccountCodec(), storeID: storeID, partitionCount: 12)
    let first = LogSubscription(
      log, codec: AccountCodec(), checkpoints: live, partitions: Array(0..<12),
      through: try await log.heads(at: 20), owner: "worker")
    let projector = ReadModelProjector(first, into: live)
    await projector.run()
    try directory.saveSavepoint("before-the-sale", of: Balances())

    let replay = try await Replay(
      "from before-the-sale", in: directory, model: Balances(), codec: AccountCodec(),
      storeID: log.storeID, partitionCount: log.partitionCount
    ) { try directory.savepoint("before-the-sale") }

    func apply(through positions: [UInt64]) async {
      let subscription = LogSubscription(
        log, codec: AccountCodec(), checkpoints: replay.database,
        partitions: Array(0..<log.partitionCount), through: positions, owner: "replay")
      await ReadModelProjector(subscription, into: replay.database).run()
    }

    await apply(through: try await log.heads())
    try await replay.makeLive { await apply(through: $0) }

    let reader = try ReadModelReader(path: directory.livePath, model: Balances())
    let count = try await reader.read {
      try $0.integer("SELECT count FROM word_counts WHERE word = 'word'")
    }
    #expect(count == 30 && live.hasMoved)
  }
}
