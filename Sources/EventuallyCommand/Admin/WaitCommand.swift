import ArgumentParser
import Eventually
import EventuallySQLite
import Foundation
import EventuallyServer

extension AdminCommand {
  /// `admin wait`
  struct Wait: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Wait until every read model has applied all of the store's events.",
      discussion: """
        With --since, it shows then how long that took each of them, from that event's append to the last event's commit in the \
        read model. The exit code is 1 where the time is up before; then it names the partitions that are \
        behind, where each of them stands, since when, and why where that can be told. It is 1 at once where a read model has applied \
        more than the store has.
        """)

    @OptionGroup var files: DataOptions
    @Argument(help: "The read models: \(Program.readModels). All by default.")
    var names: [ReadModelName] = []
    @Option(help: ArgumentHelp("How long to wait.", valueName: "seconds"), transform: Whole.init)
    var timeout: Seconds = 120
    @Option(
      help: ArgumentHelp(
        "Show how long it took, counted from the append of the event with this sequence number.",
        valueName: "sequence"), transform: Whole.init)
    var since: SequenceNumber?

    private struct Progress {
      var applied: UInt64 = 0
      var isReached = false
      var updated = Timestamp(microseconds: 0)
    }

    func run() async throws {
      let log = try await files.openStore()
      let names = names.isEmpty ? ReadModelName.all : names.once
      let heads = try await log.heads()
      let deadline = ContinuousClock.now + timeout.seconds
      var line = ProgressLine()
      var reached: [ReadModelName: Progress] = [:]
      for name in names {
        if try await files.exists(name) { continue }
        FileHandle.standardError.write(Data((printable(files.notBuilt(name)) + "\n").utf8))
      }
      while true {
        var least = 1.0
        for name in names {
          let progress = try await progress(of: name, heads: heads, log)
          let share = Double(progress.applied) / Double(max(heads.reduce(0, +), 1))
          least = min(least, share)
          if progress.isReached { reached[name] = progress }
        }
        if reached.count == names.count { break }
        line.show("waiting for the read models", fraction: least)
        guard ContinuousClock.now < deadline else {
          line.finish()
          let late = names.filter { reached[$0] == nil }
          for name in late {
            for line in try await standstill(of: name, heads: heads, log) { remark(line) }
          }
          throw Failure(
            "after \(timeout) s these have not applied all events: "
              + late.map(\.name).joined(separator: ", "))
        }
        // Other processes' commits give no signal here.
        try await Task.sleep(for: .milliseconds(50))
      }
      line.finish()
      try await show(reached, heads.reduce(0, +), log)
    }

    /// Where the partitions of a read model stand that are behind.
    private func standstill(
      of name: ReadModelName, heads: [UInt64], _ log: any StoreLog
    ) async throws -> [String] {
      guard try await files.exists(name) else { return [files.notBuilt(name)] }
      let reader = try await files.reader(name)
      let late = try await name.definition.late(reader, in: log, heads: heads)
      return LatePartition.lines(late, readModel: name.name)
    }

    private func progress(
      of name: ReadModelName, heads: [UInt64], _ log: any StoreLog
    ) async throws -> Progress {
      let reader: any ReadModelSource
      do throws(ReadModelError) {
        reader = try await name.catalog(in: files.readModels).reader(
          of: nil, readers: 1, timeLimit: nil)
      } catch {
        switch error {
        // A worker that is just making it has not come further than that.
        case .notBuilt, .notThisReadModel:
          return Progress(isReached: heads.allSatisfy { $0 == 0 })
        default: throw error
        }
      }
      guard reader.storeID == log.storeID else {
        throw ReadModelError.otherStore(
          location: reader.location, found: reader.storeID, expected: log.storeID)
      }
      let checkpoints = try await reader.checkpoints()
      try await checkNotAhead(checkpoints, name, heads, log)
      var progress = Progress()
      var late = heads
      for checkpoint in checkpoints {
        guard let position = checkpoint.position, late.indices.contains(Int(checkpoint.partition))
        else { continue }
        let index = Int(checkpoint.partition)
        progress.applied += min(position, heads[index])
        late[index] -= min(position, heads[index])
        progress.updated = max(progress.updated, checkpoint.updated)
      }
      progress.isReached = late.allSatisfy { $0 == 0 }
      return progress
    }

    /// - Throws: ``Failure`` where a read model has applied more than the store has, also now that it may have more.
    private func checkNotAhead(
      _ checkpoints: [CheckpointStatus], _ name: ReadModelName, _ heads: [UInt64],
      _ log: any StoreLog
    ) async throws {
      guard !AheadPartition.find(checkpoints, heads: heads).isEmpty else { return }
      let ahead = AheadPartition.find(checkpoints, heads: try await log.heads())
      guard !ahead.isEmpty else { return }
      throw Failure(
        "the read model '\(name.name)' is ahead of the store by \(grouped(ahead.reduce(0) { $0 + $1.count })) events: "
          + AheadPartition.hint(readModel: name.name))
    }

    private func show(
      _ reached: [ReadModelName: Progress], _ events: UInt64, _ log: any StoreLog
    ) async throws {
      guard let since else {
        for name in ReadModelName.all where reached[name] != nil {
          try Output.standard.line("\(name.name): all \(grouped(events)) events are applied")
        }
        return
      }
      let head = try await log.head()
      guard head >= since.value else {
        throw Failure("the store ends at sequence number \(grouped(head)): --since is beyond it")
      }
      guard let first = try await log.records(after: UInt64(since.value - 1), limit: 1).first,
        let last = try await log.records(after: head - 1, limit: 1).first
      else { return }
      let count = head - min(head, first.position.sequenceNumber) + 1
      var table = TextTable("", "events", "seconds", "events/s")
      func add(_ name: String, _ end: Timestamp) {
        let seconds = (Double(end.microseconds) - Double(first.time.microseconds)) / 1e6
        table.add(
          name, grouped(count), String(format: "%.2f", seconds),
          grouped(Int(Double(count) / max(seconds, 0.001))))
      }
      add("appended", last.time)
      for name in ReadModelName.all {
        if let progress = reached[name] { add("applied to \(name.name)", progress.updated) }
      }
      try Output.standard.table(table)
    }
  }
}
