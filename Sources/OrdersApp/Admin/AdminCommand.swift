public import ArgumentParser
import Eventually
import EventuallySQLite
import Foundation
import Orders

/// The command `eventuallyctl`.
public struct AdminCommand: AsyncParsableCommand {
  /// How it is called, and what its help says.
  public static let configuration = CommandConfiguration(
    commandName: "eventuallyctl",
    abstract: "Looks at a store and its read models: where they stand, and whether they are right.",
    discussion: "It reads the files themselves, beside the processes that work on them.",
    subcommands: [
      Status.self, Events.self, Show.self, Wait.self, Verify.self, Checkpoint.self, Replay.self,
      Generations.self, AsOf.self, History.self, Parked.self, Foreign.self, Faults.self,
    ])

  /// The command.
  public init() {}

  /// Where the store is, which must exist.
  struct LogOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The event store's file.", valueName: "file"))
    var store = "data/store.sqlite"

    func open() throws -> SQLiteEventLog { try Self.open(store) }

    static func open(_ store: String) throws -> SQLiteEventLog {
      guard FileManager.default.fileExists(atPath: store) else {
        throw Failure("there is no store \(store): name it with --store")
      }
      return try SQLiteEventLog(path: store)
    }
  }
}
