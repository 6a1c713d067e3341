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
  @Option var workers = 1

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
    let heads = try await log.heads()
    let start = monotonic()
    await withTaskGroup(of: Void.self) { group in
      for worker in 0..<workers {
        let subscription = LogSubscription(
          log, codec: codec, checkpoints: database,
          partitions: (0..<log.partitionCount).filter { Int($0) % workers == worker },
          through: heads, owner: "replay-\(worker)")
        group.addTask { await ReadModelProjector(subscription, into: database).run() }
      }
    }
    let events = heads.reduce(0, +)
    guard try await database.completeBuild(through: heads) else {
      throw BenchError("not all events were applied")
    }
    try Measured(count: Int(events), seconds: monotonic() - start).report()
  }
}
