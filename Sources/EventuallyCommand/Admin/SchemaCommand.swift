import ArgumentParser
import Eventually
import EventuallyServer

extension AdminCommand {
  /// `admin schema`
  struct Schema: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Make the schemas in a PostgreSQL database as their owner, or bring them up to date.",
      discussion: """
        Writers and workers make their schemas by themselves where their role may. Where it may not, the owner makes them with this \
        command, for a role that reads and calls functions and can change no table by itself:

          \(Program.admin) schema --store postgres://owner@host/db --application shop
          \(Program.admin) schema --read-models postgres://owner@host/db --application shop

        To do it twice changes nothing. After an upgrade of the program it is done before the new version starts.
        """)

    @Option(help: ArgumentHelp("The event store's database, as its owner.", valueName: "url"))
    var store: StoreLocation?
    @Option(help: ArgumentHelp("The read models' database, as its owner.", valueName: "url"))
    var readModels: String?
    @Option(help: ArgumentHelp("The role that the application connects as.", valueName: "role"))
    var application: String?
    @Option(
      help: ArgumentHelp(
        "How many partitions a new store has; it can't change later. 12 where it is left out.",
        valueName: "number"))
    var partitions: Partition?

    func validate() throws {
      guard store != nil || readModels != nil else {
        throw ValidationError("name a database: --store or --read-models")
      }
      if let partitions, !(1...10_000).contains(partitions) {
        throw ValidationError("a store has 1 to 10,000 partitions, not \(partitions)")
      }
    }

    func run() async throws {
      if let store {
        try await DatabaseSchema.install(
          store: store, partitions: partitions, application: application)
        try Output.standard.line("the event store's schema is in \(store)")
      }
      if let readModels {
        let location = ReadModelLocation(readModels)
        try await DatabaseSchema.install(readModels: location, application: application)
        try Output.standard.line("the read models' catalog is in \(location)")
      }
    }
  }
}
