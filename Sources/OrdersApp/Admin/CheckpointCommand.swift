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
        print(
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
          print("there are none")
          return
        }
        var table = TextTable("checkpoint", "events", "newest sequence", "rows", "saved", "by")
        for checkpoint in checkpoints {
          table.add(
            checkpoint.name, grouped(checkpoint.events), grouped(checkpoint.sequenceNumber),
            grouped(checkpoint.rows), checkpoint.saved.description,
            checkpoint.isAutomatic ? "a worker" : "hand")
        }
        print(table.text)
        for name in try directory.checkpointNames() where !readable.contains(name) {
          do {
            let other = try directory.checkpoint(name)
            print("'\(name)' is of schema version \(other.schemaVersion)")
          } catch {
            print("\(error)")
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
        print("checkpoint       \(checkpoint.name)")
        print("file             \(checkpoint.path)")
        print("schema version   \(checkpoint.schemaVersion)")
        print("store            \(checkpoint.storeID)")
        print(
          "saved            \(checkpoint.saved)\(checkpoint.isAutomatic ? ", by a worker" : "")")
        print("events           \(grouped(checkpoint.events))")
        print("newest sequence  \(grouped(checkpoint.sequenceNumber))")
        print("rows             \(grouped(checkpoint.rows))")
        print("digest           \(checkpoint.digest)")
        var table = TextTable("partition", "position")
        for (partition, position) in checkpoint.positions.sorted(by: { $0.key < $1.key }) {
          table.add("\(partition)", "\(position)")
        }
        print(table.text)
        try checkpoint.verify(model: target.readModel.model)
        print("its rows have the digest that they were saved with")
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
          print("\(target.readModel.rawValue): '\(name)' is deleted")
        }
      }
    }
  }
}
