import ArgumentParser
import Eventually
import EventuallySQLite
import Foundation
import EventuallyServer

extension AdminCommand {
  /// `admin repair`
  struct Repair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Build a read model anew from the store, after a forged event was applied to it.",
      discussion: """
        A worker that finds that it has applied an event which the store does not have at that partition offset stops the \
        partition and says so in /readyz; \(Program.admin) status shows it too. This builds a new generation from the store's \
        own events, shows how the live one differs from it, and makes it the live one; running workers go on with it by \
        themselves. The generation before is kept: generations drop deletes it.

        It may be killed and run again at any point, and it may be run where nothing was forged. With a topic key \
        (--topic-key-file of writer and projectors) forged records are never applied.
        """)

    @Argument(help: "The read model: \(Program.readModels).")
    var readModel: ReadModelName
    @Flag(
      help: """
        Begin from the newest savepoint before the forged events that workers have noted, instead of from the first event: \
        faster, and right where no earlier event was forged.
        """)
    var fromSavepoint = false
    @Option(help: "How many workers share the partitions.", transform: Whole.init)
    var workers: Whole<1, 64> = 1
    @OptionGroup var files: DataOptions

    func run() async throws {
      let log = try await files.openStore()
      let catalog = readModel.catalog(in: files.readModels)
      func run(_ definition: some ReadModelDefinition) async throws {
        try await runUntilSignal {
          var options = ReplayOptions()
          options.workers = workers.value
          options.isRepair = true
          try await ReplayReport(
            name: readModel, definition: definition, catalog: catalog, log: log, kafka: nil,
            options: options
          ).run("repair" + (fromSavepoint ? " --from-savepoint" : "")) {
            fromSavepoint
              ? try await Self.savepoint(catalog, log: log) : nil
          }
        }
      }
      try await run(readModel.definition)
    }

    /// The newest savepoint that has nothing of the forged events.
    private static func savepoint(
      _ catalog: any ReadModelCatalog, log: any StoreLog
    ) async throws -> Savepoint? {
      var limits = try await log.heads()
      let reader = try await catalog.reader(of: nil, readers: 1, timeLimit: nil)
      for (partition, position) in try await reader.forgedPositions()
      where Int(partition) < limits.count {
        limits[Int(partition)] = min(limits[Int(partition)], position - min(position, 1))
      }
      return try await catalog.newestSavepoint(atOrBefore: limits, of: log.storeID)
    }
  }
}
