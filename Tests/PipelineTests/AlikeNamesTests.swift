import Eventually
import EventuallySQLite
import Foundation
import Testing

@testable import EventuallyServer
@testable import Orders

/// Customers whose names are equal only canonically are different customers, from the store to `verify`.
@Suite struct AlikeNamesTests {
  private static let partitions: Partition = 4
  private let folder: String
  private let names = ["\u{1EC7}", "\u{1EB9}\u{302}", "e\u{323}\u{302}"]

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "alike-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    folder = url.path()
  }

  private func project<Codec: EventCodec>(
    _ log: any StoreLog, by codec: Codec, into readModel: some ReadModelStore<Codec.Event>
  ) async throws {
    let heads = try await log.heads()
    let subscription = LogSubscription(
      log, codec: codec, checkpoints: readModel,
      partitions: Array(0..<Self.partitions), through: heads, owner: "test", pageSize: 5)
    await ReadModelProjector(subscription, into: readModel).run()
  }

  /// Orders and revenue of each customer, by the bytes of their names.
  private func figures(_ directory: ReadModelDirectory) throws -> [ByteKey: String] {
    let rows = try SQLiteConnection(path: directory.livePath, mode: .readOnly).rows(
      "SELECT id, orders, revenue FROM customers"
    ) { (ByteKey($0.text(0)), "\($0.integer(1)) \($0.integer(2) / 10_000)") }
    return Dictionary(uniqueKeysWithValues: rows)
  }

  @Test func namesThatLookAlikeAreThreeCustomers() async throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let store = try SQLiteEventStore(
      path: "\(folder)/store.sqlite", codec: OrderEventCodec(),
      options: .init(partitionCount: Self.partitions))
    // One batch of all orders, so that their rows are in memory together.
    for (number, name) in (names + names).enumerated() {
      let header = OrderHeader(
        customer: name, country: name, kind: .sale, time: Timestamp(microseconds: 0))
      let price = Money(tenThousandths: Int64(number + 1) * 10_000)
      let line = OrderLine(sku: name, description: name, quantity: 1, unitPrice: price)
      _ = try await store.append(
        [.created(header), .itemAdded(line), .completed], to: "order-\(number)", expecting: .any)
    }
    let model = CustomersReadModel()
    let directory = ReadModelDirectory("\(folder)/customers", model: model)
    let live = try await LiveReadModel.open(
      directory, model: model, codec: OrderEventCodec(), storeID: store.storeID,
      partitionCount: Self.partitions)
    try await project(store.log, by: OrderEventCodec(), into: live)
    func expected(_ texts: String...) -> [ByteKey: String] {
      Dictionary(uniqueKeysWithValues: zip(names.map { ByteKey($0) }, texts))
    }
    #expect(try figures(directory) == expected("2 5", "2 7", "2 9"))

    _ = try await store.remove("order-1")
    try await project(store.log, by: OrderEventCodec(), into: live)
    #expect(try figures(directory) == expected("2 5", "1 5", "2 9"))

    let replay = try await Replay(
      "zero", in: directory, model: model, codec: OrderEventCodec(), log: store.log
    ) { nil }
    try await replay.run()
    #expect(try figures(directory) == expected("2 5", "1 5", "2 9"))

    let readModels = try ApplicationModel.shop().readModels
    func build(_ definition: some ReadModelDefinition) async throws {
      let other = try await LiveReadModel.open(
        definition.directory(in: folder), model: definition.model, codec: definition.codec,
        storeID: store.storeID, partitionCount: Self.partitions)
      try await project(store.log, by: definition.codec, into: other)
    }
    for other in readModels where other.name != model.name { try await build(other) }
    func verify(_ definition: some ReadModelDefinition) async throws -> VerificationOutcome {
      let scratch = "\(folder)/verify-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
      return try await ReadModelVerification(
        definition.directory(in: folder), model: definition.model, codec: definition.codec,
        log: store.log, scratch: scratch
      ).verify()
    }
    for readModel in readModels {
      let outcome = try await verify(readModel)
      #expect(
        outcome.differenceCount == 0 && outcome.rows > 0,
        "\(readModel.name) \(outcome.differences)")
    }
    let customers = try #require(readModels.first { $0.name == model.name })

    // Damage of that kind, made by hand: an order of another customer, by the bytes alone.
    try SQLiteConnection(path: directory.livePath, mode: .readWrite).run(
      "UPDATE customer_orders SET customer = ? WHERE id = 'order-0'", .text(names[1]))
    #expect(try await verify(customers).differenceCount == 1)
    // And one customer with the figures of another.
    try SQLiteConnection(path: directory.livePath, mode: .readWrite).execute(
      "UPDATE customers SET revenue = 90000 WHERE revenue = 50000 AND orders = 2")
    #expect(try await verify(customers).differenceCount == 2)
  }
}
