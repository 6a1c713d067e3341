import ArgumentParser
import Eventually
import EventuallySQLite
import Foundation
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

    /// One read model's directory.
    struct Target: ParsableArguments {
      @Argument(help: "The read model: \(Program.readModels).")
      var readModel: ReadModelName
      @OptionGroup var files: DataOptions

      func directory() throws -> ReadModelDirectory { try files.directory(readModel) }
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
        for (name, directory) in try targets.directories() {
          for generation in try directory.list() {
            let state =
              generation.isLive ? "live" : generation.isBuilding ? "building" : "kept"
            table.add(
              name.name, "\(generation.number)", "\(generation.schemaVersion)", state,
              grouped(try generation.events()), generation.origin, generation.created.description,
              grouped(Self.size(generation.path)))
          }
        }
        try Output.standard.table(table)
      }

      private static func size(_ path: String) -> Int {
        ["", "-wal"].reduce(0) { sum, suffix in
          // A log is not always there, and what is gone has no size.
          let attributes = try? FileManager.default.attributesOfItem(atPath: path + suffix)
          return sum + (attributes?[.size] as? Int ?? 0)
        }
      }
    }

    /// `admin generations switch`
    struct Switch: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Make another generation the live one, in one atomic step.",
        discussion: """
          Running workers and servers follow within a moment. Where the generation is behind, queries show the read model as \
          it was there, and workers go on from there.
          """)
      @OptionGroup var target: Target
      @Argument(help: "The generation's number.", transform: Whole.init)
      var number: Whole<1, 1_000_000_000>

      func run() async throws {
        let generation = number.value
        let directory = try target.directory()
        let name = target.readModel.name
        let before = directory.live()
        guard before != generation else {
          try Output.standard.line("\(name): generation \(generation) is live already")
          return
        }
        try directory.makeLive(generation)
        try Output.standard.line(
          "\(name): generation \(generation) is live"
            + (before.map { ", instead of generation \($0)" } ?? ""))
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
        let directory = try target.directory()
        for generation in generations.map(\.value) {
          try directory.drop(generation)
          try Output.standard.line(
            "\(target.readModel.name): generation \(generation) is dropped")
        }
      }
    }
  }
}
