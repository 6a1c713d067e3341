import ArgumentParser
import Eventually
import EventuallySQLite
import Foundation
import EventuallyServer

extension AdminCommand {
  /// `admin status`
  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the store's head, what is published, and how far each read model is.",
      discussion: """
        For each read model and partition: the position that was applied last, how many events it lags behind \
        the store or is ahead of it, the epoch, and the worker that took the partition last. Before that: the events that hold partitions \
        because the broker refuses them. At the end: what is wrong, in the words of the console.
        """)

    @OptionGroup var files: DataOptions

    func run() async throws {
      let log = try await files.openStore()
      try Output.standard.line("store       \(log.location)")
      try Output.standard.line("id          \(log.storeID)")
      try Output.standard.line("streams     \(grouped(try await log.streamCount()))")
      try Output.standard.line("head        \(grouped(try await log.head()))")
      try Output.standard.line("published   \(grouped(try await log.published()))")
      if let relay = try await log.relayHolder() {
        try Output.standard.line("publisher   \(relay.name), epoch \(relay.epoch)")
      }
      let erasures = try await log.pendingErasures()
      let since = erasures.since.map { ", the first since \($0): see /readyz of the writer" } ?? ""
      try Output.standard.line("erasures    \(grouped(erasures.count)) pending\(since)")
      for event in try await log.publishedProgress()?.refused ?? [] {
        let isSkipped = try await log.isSkipped(
          partition: event.position.partition, offset: event.position.partitionOffset)
        try Output.standard.line(
          isSkipped ? "\(event); that is decided, and waits for the writer" : event.description)
      }
      for name in ReadModelName.all {
        try Output.standard.line()
        guard try await files.exists(name) else {
          try Output.standard.line("read model \(files.notBuilt(name))")
          continue
        }
        try await show(name, log)
      }
      let problems = await PipelineProblems.lines(
        of: try Program.current(), store: files.store, readModels: files.readModels)
      if !problems.isEmpty { try Output.standard.line() }
      for problem in problems { try Output.standard.line(problem) }
    }

    private func show(
      _ name: ReadModelName, _ log: any StoreLog
    ) async throws {
      let reader = try await files.reader(name)
      guard reader.storeID == log.storeID else {
        throw ReadModelError.otherStore(
          location: reader.location, found: reader.storeID, expected: log.storeID)
      }
      let checkpoints = Dictionary(
        uniqueKeysWithValues: try await reader.checkpoints().map { ($0.partition, $0) })
      // Read after the checkpoints: a position beyond them is not the store's.
      let heads = try await log.heads()
      let forged = try await reader.forgedPositions()
      let ahead = AheadPartition.find(Array(checkpoints.values), heads: heads).filter {
        forged[$0.partition] == nil
      }
      var table = TextTable("partition", "head", "position", "lag", "epoch", "owner", "updated")
      var lag: UInt64 = 0
      for (partition, head) in heads.enumerated() {
        let checkpoint = checkpoints[Partition(partition)]
        let position = checkpoint?.position ?? 0
        lag += head - min(head, position)
        table.add(
          "\(partition)", "\(head)", checkpoint?.position.map { "\($0)" } ?? "never",
          position > head ? "ahead by \(position - head)" : "\(head - position)",
          checkpoint.map { "\($0.epoch)" } ?? "-",
          checkpoint?.owner ?? "-", checkpoint?.updated.description ?? "-")
      }
      let parked = try await reader.unappliedCounts()
      try Output.standard.line(
        "read model \(name.name): lag \(grouped(lag)), "
          + (ahead.isEmpty
            ? "" : "AHEAD of the store by \(grouped(ahead.reduce(0) { $0 + $1.count })), ")
          + "\(grouped(parked.parkedEvents)) events of \(grouped(parked.parkedStreams)) streams parked, "
          + "\(grouped(parked.droppedEvents)) dropped, "
          + "\(grouped(parked.rejectedRecords)) rejected records")
      let removals = try await reader.pendingRemovals()
      if removals.count > 0 {
        try Output.standard.line(
          "\(grouped(removals.count)) removed streams may be left in \(name.name)"
            + (removals.since.map { ", the first since \($0)" } ?? "")
            + ": \(Program.admin) forget \(name.name) tells where")
      }
      try Output.standard.table(table)
      for held in try await name.definition.held(reader, in: log) {
        try Output.standard.line(held.description + held.hint(readModel: name.name))
      }
      for partition in ahead.sorted(by: { $0.partition < $1.partition }) {
        try Output.standard.line(partition.description)
      }
      if !ahead.isEmpty { try Output.standard.line(AheadPartition.hint(readModel: name.name)) }
      for (partition, position) in forged.sorted(by: { $0.key < $1.key }) {
        try Output.standard.line(
          "a forged event was applied at partition \(partition), partition offset \(position): "
            + "run \(Program.admin) repair \(name.name)")
      }
    }
  }
}
