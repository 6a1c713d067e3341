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
    discussion: """
      It reads the files themselves, beside the processes that work on them.

      Exit codes: 0, done; 1, it failed, or what was looked at is not as it should be; 64, the command line is wrong; 130 \
      and 143, stopped by SIGINT or SIGTERM before the end; 141, whoever read the output closed it. What comes from \
      outside is shown with control characters escaped, \\u001B for example.
      """,
    subcommands: [
      Status.self, Events.self, Show.self, Wait.self, Verify.self, Savepoints.self, Replay.self,
      Repair.self, Skip.self, Forget.self,
      Generations.self, AsOf.self, History.self, Parked.self, Rejected.self, Topic.self,
      Faults.self,
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
