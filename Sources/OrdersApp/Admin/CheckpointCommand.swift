import ArgumentParser
import Eventually
import EventuallySQLite
import Foundation
import Orders

extension AdminCommand {
  /// `eventuallyctl checkpoint`
  struct Checkpoint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Save a read model as it stands under a name, and look at what is saved.",
      discussion: """
        A checkpoint is a copy of a read model's live generation at one moment, rows and positions, taken while workers run. \
        replay begins from one; as-of goes on from one. Workers save checkpoints by themselves with projector run \
        --checkpoint-events and --checkpoint-seconds.
        """,
      subcommands: [Save.self, List.self, Show.self, Delete.self])

    /// `eventuallyctl checkpoint save`
    struct Save: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Save a read model's live generation under a name.")
      @OptionGroup var target: Generations.Target
      @Argument(help: "The checkpoint's name.")
      var name: String

      func run() async throws {
        let saved = try target.directory().saveCheckpoint(
          name, of: target.readModel.model)
        try Output.standard.line(
          "\(target.readModel.rawValue): saved '\(name)' with \(grouped(saved.events)) events, "
            + "\(grouped(saved.rows)) rows, digest \(saved.digest)")
      }
    }

    /// `eventuallyctl checkpoint list`
    struct List: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "List a read model's checkpoints, the oldest first.")
      @OptionGroup var target: Generations.Target

      func run() async throws {
        let directory = try target.directory()
        let checkpoints = try directory.checkpoints()
        let readable = Set(checkpoints.map(\.name))
        guard try !directory.checkpointNames().isEmpty else {
          try Output.standard.line("there are none")
          return
        }
        var table = TextTable("checkpoint", "events", "newest sequence", "rows", "saved", "by")
        for checkpoint in checkpoints {
          table.add(
            checkpoint.name, grouped(checkpoint.events), grouped(checkpoint.sequenceNumber),
            grouped(checkpoint.rows), checkpoint.saved.description,
            checkpoint.isAutomatic ? "a worker" : "hand")
        }
        try Output.standard.table(table)
        for name in try directory.checkpointNames() where !readable.contains(name) {
          do {
            let other = try directory.checkpoint(name)
            try Output.standard.line("'\(name)' is of schema version \(other.schemaVersion)")
          } catch {
            try Output.standard.line("\(error)")
          }
        }
      }
    }

    /// `eventuallyctl checkpoint show`
    struct Show: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Show a checkpoint's positions, and hold its rows against its digest.",
        discussion: "The exit code is not 0 where the checkpoint is not what was saved.")
      @OptionGroup var target: Generations.Target
      @Argument(help: "The checkpoint's name.")
      var name: String

      func run() async throws {
        let checkpoint = try target.directory().checkpoint(name)
        try Output.standard.line("checkpoint       \(checkpoint.name)")
        try Output.standard.line("file             \(checkpoint.path)")
        try Output.standard.line("schema version   \(checkpoint.schemaVersion)")
        try Output.standard.line("store            \(checkpoint.storeID)")
        try Output.standard.line(
          "saved            \(checkpoint.saved)\(checkpoint.isAutomatic ? ", by a worker" : "")")
        try Output.standard.line("events           \(grouped(checkpoint.events))")
        try Output.standard.line("newest sequence  \(grouped(checkpoint.sequenceNumber))")
        try Output.standard.line("rows             \(grouped(checkpoint.rows))")
        try Output.standard.line("digest           \(checkpoint.digest)")
        var table = TextTable("partition", "position")
        for (partition, position) in checkpoint.positions.sorted(by: { $0.key < $1.key }) {
          table.add("\(partition)", "\(position)")
        }
        try Output.standard.table(table)
        try checkpoint.verify(model: target.readModel.model)
        try Output.standard.line("its rows have the digest that they were saved with")
      }
    }

    /// `eventuallyctl checkpoint delete`
    struct Delete: AsyncParsableCommand {
      static let configuration = CommandConfiguration(abstract: "Delete checkpoints for good.")
      @OptionGroup var target: Generations.Target
      @Argument(help: "The checkpoints' names.")
      var names: [String]

      func run() async throws {
        let directory = try target.directory()
        for name in names {
          try directory.deleteCheckpoint(name)
          try Output.standard.line("\(target.readModel.rawValue): '\(name)' is deleted")
        }
      }
    }
  }
}
