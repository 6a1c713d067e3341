import ArgumentParser
import Eventually
import EventuallySQLite
import Orders

/// Builds a read model from a store, from zero.
struct ReplayChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "replay", shouldDisplay: false)
  @Argument var store: String
  @Argument var model: String
  @Argument var database: String
  @Option var workers = 1

  func run() async throws {
    try await replay(try readModel(model))
  }

  private func replay<Model: ReadModel<OrderEvent>>(_ model: Model) async throws {
    let log = try await openLog(store)
    let codec = OrderEventCodec()
    let database = try await openReadModel(database, model, of: log)
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
