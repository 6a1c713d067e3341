import ArgumentParser
import Eventually
import EventuallyServer

extension AdminCommand {
  /// `admin generations`
  struct Generations: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Look at the generations of a read model, switch between them, drop them.",
      discussion: """
        A generation is one build of a read model. Workers work on the live one and queries are answered from it; replay \
        makes a new one and switches to it. The one before is kept, and can be switched back to, until it is dropped.
        """,
      subcommands: [List.self, Switch.self, Drop.self])

    /// One read model.
    struct Target: ParsableArguments {
      @Argument(help: "The read model: \(Program.readModels).")
      var readModel: ReadModelName
      @OptionGroup var files: DataOptions

      func catalog() async throws -> any ReadModelCatalog { try await files.catalog(readModel) }
    }

    /// `admin generations list`
    struct List: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "List the generations of read models, of all schema versions.")
      @OptionGroup var targets: ReadModelArguments

      func run() async throws {
        var table = TextTable(
          "read model", "generation", "version", "state", "events", "begun from", "begun at",
          "bytes")
        for (name, catalog) in try await targets.catalogs() {
          for generation in try await catalog.list() {
            let state =
              generation.isLive ? "live" : generation.isBuilding ? "building" : "kept"
            table.add(
              name.name, "\(generation.number)", "\(generation.schemaVersion)", state,
              grouped(try await catalog.events(in: generation.number)), generation.origin,
              generation.created.description,
              grouped(try await catalog.size(of: generation.number)))
          }
        }
        try Output.standard.table(table)
      }
    }

    /// `admin generations switch`
    struct Switch: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Make another generation the live one, in one atomic step.",
        discussion: """
          Running workers and servers follow within a moment. Where the generation is behind, queries show the read model as \
          it was there, and workers go on from there; with --catch-up, it is first brought to where the live one is. A \
          generation of another store than the one that is named, or is in --data, is refused.
          """)
      @OptionGroup var target: Target
      @Argument(help: "The generation's number.", transform: Whole.init)
      var number: Whole<1, 1_000_000_000>
      @Flag(
        help:
          "First apply what the generation lacks from the store, so that queries do not see the read model step back."
      )
      var catchUp = false

      func run() async throws {
        let generation = number.value
        let catalog = try await target.catalog()
        let name = target.readModel.name
        // Where there is no store to be seen, the read models alone are enough.
        if let log = try await target.files.openStoreWhereNamed() {
          try await catalog.check(generation, isOf: log)
        }
        let before = try await catalog.liveGeneration()
        guard before != generation else {
          try Output.standard.line("\(name): generation \(generation) is live already")
          return
        }
        if catchUp {
          try await makeLive(target.readModel.definition, in: catalog)
        } else {
          try await catalog.makeLive(generation)
        }
        try Output.standard.line(
          "\(name): generation \(generation) is live"
            + (before.map { ", instead of generation \($0)" } ?? ""))
      }

      private func makeLive(
        _ definition: some ReadModelDefinition, in catalog: any ReadModelCatalog
      ) async throws {
        let log = try await target.files.openStore()
        let generation = number.value
        try await runUntilSignal {
          // The module's, not the command.
          try await Eventually.Replay(
            makingLive: generation, in: catalog, model: definition.model, codec: definition.codec,
            log: log
          ).run()
        }
      }
    }

    /// `admin generations drop`
    struct Drop: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Delete generations for good.",
        discussion: """
          A generation that is live can't be dropped, unless it is of an earlier schema version than this program's, which has a \
          live one of its own, and no worker of that version runs.
          """)
      @OptionGroup var target: Target
      @Argument(help: "The generations' numbers.", transform: Whole.init)
      var generations: [Whole<1, 1_000_000_000>]

      func run() async throws {
        let catalog = try await target.catalog()
        for generation in generations.map(\.value) {
          try await catalog.drop(generation)
          try Output.standard.line(
            "\(target.readModel.name): generation \(generation) is dropped")
        }
      }
    }
  }
}
