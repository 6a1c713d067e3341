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
    try await ReplayDriver<Model>(database, codec: codec, log: log, workers: workers)
      .run(through: heads)
    let events = heads.reduce(0, +)
    guard try await database.completeBuild(through: heads) else {
      throw BenchError("not all events were applied")
    }
    try Measured(count: Int(events), seconds: monotonic() - start).report()
  }
}
