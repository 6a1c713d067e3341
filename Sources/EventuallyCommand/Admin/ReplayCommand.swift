import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation
import EventuallyServer

extension AdminCommand {
  /// `admin replay`
  struct Replay: CrashSupervised {
    static let configuration = CommandConfiguration(
      abstract: "Build a read model anew beside the live one, compare the two, and switch.",
      discussion: """
        Queries are answered and workers go on throughout. The new generation is brought to where the live one was, the two \
        are compared row by row, differences are shown, and then the new one becomes the live one in one atomic step; \
        running workers and servers follow by themselves. The old generation is kept: generations switch goes back to it, \
        generations drop deletes it.

        A replay may be killed and run again at any point: it goes on where it was. With --to, the new generation ends at \
        that moment; nothing is compared then, and nothing switched.
        """)

    @Argument(help: "The read model: \(Program.readModels).")
    var readModel: ReadModelName
    @Option(
      help: ArgumentHelp(
        "Where to begin: 'zero', a checkpoint's name, or a sequence number or a time, which stand for the newest checkpoint that has nothing after it.",
        valueName: "zero, name, sequence or time"))
    var from: String
    @Option(
      help: ArgumentHelp(
        "Where to end; where the live read model is, where it is left out.",
        valueName: "sequence or time"))
    var to: String?
    @Option(help: "How many workers share the partitions.", transform: Whole.init)
    var workers: Whole<1, 64> = 1
    @Flag(
      inversion: .prefixedNo,
      help: "Whether the new generation becomes the live one once it is built.")
    var `switch` = true
    @OptionGroup var source: ReplaySourceOptions
    @OptionGroup var files: ReadModelOptions

    func validate() throws {
      guard ReplayStart(from) != nil else {
        throw ValidationError(
          "--from '\(from)' is not zero, a checkpoint's name, a sequence number or a time such as 2026-11-23T12:00:00Z"
        )
      }
      if let to, PointInTime(to) == nil {
        throw ValidationError(
          "--to '\(to)' is not a sequence number or a time such as 2026-11-23T12:00:00Z")
      }
    }

    func run() async throws {
      let log = try await source.log()
      func run(_ definition: some ReadModelDefinition) async throws {
        try await ReplayReport(
          name: readModel, definition: definition,
          directory: readModel.directory(in: files.readModels), log: log,
          kafka: try source.kafkaConfiguration(), workers: workers.value
        ).run(from: from, to: to, switching: self.switch)
      }
      try await run(readModel.definition)
    }
  }
}

/// A replay as a person at a terminal sees it.
struct ReplayReport<Definition: ReadModelDefinition>: Sendable {
  typealias Model = Definition.Model
  let name: ReadModelName
  let definition: Definition
  let directory: ReadModelDirectory
  let log: any EventLog
  let kafka: KafkaConfiguration?
  let workers: Int
  /// The live generation may be beyond the store, as one is to which a forged event was applied: the new one ends where
  /// the store does.
  var isRepair = false

  private var model: Model { definition.model }

  func run(from: String, to: String?, switching: Bool) async throws {
    // Before anything is made: the store may end before that.
    var end: (sequence: UInt64, heads: [UInt64])?
    if let moment = to.flatMap({ PointInTime($0) }) {
      let sequence = try await moment.sequenceNumber(in: log)
      end = (sequence, try await log.heads(at: sequence))
    }
    let request = "--from \(from)" + (to.map { " --to \($0)" } ?? "")
    try await run(request, end: end, switching: switching) { [end] in
      guard let start = ReplayStart(from) else { return nil }
      let base = try await start.base(in: directory, log)
      if let base, let end, !base.isAtOrBefore(end.heads) {
        throw Failure(
          "the checkpoint '\(base.name)' is beyond sequence number \(grouped(end.sequence)), where the replay is to end"
        )
      }
      return base
    }
  }

  /// - Parameters:
  ///   - request: what was asked for, in words that are the same when it is asked for again.
  ///   - end: the sequence number that the generation ends at, and the heads there; where the live one is, without it.
  ///   - base: the savepoint that it begins from; `nil` for zero.
  func run(
    _ request: String, end: (sequence: UInt64, heads: [UInt64])? = nil, switching: Bool = true,
    base: () async throws -> Savepoint?
  ) async throws {
    let replay = try await Replay(
      request, in: directory, model: model, codec: definition.codec, storeID: log.storeID,
      partitionCount: log.partitionCount, base: base)
    if replay.isLive {
      try await replay.end()
      try say(
        "generation \(replay.generation) was made live when the replay was killed; nothing is left to do"
      )
      return
    }
    let begun = try await replay.positions().reduce(0, +)
    let generation = try directory.generation(replay.generation)
    try say(
      "\(replay.isResumed ? "going on with" : "building") generation \(replay.generation) from \(generation.origin), "
        + "\(grouped(begun)) events are in it; from \(kafka == nil ? "the store" : "Kafka"), \(workers) "
        + (workers == 1 ? "worker" : "workers"))
    if let end {
      try await apply(replay, through: end.heads)
      try await replay.end()
      try say(
        "generation \(replay.generation) stands at sequence number \(grouped(end.sequence)), and is not live: "
          + "'\(Program.admin) generations switch \(name.name) \(replay.generation)' makes it so")
      return
    }
    try await compare(replay)
    guard switching else {
      try await replay.end()
      try say(
        "generation \(replay.generation) is built, and not live: "
          + "'\(Program.admin) generations switch \(name.name) \(replay.generation)' makes it so")
      return
    }
    try await goLive(replay)
  }

