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
    Skip.self, Republish.self, Forget.self, Backup.self, Topic.self, Config.self, OpenAPI.self,
    Faults.self,
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
        "The directory of the read models' files, where it is not read-models in --data.",
        valueName: "directory"))
    var namedReadModels: String?

    var store: StoreLocation { namedStore ?? .file("\(data)/store.sqlite") }
    var readModels: String { namedReadModels ?? "\(data)/read-models" }

    /// The store, which must exist.
    func openStore() async throws -> any StoreLog {
      try checkStoreExists()
      return try await store.openForReading()
    }

    /// The store, which must exist and be a file.
    func openStoreFile() throws -> SQLiteEventLog {
      try checkStoreExists()
      return try store.openFile()
    }

    private func checkStoreExists() throws {
      guard store.mayExist else {
        throw Failure(
          "there is no store \(store): name it with --store, or its directory with --data")
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
    func existing(_ names: [ReadModelName]) throws -> [ReadModelName] {
      if let missing = names.first(where: { !exists($0) }) { throw Failure(notBuilt(missing)) }
      let found = names.isEmpty ? ReadModelName.all.filter(exists) : names
      guard !found.isEmpty else { throw Failure(noReadModel) }
      return found
    }

    /// Whether a read model has a live generation.
    func exists(_ name: ReadModelName) -> Bool {
      FileManager.default.fileExists(atPath: name.path(in: readModels))
    }

    /// What to say of a read model that has none.
    func notBuilt(_ name: ReadModelName) -> String {
      "\(name.name): not built yet (\(name.path(in: readModels))): does a worker run?"
    }

    /// What to say where there is none at all.
    var noReadModel: String {
      "there is no read model in \(readModels): does a worker run? The directory is named with --data or --read-models"
    }

    /// A read model's directory, which must exist.
    func directory(_ name: ReadModelName) throws -> ReadModelDirectory {
      let directory = name.directory(in: readModels)
      guard FileManager.default.fileExists(atPath: directory.path) else {
        throw Failure(
          "there is no read model in \(directory.path): does a worker run? Its directory is named with --data or --read-models"
        )
      }
      return directory
    }

    /// A read model, which must have a live generation.
    func reader(_ name: ReadModelName) throws -> ReadModelReader {
      guard exists(name) else { throw Failure(notBuilt(name)) }
      return try ReadModelReader(path: name.path(in: readModels), model: name.anyModel, readers: 1)
    }
  }

  /// Some read models.
  struct ReadModelArguments: ParsableArguments {
    @Argument(help: "The read models: \(Program.readModels). All that exist by default.")
    var names: [ReadModelName] = []
    @OptionGroup var files: DataOptions

    func existing() throws -> [ReadModelName] { try files.existing(names) }

    /// The directories of the read models, which may have no live generation yet.
    func directories() throws -> [(name: ReadModelName, directory: ReadModelDirectory)] {
      if !names.isEmpty { return try names.map { ($0, try files.directory($0)) } }
      let found = ReadModelName.all.filter {
        FileManager.default.fileExists(atPath: $0.directory(in: files.readModels).path)
      }
      guard !found.isEmpty else { throw Failure(files.noReadModel) }
      return try found.map { ($0, try files.directory($0)) }
    }
  }
}
