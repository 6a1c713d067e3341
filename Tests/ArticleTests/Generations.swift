import Eventually
import EventuallySQLite
import Logging
import Testing

/// The code of the articles of EventuallySQLite. Their account and their balances are those of "Your first aggregate".
extension FirstAggregate {
  @Suite(.timeLimit(.minutes(5))) struct SQLiteArticleTests {
    @Test func aReadModelIsBuiltSavedAndReplayed() async throws {
      let temporary = try TemporaryFolder()
      let folder = temporary.path
      let logger = Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() }
      // snippet.store
      let codec = JSONEventCodec<Account.Event>()
      let store = try SQLiteEventStore(path: "\(folder)/accounts.sqlite", codec: codec)
      let accounts = Repository(Account(), store: store)
      // snippet.end
      for number in 0..<20 {
        _ = try await accounts.execute([.deposit(1)], on: "account-\(number % 5)")
      }

      // snippet.worker
      let log = store.log
      let heads = try await log.heads()

      let directory = ReadModelDirectory("\(folder)/balances", model: Balances())
      let worker = try await ReadModelWorker(
        directory, model: Balances(), codec: codec, feed: log, options: .init(owner: "worker-1"),
        logger: logger
      ) { checkpoints in
        LogSubscription(
          log, codec: codec, checkpoints: checkpoints,
          partitions: Array(0..<log.partitionCount), through: heads, owner: "worker-1")
      }
      try await worker.run()
      // snippet.end
      #expect(worker.projectorStatus.applied == 20)

      // snippet.savepoint
      try directory.saveSavepoint("before-the-sale", of: Balances())
      // snippet.end

      // snippet.replay
      let replay = try await Replay(
        "from before-the-sale", in: directory, model: Balances(), codec: codec, log: log
      ) { try directory.savepoint("before-the-sale") }
      let outcome = try await replay.run { event in print(event) }
      // snippet.end
      #expect(outcome == .live(replaced: 1))

      for number in 0..<5 {
        _ = try await accounts.execute([.withdraw(1)], on: "account-\(number)")
      }
      // snippet.verification
      let verification = ReadModelVerification(
        directory, model: Balances(), codec: codec, log: log, scratch: folder)
      let found = try await verification.verify()
      print(found.isRight ? "equal to \(found.events) events" : "\(found.differences)")
      // snippet.end
      #expect(found.isRight && found.events == 20 && found.lag == 5)

      let reader = try ReadModelReader(path: directory.livePath, model: Balances())
      let sum = try await reader.read { try $0.integer("SELECT sum(balance) FROM balances") }
      #expect(sum == 20)
    }

    @Test func aRemovedStreamIsErased() async throws {
      let temporary = try TemporaryFolder()
      let store = try SQLiteEventStore(
        path: temporary.file("store.sqlite"), codec: JSONEventCodec<Account.Event>())
      _ = try await store.append([.deposited(amount: 1)], to: "account-1", expecting: .any)
      // snippet.removal
      if let removal = try await store.remove("account-1"),
        await !store.waitForErasure(of: removal, atMost: .seconds(1))
      {
        print(store.pendingErasures.reason ?? "not yet")
      }
      // snippet.end
      #expect(try await store.log.erasure(of: "account-1") != nil)
    }
  }
}
