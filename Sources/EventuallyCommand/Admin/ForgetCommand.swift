import EventuallyServer
import ArgumentParser
import Eventually
import EventuallySQLite
import Foundation

extension AdminCommand {
  /// `admin forget`
  struct Forget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Leave nothing of removed streams in read models, and tell what is left.",
      discussion: """
        Workers do this by themselves when a removal comes. Savepoints and generations that are from before the removal \
        forget the stream's rows too, and each file that had something of it is written anew, so that no copy is left in its free \
        parts; in PostgreSQL, VACUUM goes over the tables. Workers leave a live generation in a file of more than \(ReadModelDirectory.workerForgettingLimit >> 20) MiB to this command, since they wait while it is \
        written.

        The exit code is 1 where something is left; each place is named, with the reason.
        """)
    @OptionGroup var targets: ReadModelArguments

    func run() async throws {
      var failures: [String] = []
      for (name, catalog) in try await targets.catalogs() {
        var line = ProgressLine()
        let outcome = try await catalog.forgetRemoved(name.anyModel, asWorker: false) {
          path, done in
          line.show(path, fraction: done)
        }
        line.finish()
        for remainder in outcome.left {
          try Output.standard.line("\(remainder.location): \(remainder.reason)")
        }
        guard outcome.left.isEmpty else {
          failures.append(
            "\(name.name): something of \(grouped(outcome.removals)) removed streams may be left in "
              + "\(grouped(outcome.left.count)) places")
          continue
        }
        try Output.standard.line(
          outcome.removals == 0
            ? "\(name.name): nothing is left of removed streams"
            : "\(name.name): \(grouped(outcome.removals)) removed streams are forgotten, and nothing is left of them"
        )
      }
      try Output.standard.flush()
      if !failures.isEmpty { throw Failure(failures.joined(separator: "; ")) }
    }
  }
}
