import ArgumentParser
import Eventually
import EventuallyServer
import EventuallySQLite
import Foundation

/// The administrative commands of an application.
enum AdminCommand {
  static let exitCodes = """
    Exit codes: 0, done; 1, it failed, or what was looked at is not as it should be; 64, the command line is wrong; 78, \
    the configuration file or a variable is wrong; 130 and 143, stopped by SIGINT or SIGTERM before the end; 141, whoever read the output closed it. What comes from \
    outside is shown with control characters escaped, \\u001B for example.
    """

  static let commands: [any ParsableCommand.Type] = [
    Status.self, Health.self, Events.self, History.self, Show.self, Wait.self, Verify.self,
    AsOf.self,
    Savepoints.self, Replay.self, Repair.self, Generations.self, Parked.self, Rejected.self,
    Skip.self, Republish.self, Forget.self, Backup.self, CopyStore.self, Schema.self, Topic.self,
    Config.self,
    OpenAPI.self, AsyncAPI.self, Faults.self,
  ]

  /// Where the store and the read models are.
  struct DataOptions: ParsableArguments {
    @Option(
      help: ArgumentHelp("The directory of the store and the read models.", valueName: "directory"))
    var data = "data"
    @Option(
      name: .customLong("store"),
      help: ArgumentHelp(
        "The event store's file or URL, where it is not store.sqlite in --data.",
        valueName: "file or url"))
    var namedStore: StoreLocation?
    @Option(
      name: .customLong("read-models"),
      help: ArgumentHelp(
        "The directory of the read models' files, or a URL, where it is not read-models in --data.",
        valueName: "directory or url"))
    var namedReadModels: String?

    var store: StoreLocation { namedStore ?? .file("\(data)/store.sqlite") }
    var readModels: ReadModelLocation {
      ReadModelLocation(namedReadModels ?? "\(data)/read-models")
    }

    /// The store, which must exist.
    func openStore() async throws -> any StoreLog {
      try checkStoreExists()
      return try await store.openForReading()
    }

    /// The store; `nil` where it was not named, and is not in --data.
    func openStoreWhereNamed() async throws -> (any StoreLog)? {
      guard namedStore != nil || store.mayExist else { return nil }
      return try await openStore()
    }

    /// The store, which must exist and be a file.
    func openStoreFile() throws -> SQLiteEventLog {
      try checkStoreExists()
      return try store.openFile()
    }

    private func checkStoreExists() throws {
      guard store.mayExist else {
        throw Failure(
          "there is no store \(store): name it with --store, or its file's directory with --data")
      }
    }

    /// - Throws: `ValidationError` where the store is not a file.
    func requireStoreFile(_ command: String) throws {
      guard case .file = store else {
        throw ValidationError(
          "'\(command)' is for stores in files, and \(store) is none: use the database's own tools")
      }
    }

    /// The read models that a command line names, or all that exist where it names none.
    /// - Throws: ``Failure`` where one that it names is not built yet, or where none exists.
    func existing(_ names: [ReadModelName]) async throws -> [ReadModelName] {
      var found: [ReadModelName] = []
      for name in names.isEmpty ? ReadModelName.all : names.once {
        if try await exists(name) {
          found.append(name)
        } else if !names.isEmpty {
          throw Failure(notBuilt(name))
        }
      }
      guard !found.isEmpty else { throw Failure(noReadModel) }
      return found
    }

    /// Whether a read model has a live generation.
    func exists(_ name: ReadModelName) async throws -> Bool {
      try await name.catalog(in: readModels).liveIdentity() != nil
    }

    /// What to say of a read model that has none.
    func notBuilt(_ name: ReadModelName) -> String {
      "\(name.name): not built yet (\(name.place(in: readModels))): does a worker run?"
    }

    /// What to say where there is none at all.
    var noReadModel: String {
      "there is no read model in \(readModels): does a worker run? Another place is named with --data or --read-models"
    }

    /// A read model's generations and savepoints, of which there must be some.
    func catalog(_ name: ReadModelName) async throws -> any ReadModelCatalog {
      let catalog = name.catalog(in: readModels)
      guard try await Self.exists(catalog) else {
        throw Failure(
          "there is no read model in \(catalog.location): does a worker run? Another place is named with --data or --read-models"
        )
      }
      return catalog
    }

    /// Whether there is anything of a read model.
    static func exists(_ catalog: any ReadModelCatalog) async throws -> Bool {
      if try await !catalog.list().isEmpty { return true }
      return try await !catalog.savepointNames().isEmpty
    }

    /// A read model, which must have a live generation.
    func reader(_ name: ReadModelName) async throws -> any ReadModelSource {
      guard try await exists(name) else { throw Failure(notBuilt(name)) }
      return try await name.catalog(in: readModels).reader(of: nil, readers: 1, timeLimit: nil)
    }
  }

  /// Some read models.
  struct ReadModelArguments: ParsableArguments {
    @Argument(help: "The read models: \(Program.readModels). All that exist by default.")
    var names: [ReadModelName] = []
    @OptionGroup var files: DataOptions

    func existing() async throws -> [ReadModelName] { try await files.existing(names) }

    /// The read models' catalogs, which may have no live generation yet.
    func catalogs() async throws -> [(name: ReadModelName, catalog: any ReadModelCatalog)] {
      var found: [(name: ReadModelName, catalog: any ReadModelCatalog)] = []
      for name in names.once { found.append((name, try await files.catalog(name))) }
      guard names.isEmpty else { return found }
      for name in ReadModelName.all {
        let catalog = name.catalog(in: files.readModels)
        if try await DataOptions.exists(catalog) { found.append((name, catalog)) }
      }
      guard !found.isEmpty else { throw Failure(files.noReadModel) }
      return found
    }
  }
}

extension [ReadModelName] {
  /// Each of them once, in their order.
  var once: [ReadModelName] {
    var seen: Set<ReadModelName> = []
    return filter { seen.insert($0).inserted }
  }
}
