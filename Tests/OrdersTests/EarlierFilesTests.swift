import Eventually
import EventuallySQLite
import EventuallyServer
import Foundation
import Orders
import Testing

/// Files from before applications were lists of components: the store of `writer simulate --orders 30 --seed 5` with
/// four partitions, from which the order `S5-2` was removed, and what workers made of it. Each read model has the savepoint
/// `kept` from before the removal, which has forgotten the order since.
@Suite(.timeLimit(.minutes(5))) struct EarlierFilesTests {
  /// What that version's `verify` and `checkpoint show` told.
  private static let expected: [String: (rows: Int, digest: String)] = [
    "orders": (29, "e140fbeac0dd381561d7bdadd64a1c74ffb69ba09a2b8e682bb9950d3e8eeaa0"),
    "sales": (393, "f2dfb7a82a908ae37ae37ec3492d6912d29614e58e3ed08928cc772f30a6e9b2"),
    "customers": (54, "25c555731991e610cec78c74c2daed9f50042263e0679fdb0e647decb586c600"),
  ]
  private static let storeID = "8d4f5bea-e384-4158-9595-e56cfa24e89a"
  private static let head: UInt64 = 689

  /// The files, which go away with the test.
  private final class Files: Sendable {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "eventually-tests-\(UUID().uuidString)").path()
    var store: String { path + "/data/store.sqlite" }
    var readModels: String { path + "/data/read-models" }

    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      let archive = try #require(
        Bundle.module.path(
          forResource: "stores-before-applications", ofType: "tar.gz", inDirectory: "Fixtures"))
      let tar = Process()
      tar.executableURL = URL(filePath: "/usr/bin/env")
      tar.arguments = ["tar", "-xzf", archive, "-C", path]
      try tar.run()
      tar.waitUntilExit()
      try #require(tar.terminationStatus == 0)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// An empty folder.
    func scratch() throws -> String {
      let folder = path + "/" + UUID().uuidString
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      return folder
    }
  }

  private let files: Files
  private let application: ApplicationModel

  init() throws {
    files = try Files()
    application = try ApplicationModel(Shop())
  }

  private func verify(
    _ definition: some ReadModelDefinition, _ log: any StoreLog
  ) async throws -> VerificationOutcome {
    try await ReadModelVerification(
      definition.directory(in: files.readModels), model: definition.model, codec: definition.codec,
      log: log, scratch: try files.scratch()
    ).verify()
  }

  @Test func theyAreReadAsTheyWere() async throws {
    let log = try SQLiteEventLog(path: files.store)
    #expect(log.storeID == Self.storeID && log.partitionCount == 4)
    #expect(try await log.head() == Self.head)
    #expect(try await log.published() == Self.head)
    #expect(try await log.streamCount() == 29)
    #expect(try await log.heads() == [111, 252, 156, 170])
    #expect(try await log.pendingErasures().count == 0)
    #expect(try await log.erasure(of: "S5-2")?.erased != nil)
    #expect(try await log.findDamage() == [])
    #expect(application.readModels.map(\.name).sorted() == Self.expected.keys.sorted())
    for definition in application.readModels {
      let expected = try #require(Self.expected[definition.name])
      let outcome = try await verify(definition, log)
      #expect(outcome.isRight && outcome.lag == 0, "\(definition.name): \(outcome)")
      #expect(outcome.events == Int(Self.head))
      #expect(outcome.rows == expected.rows && outcome.digest == expected.digest)
      let directory = definition.directory(in: files.readModels)
      let savepoints = try directory.savepoints()
      #expect(savepoints.map(\.name) == ["kept"])
      let savepoint = try #require(savepoints.first)
      #expect(savepoint.storeID == Self.storeID && savepoint.events == 688)
      #expect(!savepoint.isAutomatic)
      #expect(savepoint.rows == expected.rows && savepoint.digest == expected.digest)
      #expect(throws: Never.self) { try savepoint.verify(model: definition.model) }
    }
  }

  /// By a writer and workers of this version.
  @Test func theyGoOn() async throws {
    let store = try SQLiteEventStore(path: files.store, codec: application.codec)
    #expect(store.storeID == Self.storeID && store.head.position == Self.head)
    let orders = SQLiteEventStore(store, category: Order.category, codec: OrderEventCodec())
    #expect(
      try await orders.append([created(), .completed], to: "S5-2", expecting: .exact(0)).version
        == 2)
    _ = try await orders.append([created()], to: "new", expecting: .exact(0))
    // Versions go on where they were.
    let (id, version) = try await anOrder(orders)
    _ = try await orders.append([created()], to: id, expecting: .exact(version))
    #expect(try await orders.remove("new") != nil)
    for definition in application.readModels {
      try await project(definition, store)
      let outcome = try await verify(definition, store.log)
      #expect(outcome.isRight && outcome.lag == 0, "\(definition.name): \(outcome)")
      #expect(outcome.digest != Self.expected[definition.name]?.digest)
    }
    await store.close()
  }

  private func created() -> OrderEvent {
    .created(OrderHeader(customer: "c", country: "France", kind: .sale, time: .now()))
  }

  /// An order that is there, and its last version.
  private func anOrder(
    _ orders: SQLiteEventStore<OrderEventCodec>
  ) async throws -> (String, Version) {
    var version: Version = 0
    for try await event in orders.stream("S5-3", .all) { version = event.version }
    #expect(version > 1)
    return ("S5-3", version)
  }

  private func project<Definition: ReadModelDefinition>(
    _ definition: Definition, _ store: SQLiteEventStore<CategoriesCodec>
  ) async throws {
    let live = try await LiveReadModel.open(
      definition.directory(in: files.readModels), model: definition.model, codec: definition.codec,
      storeID: store.storeID, partitionCount: store.partitionCount)
    let subscription = LogSubscription(
      store.log, codec: definition.codec, checkpoints: live,
      partitions: Array(0..<store.partitionCount), through: try await store.heads(), owner: "test")
    await ReadModelProjector(subscription, into: live).run()
  }
}