  private func say(_ text: String) throws {
    try Output.standard.line("\(name.name): \(text)")
  }

  /// Brings the generation to where the live one is now, and compares the two there.
  private func compare(_ replay: Replay<Model>) async throws {
    guard let live = try replay.copyLive() else {
      // Without a live one there is nothing to compare with.
      return try await apply(replay, through: try await log.heads())
    }
    let livePositions = try await live.positions(model: model)
    let through = try await reachable(livePositions)
    for (partition, position) in livePositions.enumerated() where position > through[partition] {
      try say(
        "generation \(live.generation) is at partition offset \(position) of partition \(partition), and the store ends at "
          + "\(through[partition])")
    }
    try await apply(replay, through: through)
    let positions = try await replay.positions()
    guard positions == through else {
      return try say(
        "generation \(live.generation) is behind generation \(replay.generation): they can't be compared at the same position"
      )
    }
    var (expected, found) = (ReadModelDigest(), ReadModelDigest())
    var differences: [RowDifference] = []
    var count = 0
    let tables = model.tables.map { $0.schema }
    try compareReadModels(
      expected: directory.path(of: replay.generation), found: live.path, tables: tables,
      visit: { found.add($0, $1 + $2) },
      visitExpected: { expected.add($0, $1 + $2) },
      differ: { difference in
        count += 1
        if differences.count < 10 { differences.append(difference) }
      })
    let verdict = count == 0 ? "equal" : "DIFFERENT in \(grouped(count)) rows"
    try say(
      "compared with generation \(live.generation) at the same position, \(grouped(through.reduce(0, +))) events: \(verdict)"
    )
    for difference in differences { try Output.standard.line("  \(Self.text(difference))") }
    try Output.standard.line(
      "  digest of generation \(live.generation): \(found.text), \(grouped(found.rows)) rows")
    try Output.standard.line(
      "  digest of generation \(replay.generation): \(expected.text), \(grouped(expected.rows)) rows"
    )
    let setAside = try await replay.reader().setAside()
    if setAside.parkedEvents > 0 {
      try say(
        "\(grouped(setAside.parkedEvents)) events are parked in generation \(replay.generation)")
      for stream in try await replay.reader().parkedStreams().prefix(10) {
        try Output.standard.line("  parked: \(stream.summary)")
      }
    }
  }

  /// Positions of the live generation, as far as the store goes where this is a repair.
  private func reachable(_ positions: [UInt64]) async throws -> [UInt64] {
    guard isRepair else { return positions }
    return zip(positions, try await log.heads()).map { min($0, $1) }
  }

  private static func text(_ difference: RowDifference) -> String {
    func columns(_ values: [ColumnValue]?) -> String {
      guard let values else { return "no row" }
      return String(ReadModelDigest.text(difference.table, values).dropLast())
    }
    return "\(ReadModelDigest.text(difference.table, difference.key).dropLast()): "
      + "rebuilt \(columns(difference.expected)), live \(columns(difference.found))"
  }

  /// Follows the live generation until little is left, and takes its place.
  private func goLive(_ replay: Replay<Model>) async throws {
    // The link may lead to a file that is gone.
    let before = directory.liveFile == nil ? nil : directory.live()
    if before != nil {
      let reader = { try ReadModelReader(path: directory.livePath, model: model, readers: 1) }
      for _ in 1...10 {
        let live = try await reachable(try await reader().positions())
        let left = try await left(replay, through: live)
        if left < 1000 { break }
        try await apply(replay, through: live)
      }
    }
    try await replay.makeLive {
      try await apply(replay, through: try await reachable($0), isQuiet: true)
    }
    try say(
      "generation \(replay.generation) is live"
        + (before.map { "; generation \($0) is kept" } ?? ""))
  }

  private func left(_ replay: Replay<Model>, through: [UInt64]) async throws -> UInt64 {
    zip(try await replay.positions(), through).reduce(0) { $0 + ($1.1 - min($1.0, $1.1)) }
  }

  /// Applies events up to given positions, and shows how that goes.
  private func apply(
    _ replay: Replay<Model>, through: [UInt64], isQuiet: Bool = false
  ) async throws {
    let positions = try await replay.positions()
    let total = zip(positions, through).reduce(0) { $0 + ($1.1 - min($1.0, $1.1)) }
    let line = Locked(ProgressLine())
    let start = ContinuousClock.now
    try await ReplayRun(
      database: replay.database, model: model, codec: definition.codec, log: log, kafka: kafka, workers: workers
    ).run(
      from: positions, through: through
    ) { [name] done in
      let seconds = max((ContinuousClock.now - start).seconds, 0.001)
      let rate = Double(done) / seconds
      line.withLock {
        $0.show(
          "replaying \(name.name): \(grouped(done)) of \(grouped(total)) events, "
            + "\(grouped(Int(rate))) events/s, \(Int(Double(total - min(done, total)) / max(rate, 1))) s left",
          fraction: Double(done) / Double(max(total, 1)))
      }
    }
    line.withLock { $0.finish() }
    guard !isQuiet, total > 0 else { return }
    let seconds = max((ContinuousClock.now - start).seconds, 0.001)
    try say(
      "\(grouped(total)) events applied in \(String(format: "%.2f", seconds)) s, "
        + "\(grouped(Int(Double(total) / seconds))) events/s")
  }
}
