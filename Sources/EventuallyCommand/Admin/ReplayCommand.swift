import ArgumentParser
import Eventually
import EventuallyKafka
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
        "Where to begin: 'zero', a savepoint's name, or a sequence number or a time, which stand for the newest savepoint that has nothing after it.",
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
    @OptionGroup var files: DataOptions

    func validate() throws {
      do throws(Failure) {
        _ = try ReplayRequest(from: from, to: to)
      } catch {
        throw ValidationError(error.description)
      }
    }

    func run() async throws {
      let log = try await source.log(files)
      let request = try ReplayRequest(from: from, to: to)
      func run(_ definition: some ReadModelDefinition) async throws {
        var options = ReplayOptions()
        options.workers = workers.value
        options.isSwitching = self.switch
        try await ReplayReport(
          name: readModel, definition: definition,
          catalog: readModel.catalog(in: files.readModels), log: log,
          kafka: try source.kafkaConfiguration(), options: options
        ).run(request)
      }
      try await run(readModel.definition)
    }
  }
}

/// A replay as a person at a terminal sees it.
struct ReplayReport<Definition: ReadModelDefinition>: Sendable {
  let name: ReadModelName
  let definition: Definition
  let catalog: any ReadModelCatalog
  let log: any EventLog
  let kafka: KafkaConfiguration?
  var options = ReplayOptions()

  private var source: ReplaySource<Definition.Model.Event>? {
    kafka.map {
      kafkaSource($0, feed: log, codec: definition.codec, readModel: catalog.name)
    }
  }

  func run(_ request: ReplayRequest) async throws {
    let (replay, end) = try await request.begin(
      definition, in: catalog, log: log, options: options, source: source)
    try await run(replay, endingAt: end)
  }

  /// - Parameters:
  ///   - request: what was asked for, in words that are the same when it is asked for again.
  ///   - base: the savepoint that it begins from; `nil` for zero.
  func run(_ request: String, base: () async throws -> Savepoint?) async throws {
    try await run(
      try await Replay(
        request, in: catalog, model: definition.model, codec: definition.codec,
        log: log, options: options, source: source, base: base), endingAt: nil)
  }

  /// - Parameter sequence: the sequence number that the generation ends at; where the live one is, without it.
  func run(_ replay: Replay<Definition.Model>, endingAt sequence: UInt64?) async throws {
    let line = Locked(ProgressLine())
    let generation = replay.generation
    let outcome = try await replay.run { event in
      if case .applying(let progress) = event {
        return line.withLock { Self.show(progress, in: &$0, name) }
      }
      line.withLock { $0.finish() }
      try show(event, of: generation)
    }
    line.withLock { $0.finish() }
    let switching =
      "'\(Program.admin) generations switch \(name.name) \(generation)' makes it so"
    switch (outcome, sequence) {
    case (.alreadyLive, _):
      try say(
        "generation \(generation) was made live when the replay was killed; nothing is left to do")
    case (.live(let replaced), _):
      try say(
        "generation \(generation) is live"
          + (replaced.map { "; generation \($0) is kept" } ?? ""))
    case (.built, let sequence?):
      try say(
        "generation \(generation) stands at sequence number \(grouped(sequence)), and is not live: "
          + switching)
    case (.built, nil):
      try say(
        "generation \(generation) is built, and not live: "
          + "'\(Program.admin) generations switch \(name.name) \(generation) --catch-up' makes it so"
      )
    }
  }

  private func say(_ text: String) throws {
    try Output.standard.line("\(name.name): \(text)")
  }

  private func show(_ event: ReplayEvent, of generation: Int) throws {
    switch event {
    case .began(let isResumed, let origin, let events):
      try say(
        "\(isResumed ? "going on with" : "building") generation \(generation) from \(origin), "
          + "\(grouped(events)) events are in it; from \(kafka == nil ? "the store" : "Kafka"), "
          + "\(options.workers) " + (options.workers == 1 ? "worker" : "workers"))
    case .liveBeyondStore(let live, let partition, let position, let head):
      try say(
        "generation \(live) is at partition offset \(position) of partition \(partition), and the store ends at "
          + "\(head)")
    case .applying: break
    case .applied(let progress):
      let seconds = max(progress.elapsed.seconds, 0.001)
      try say(
        "\(grouped(progress.total)) events applied in \(String(format: "%.2f", seconds)) s, "
          + "\(grouped(Int(Double(progress.total) / seconds))) events/s")
    case .compared(let comparison): try show(comparison, of: generation)
    case .notCompared(let live):
      try say(
        "generation \(live) is behind generation \(generation): they can't be compared at the same position"
      )
    case .parked(let events, let streams):
      try say("\(grouped(events)) events are parked in generation \(generation)")
      for stream in streams { try Output.standard.line("  parked: \(stream.summary)") }
    }
  }

  private func show(_ comparison: ReplayComparison, of generation: Int) throws {
    let verdict =
      comparison.differenceCount == 0
      ? "equal" : "DIFFERENT in \(grouped(comparison.differenceCount)) rows"
    try say(
      "compared with generation \(comparison.live) at the same position, \(grouped(comparison.events)) events: \(verdict)"
    )
    for difference in comparison.differences {
      try Output.standard.line("  \(Self.text(difference))")
    }
    for (number, digest, rows) in [
      (comparison.live, comparison.liveDigest, comparison.liveRows),
      (generation, comparison.digest, comparison.rows),
    ] {
      try Output.standard.line(
        "  digest of generation \(number): \(digest), \(grouped(rows)) rows")
    }
  }

  private static func text(_ difference: RowDifference) -> String {
    func columns(_ values: [ColumnValue]?) -> String {
      guard let values else { return "no row" }
      return String(ReadModelDigest.text(difference.table, values).dropLast())
    }
    return "\(ReadModelDigest.text(difference.table, difference.key).dropLast()): "
      + "rebuilt \(columns(difference.expected)), live \(columns(difference.found))"
  }

  private static func show(
    _ progress: ReplayProgress, in line: inout ProgressLine, _ name: ReadModelName
  ) {
    let rate = Double(progress.applied) / max(progress.elapsed.seconds, 0.001)
    let left = progress.total - min(progress.applied, progress.total)
    line.show(
      "replaying \(name.name): \(grouped(progress.applied)) of \(grouped(progress.total)) events, "
        + "\(grouped(Int(rate))) events/s, \(Int(Double(left) / max(rate, 1))) s left",
      fraction: Double(progress.applied) / Double(max(progress.total, 1)))
  }
}
