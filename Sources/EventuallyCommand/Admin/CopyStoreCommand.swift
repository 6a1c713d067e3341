import ArgumentParser
import Eventually
import EventuallyServer
import Foundation

extension AdminCommand {
  /// `admin copy-store`
  struct CopyStore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "copy-store",
      abstract: "Move the store to another file, or to another database.",
      discussion: """
        The copy is the same store: it has the same id, partitions, sequence numbers, event ids, times, idempotency keys, and \
        what is known of publishing. The topic stays its topic, nothing is published again, and workers go on from their \
        checkpoints. Snapshots are left out, since they are made again.

        No writer may run on either store. As soon as the copy begins, the store it is made of takes no appends any more, also \
        when this command is stopped: run it again, and it goes on where it stood. Nobody opens the copy until all is there: at \
        the end both are read once more, and must be equal. Their digest is shown; equal digests are equal stores.

        Afterwards start the writers with --store TO. What comes to the copy then is not in the old store. --undo, with --from \
        alone, has the old store take appends again: for a copy that is given up, and that nobody has written to. Two stores \
        with the same id that both take appends can't share a topic.
        """)

    @Option(
      name: .customLong("from"),
      help: ArgumentHelp("The store that is moved.", valueName: "file or url"))
    var source: StoreLocation
    @Option(
      name: .customLong("to"),
      help: ArgumentHelp(
        "Where it is moved to: a file that does not exist, a database, or a copy that was stopped.",
        valueName: "file or url"))
    var target: StoreLocation?
    @Flag(
      help:
        "At the end, give the old store's file a name that ends in .moved, so that nobody takes it for the store."
    )
    var retire = false
    @Flag(help: "Have the old store take appends again.")
    var undo = false

    func validate() throws {
      guard undo == (target == nil) else {
        throw ValidationError(
          undo ? "--undo goes with --from alone" : "name the place of the copy with --to")
      }
      guard retire else { return }
      if undo { throw ValidationError("--undo goes with --from alone") }
      guard case .file = source else {
        throw ValidationError("--retire is for stores in files, and \(source) is none")
      }
    }

    func run() async throws {
      guard source.mayExist else {
        throw Failure("there is no store \(source): name it with --from")
      }
      guard let target else {
        try await source.undoMove()
        return try Output.standard.line("\(source) takes appends again")
      }
      if case .file(let path) = target { try makeDirectory(of: path) }
      try tell(try await copy(to: target), target)
      if retire { try Output.standard.line("\(source) is \(try await source.retire()) now") }
    }

    private func copy(to target: StoreLocation) async throws -> CopyReport {
      let line = Locked(ProgressLine())
      defer { line.withLock { $0.finish() } }
      return try await source.copy(to: target) { progress in
        line.withLock { $0.show(progress) }
      }
    }

    private func tell(_ report: CopyReport, _ target: StoreLocation) throws {
      guard let digest = report.digest else {
        return try Output.standard.line("\(source) was moved to \(target) before")
      }
      let before = report.resumedAfter
      let resumed = before > 0 ? " (\(grouped(before)) of them by an earlier run)" : ""
      try Output.standard.line(
        "\(target): \(grouped(report.events)) events\(resumed) and \(grouped(report.keys)) idempotency keys of the store "
          + "\(report.storeID)")
      try Output.standard.line("equal to \(source): digest \(digest)")
      try Output.standard.line(
        "\(source) takes no appends any more: start writers with --store \(target)")
    }
  }
}

extension ProgressLine {
  fileprivate mutating func show(_ progress: CopyProgress) {
    func share(_ done: UInt64, _ all: UInt64) -> Double { Double(done) / Double(max(all, 1)) }
    switch progress {
    case .events(let done, let all):
      show("copying events: \(grouped(done)) of \(grouped(all))", fraction: share(done, all))
    case .keys(let done): show("copying idempotency keys: \(grouped(done))", fraction: nil)
    case .comparing(let done, let all): show("reading both stores", fraction: share(done, all))
    }
  }
}
