@testable import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallySQLite

@Suite(.timeLimit(.minutes(5))) struct SQLiteContractTests {
  /// A store that takes its folder with it.
  private final class Store: EventStore, EventSubscriber {
    private let folder: TemporaryFolder
    private let base: TextStore

    init() throws {
      folder = try TemporaryFolder()
      base = try TextStore(path: folder.file("store.sqlite"), codec: TextCodec())
    }

    func append(
      _ events: [String], to streamID: String, expecting: ExpectedVersion
    ) async throws(EventStoreError) -> AppendResult {
      try await base.append(events, to: streamID, expecting: expecting)
    }

    func append(
      _ events: [String], to streamID: String, expecting: ExpectedVersion,
      idempotencyKey: IdempotencyKey
    ) async throws(EventStoreError) -> IdempotentResult {
      try await base.append(
        events, to: streamID, expecting: expecting, idempotencyKey: idempotencyKey)
    }

    func result(
      of idempotencyKey: IdempotencyKey, on streamID: String
    ) async throws(EventStoreError) -> IdempotentResult? {
      try await base.result(of: idempotencyKey, on: streamID)
    }

    func stream(_ streamID: String, _ select: ReadRange) -> StoredStream<TextCodec> {
      base.stream(streamID, select)
    }

    func streamAll(_ select: ReadRange) -> TextStore.Log { base.streamAll(select) }

    func remove(
      _ streamID: String, expecting: ExpectedVersion
    ) async throws(EventStoreError) -> EventPosition? {
      try await base.remove(streamID, expecting: expecting)
    }

    func subscribeAll(after sequenceNumber: UInt64?) -> TextStore.Live {
      base.subscribeAll(after: sequenceNumber)
    }
  }

  private static let stores = EventStoreContract(
    makeStore: { try Store() }, streamID: { "stream-\($0)" }, event: { "event \($0)" },
    unreadable: { TextCodec.unreadable })

  @Test(arguments: stores.checks + stores.subscriberChecks)
  func theSQLiteStoreIsAnEventStore(_ check: ContractCheck) async throws {
    try await check.run()
  }

  private static let subscriptions = SubscriptionContract {
    let folder = try TemporaryFolder()
    let store = try TextStore(
      path: folder.file("store.sqlite"), codec: TextCodec(), options: .init(partitionCount: 4))
    let readModel = try await LiveReadModel.open(
      ReadModelDirectory(folder.file("words"), model: WordCounts()), model: WordCounts(),
      codec: TextCodec(), storeID: store.storeID, partitionCount: 4)
    return .init(
      append: { count in
        for number in 0..<count {
          _ = try await store.append(["w"], to: "stream-\(number % 9)", expecting: .any)
        }
      },
      subscribe: {
        LogSubscription(
          store.log, codec: TextCodec(), checkpoints: readModel, partitions: [0, 1, 2, 3],
          through: try await store.log.heads(), owner: "contract", pageSize: 16)
      },
      resume: { try await $0.resume() },
      entries: { deliveries in
        deliveries.flatMap { delivery in
          delivery.entries.map { "\(delivery.partition)-\($0.position.partitionOffset)" }
        }
      },
      applied: { deliveries, _ in _ = try await readModel.apply(deliveries, parking: []) },
      close: { _ in withExtendedLifetime(folder) {} })
  }

  @Test(arguments: subscriptions.checks(endsWithLog: true))
  func theLogSubscriptionIsASubscription(_ check: ContractCheck) async throws {
    try await check.run()
  }

  /// A read model that takes its folder with it.
  private final class Database: ReadModelStore {
    typealias Event = String
    let folder: TemporaryFolder
    private let directory: ReadModelDirectory
    let base: LiveReadModel<WordCounts>

    init() async throws {
      folder = try TemporaryFolder()
      directory = ReadModelDirectory(folder.file("words"), model: WordCounts())
      base = try await LiveReadModel.open(
        directory, model: WordCounts(),
        codec: TextCodec(), storeID: "store", partitionCount: 4)
    }

    func claim(_ partitions: [Partition], owner: String) async throws -> [PartitionLease] {
      try await base.claim(partitions, owner: owner)
    }

    func apply(
      _ deliveries: [Delivery<String>], parking: [ProjectionFailure]
    ) async throws -> ApplyOutcome {
      try await base.apply(deliveries, parking: parking)
    }

    func keep(_ records: [RejectedRecord]) async throws { try await base.keep(records) }

    func rejected() async throws -> [RejectedRecord] {
      try await ReadModelReader(path: directory.livePath, model: WordCounts())
        .rejectedRecords(limit: 10)
    }

    func count(_ word: String) throws -> Int64 {
      try SQLiteConnection(path: directory.livePath, mode: .readOnly).integer(
        "SELECT count FROM word_counts WHERE word = ?", .text(word)) ?? 0
    }
  }

  private static let readModels = ReadModelStoreContract(
    makeStore: { try await Database() }, count: { try $0.count($1) },
    rejected: { try await $0.rejected() })

  @Test(arguments: readModels.checks)
  func theSQLiteReadModelIsAReadModelStore(_ check: ContractCheck) async throws {
    try await check.run()
  }
}
