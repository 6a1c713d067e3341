import ArgumentParser
import Eventually
import EventuallyServer
import EventuallySQLite
import Foundation

/// The administrative commands of an application.
enum AdminCommand {
  static let exitCodes = """
    Exit codes: 0, done; 1, it failed, or what was looked at is not as it should be; 64, the command line is wrong; 130 \
    and 143, stopped by SIGINT or SIGTERM before the end; 141, whoever read the output closed it. What comes from \
    outside is shown with control characters escaped, \\u001B for example.
    """

  static let commands: [any ParsableCommand.Type] = [
    Status.self, Events.self, History.self, Show.self, Wait.self, Verify.self, AsOf.self,
    Savepoints.self, Replay.self, Repair.self, Generations.self, Parked.self, Rejected.self,
    Skip.self, Republish.self, Forget.self, Backup.self, Topic.self, OpenAPI.self, Faults.self,
  ]

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
