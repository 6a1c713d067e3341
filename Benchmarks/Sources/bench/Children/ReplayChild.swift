import ArgumentParser
import Eventually
import EventuallySQLite
import Orders

/// Builds a read model from a store's file, from zero.
struct ReplayChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "replay", shouldDisplay: false)
  @Argument var store: String
  @Argument var model: String
  @Argument var database: String

  func run() async throws {
    switch model {
    case "sales": try await replay(SalesReadModel())
    case "orders": try await replay(OrdersReadModel())
    case "customers": try await replay(CustomersReadModel())
    default: throw BenchError("no such read model: \(model)")
    }
  }

  private func replay<Model: ReadModel>(_ model: Model) async throws
  where Model.Event == OrderEvent {
    let log = try SQLiteEventLog(path: store)
    let codec = OrderEventCodec()
    let database = try ReadModelDatabase(
      path: database, model: model, codec: codec, storeID: log.storeID,
      partitionCount: log.partitionCount)
    let leases = try await database.claim(
      (0..<log.partitionCount).map { $0 }, owner: "replay")
    var after: [UInt64?] = leases.map(\.position)
    var position: UInt64 = 0
    let start = monotonic()
    var deliveries = try await Self.portion(log, codec, after: &position)
    while !deliveries.isEmpty {
      for index in deliveries.indices {
        let partition = Int(deliveries[index].partition)
        deliveries[index].epoch = leases[partition].epoch
        deliveries[index].after = after[partition]
        after[partition] = deliveries[index].lastPosition
      }
      // The next portion is read and decoded while this one is applied.
      let current = deliveries
      async let applied = database.apply(current, parking: [])
      let next = try await Self.portion(log, codec, after: &position)
      _ = try await applied
      deliveries = next
    }
    try Measured(count: Int(position), seconds: monotonic() - start).report()
  }

  private static func portion(
    _ log: SQLiteEventLog, _ codec: OrderEventCodec, after position: inout UInt64
  ) async throws -> [Delivery<OrderEvent>] {
    let records = try await log.records(after: position, limit: 5000)
    if let last = records.last { position = last.position.sequenceNumber }
    var entries: [Partition: [LogEntry<String, OrderEvent>]] = [:]
    for record in records {
      entries[record.position.partition, default: []].append(try record.entry(decodedBy: codec))
    }
    return entries.map {
      Delivery(partition: $0, epoch: 0, after: nil, entries: $1, nextOffset: nil)
    }
  }
}
