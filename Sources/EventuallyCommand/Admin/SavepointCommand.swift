import ArgumentParser
import Eventually
import Foundation
import EventuallyServer

extension AdminCommand {
  /// `admin savepoint`
  struct Savepoints: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "savepoint",
      abstract: "Save a read model as it stands under a name, and look at what is saved.",
      discussion: """
        A savepoint is a copy of a read model's live generation at one moment, rows and positions, taken while workers run. \
        replay begins from one; as-of goes on from one. Workers save savepoints by themselves with projector run \
        --savepoint-events and --savepoint-seconds.
        """,
      subcommands: [Save.self, List.self, Show.self, Delete.self])

    /// `admin savepoint save`
    struct Save: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Save a read model's live generation under a name.")
      @OptionGroup var target: Generations.Target
      @Argument(help: "The savepoint's name.")
      var name: String

      func run() async throws {
        let saved = try await target.catalog().saveSavepoint(
          name, of: target.readModel.anyModel, isAutomatic: false
        ) { _ in true }
        guard let saved else { return }
        try Output.standard.line(
          "\(target.readModel.name): saved '\(name)' with \(grouped(saved.events)) events, "
            + "\(grouped(saved.rows)) rows, digest \(saved.digest)")
      }
    }

    /// `admin savepoint list`
    struct List: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "List the savepoints of read models, the oldest of each first.")
      @OptionGroup var targets: ReadModelArguments

      func run() async throws {
        var table = TextTable(
          "read model", "savepoint", "events", "newest sequence", "rows", "saved", "by")
        var others: [String] = []
        for (readModel, catalog) in try await targets.catalogs() {
          let savepoints = try await catalog.savepoints()
          for savepoint in savepoints {
            table.add(
              readModel.name, savepoint.name, grouped(savepoint.events),
              grouped(savepoint.sequenceNumber), grouped(savepoint.rows),
              savepoint.saved.description, savepoint.isAutomatic ? "a worker" : "hand")
          }
          let readable = Set(savepoints.map(\.name))
          for name in try await catalog.savepointNames() where !readable.contains(name) {
            do {
              let other = try await catalog.savepoint(name)
              others.append(
                "\(readModel.name): '\(name)' is of schema version \(other.schemaVersion)")
            } catch {
              others.append("\(error)")
            }
          }
        }
        if table.rows.isEmpty, others.isEmpty { return try Output.standard.line("there are none") }
        try Output.standard.table(table)
        for line in others { try Output.standard.line(line) }
      }
    }

    /// `admin savepoint show`
    struct Show: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Show a savepoint's positions, and hold its rows against its digest.",
        discussion: "The exit code is not 0 where the savepoint is not what was saved.")
      @OptionGroup var target: Generations.Target
      @Argument(help: "The savepoint's name.")
      var name: String

      func run() async throws {
        let catalog = try await target.catalog()
        let savepoint = try await catalog.savepoint(name)
        try Output.standard.line("savepoint        \(savepoint.name)")
        let place = target.files.readModels.dialect == .sqlite ? "file  " : "schema"
        try Output.standard.line("\(place)           \(savepoint.location)")
        try Output.standard.line("schema version   \(savepoint.schemaVersion)")
        try Output.standard.line("store            \(savepoint.storeID)")
        try Output.standard.line(
          "saved            \(savepoint.saved)\(savepoint.isAutomatic ? ", by a worker" : "")")
        try Output.standard.line("events           \(grouped(savepoint.events))")
        try Output.standard.line("newest sequence  \(grouped(savepoint.sequenceNumber))")
        try Output.standard.line("rows             \(grouped(savepoint.rows))")
        try Output.standard.line("digest           \(savepoint.digest)")
        var table = TextTable("partition", "position")
        for (partition, position) in savepoint.positions.sorted(by: { $0.key < $1.key }) {
          table.add("\(partition)", "\(position)")
        }
        try Output.standard.table(table)
        try await catalog.verify(savepoint, model: target.readModel.anyModel)
        try Output.standard.line("its rows have the digest that they were saved with")
      }
    }

    /// `admin savepoint delete`
    struct Delete: AsyncParsableCommand {
      static let configuration = CommandConfiguration(abstract: "Delete savepoints for good.")
      @OptionGroup var target: Generations.Target
      @Argument(help: "The savepoints' names.")
      var names: [String]

      func run() async throws {
        let catalog = try await target.catalog()
        for name in names {
          try await catalog.deleteSavepoint(name)
          try Output.standard.line("\(target.readModel.name): '\(name)' is deleted")
        }
      }
    }
  }
}
