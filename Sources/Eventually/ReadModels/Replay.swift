import Foundation

/// A generation that is built beside the live one, from zero or from a savepoint.
///
/// It is on disk with all that it has come to at any moment: whoever begins the same replay again, after it was killed,
/// goes on with it. Queries are answered and workers go on throughout.
public final class Replay<Model: ReadModel>: Sendable {
  /// The generation's number.
  public let generation: Int
  /// Whether it was begun before.
  public let isResumed: Bool
  /// The generation, for events to be applied to.
  package let database: any GenerationStore<Model.Event>
  private let catalog: any ReadModelCatalog
  private let model: Model
  private let log: any EventLog
  private let options: ReplayOptions
  private let goal: CatchUp.Goal
  private let recorder: ReplayRecorder
  private let driver: ReplayDriver<Model>
  /// While this exists, no other process replays the read model.
  private let right: any ReplayRight

  /// Begins a replay, or goes on with it where it was begun before.
  /// - Parameters:
  ///   - request: what was asked for, in words that are the same when it is asked for again.
  ///   - catalog: the read model's generations and savepoints.
  ///   - model: what is made of events.
  ///   - codec: encodes and decodes events.
  ///   - log: the log of the store that events come from.
  ///   - options: where it ends, and how it works.
  ///   - source: where events are read; from `log` where it is `nil`.
  ///   - base: the savepoint that it begins from, asked for where it was not begun before; `nil` for zero.
  /// - Throws: ``ReadModelError/replayRunning(location:)`` where another process replays the read model,
  ///   ``ReadModelError/otherStore(location:found:expected:)`` where the live generation or the savepoint is of another store than `log`,
  ///   ``ReadModelError/unfinishedReplay(_:request:location:)`` where another replay was begun and never ended, and
  ///   ``ReplayError/savepointBeyondEnd(_:)``.
  public convenience init(
    _ request: String, in catalog: any ReadModelCatalog, model: Model,
    codec: any EventCodec<Model.Event>, log: any EventLog,
    options: ReplayOptions = ReplayOptions(), source: ReplaySource<Model.Event>? = nil,
    base: () async throws -> Savepoint?
  ) async throws {
    let right = try await catalog.lockReplay()
    try await catalog.checkLive(isOf: log)
    let begun = try await catalog.list().last { $0.replay != nil && $0.isBuilding }
    let generation: Int
    if let begun {
      guard begun.replay == request else {
        throw ReadModelError.unfinishedReplay(
          begun.number, request: begun.replay ?? "", location: catalog.location)
      }
      generation = begun.number
    } else {
      let base = try await base()
      if let base, base.storeID != log.storeID {
        throw ReadModelError.otherStore(
          location: base.location, found: base.storeID, expected: log.storeID)
      }
      if let base, let end = options.end, !base.isAtOrBefore(end) {
        throw ReplayError.savepointBeyondEnd(base.name)
      }
      if let base { try await catalog.verify(base, model: model) }
      generation = try await catalog.beginGeneration(
        request, from: base, model: model, storeID: log.storeID,
        partitionCount: log.partitionCount)
    }
    try await self.init(
      generation, isResumed: begun != nil, options.goal, right, catalog, model, codec, log, options,
      source)
  }

  /// Brings a generation that is built to where the live one is, and makes it the live one in its place, as ``run(_:)`` of a replay
  /// that switches does in its end: queries never see the read model step back.
  /// - Throws: ``ReadModelError/replayRunning(location:)``, ``ReadModelError/noGeneration(_:location:)``,
  ///   ``ReadModelError/otherStore(location:found:expected:)`` where it or the live one is of another store than `log`,
  ///   ``ReadModelError/schemaVersion(location:found:expected:)`` where it is of another version of the code, and
  ///   ``ReadModelError/unfinishedReplay(_:request:location:)`` where its replay has not come to its end.
  package convenience init(
    makingLive generation: Int, in catalog: any ReadModelCatalog, model: Model,
    codec: any EventCodec<Model.Event>, log: any EventLog,
    options: ReplayOptions = ReplayOptions(), source: ReplaySource<Model.Event>? = nil
  ) async throws {
    let right = try await catalog.lockReplay()
    try await catalog.checkLive(isOf: log)
    let found = try await catalog.generation(generation)
    guard found.schemaVersion == catalog.schemaVersion else {
      throw ReadModelError.schemaVersion(
        location: found.location, found: found.schemaVersion, expected: catalog.schemaVersion)
    }
    if found.isBuilding, let request = found.replay {
      throw ReadModelError.unfinishedReplay(
        generation, request: request, location: catalog.location)
    }
    try await self.init(
      generation, isResumed: true, .existing, right, catalog, model, codec, log, options, source,
      record: found.note.flatMap { ReplayRecord($0) })
  }

  private init(
    _ generation: Int, isResumed: Bool, _ goal: CatchUp.Goal, _ right: any ReplayRight,
    _ catalog: any ReadModelCatalog, _ model: Model, _ codec: any EventCodec<Model.Event>,
    _ log: any EventLog, _ options: ReplayOptions, _ source: ReplaySource<Model.Event>?,
    record: ReplayRecord? = nil
  ) async throws {
    self.generation = generation
    self.isResumed = isResumed
    self.goal = goal
    self.right = right
    let database = try await catalog.openGeneration(
      generation, model: model, codec: codec, storeID: log.storeID,
      partitionCount: log.partitionCount)
    self.database = database
    recorder = ReplayRecorder(
      record ?? ReplayRecord(begunBy: options.begunBy, at: Date()),
      tables: model.tables.map { $0.schema }
    ) { try await database.note(replay: $0) }
    driver = ReplayDriver(
      database, codec: codec, log: log, workers: options.workers, source: source)
    self.catalog = catalog
    self.model = model
    self.log = log
    self.options = options
    // Whoever looks at the generation from now on sees who builds it.
    if goal != .existing { await recorder.begin() }
  }

  /// A copy of the generation that was live.
  private typealias LiveCopy = (generation: Int, state: any ReadModelState)

  /// Builds the generation, compares it with the live one at the same positions, and takes that one's place, as the options say.
  ///
  /// The last events are applied while nobody can write to the live generation, so queries never see the read model step back, and
  /// running workers go on with the new one.
  /// - Parameter report: called with what happens; what it throws ends the run.
  /// - Throws: ``ReplayError``, ``ReadModelError``, `CancellationError`, and what the log or the source throws. The same replay, begun
  ///   again, goes on where this one was.
  @discardableResult
  public func run(
    _ report: @escaping @Sendable (ReplayEvent) throws -> Void = { _ in }
  ) async throws -> ReplayOutcome {
    do {
      let outcome = try await runRecorded { [recorder] event in
        recorder.take(event)
        try report(event)
      }
      await recorder.end(outcome == .built ? .built : .live)
      return outcome
    } catch {
      // One that was to be made live stays what it was.
      if goal != .existing { await recorder.end(.failed, why: Self.reason(error)) }
      throw error
    }
  }

  private static func reason(_ error: any Error) -> String {
    error is CancellationError ? "it was called off" : "\(error)"
  }

  private func runRecorded(
    _ report: @escaping @Sendable (ReplayEvent) throws -> Void
  ) async throws -> ReplayOutcome {
    // Ends with this call.
    async let _: Void = goal == .existing ? () : recorder.run()
    var hold: (any GenerationHold)?
    do {
      let outcome = try await run(holding: &hold, report)
      await hold?.release()
      return outcome
    } catch {
      await hold?.release()
      throw error
    }
  }

  private func run(
    holding hold: inout (any GenerationHold)?,
    _ report: @escaping @Sendable (ReplayEvent) throws -> Void
  ) async throws -> ReplayOutcome {
    var machine = CatchUp(goal)
    // It is live already where it was killed in its very last step.
    let isLive = try await catalog.liveGeneration() == generation
    if !isLive {
      try report(
        .began(
          isResumed: isResumed, origin: try await catalog.generation(generation).origin,
          events: eventCount(try await database.positions())))
    }
    var copy: LiveCopy?
    var replaced: Int?
    var action = machine.handle(.began(isLive: isLive))
    while true {
      switch action {
      case .copyLive:
        copy = try await copyLive()
        if let live = copy {
          action = machine.handle(.copied(at: try await reachable(live, report)))
        } else {
          action = machine.handle(.nothingCopied(heads: try await log.heads()))
        }
      case .apply(let through):
        let own = try await apply(through: through, isQuiet: hold != nil, report)
        action = machine.handle(.applied(own: own))
      case .compare:
        recorder.compares()
        if let live = copy { try report(.compared(try await compare(with: live))) }
        copy = nil
        action = machine.handle(.compared)
      case .passOverComparison:
        if let live = copy { try report(.notCompared(live: live.generation)) }
        copy = nil
        action = machine.handle(.compared)
      case .readLive:
        action = machine.handle(.read(live: try await livePositions()))
      case .hold:
        let result = try await holdLive()
        hold = result.hold
        replaced = hold?.generation
        action = machine.handle(result.input)
      case .link:
        // Workers go on in the topic where they were, and not at its beginning.
        if let hold {
          try await database.adoptOffsets(try await hold.offsets())
          try await hold.makeLive(generation)
        } else {
          try await catalog.makeFirstLive(generation)
        }
        hold = nil
        action = machine.handle(.linked)
      case .complete:
        if !isLive { try await reportParked(report) }
        try await end()
        action = machine.handle(.completed)
      case .end(let outcome):
        switch outcome {
        case .alreadyLive: return .alreadyLive
        case .built: return .built
        case .live: return .live(replaced: replaced)
        }
      }
    }
  }

  /// Positions of a live generation, as far as the store goes where this is a repair.
  private func reachable(_ positions: [UInt64]) async throws -> [UInt64] {
    guard options.isRepair else { return positions }
    return zip(positions, try await log.heads()).map { min($0, $1) }
  }

  private func reachable(
    _ live: LiveCopy, _ report: (ReplayEvent) throws -> Void
  ) async throws -> [UInt64] {
    let positions = try await live.state.checkpoints().positions(of: log.partitionCount)
    let through = try await reachable(positions)
    for (partition, (position, head)) in zip(positions, through).enumerated()
    where position > head {
      try report(
        .liveBeyondStore(
          live: live.generation, partition: Partition(partition), position: position, head: head))
    }
    return through
  }

  /// Copies the live generation, to be compared with; `nil` where there is none.
  private func copyLive() async throws(ReadModelError) -> LiveCopy? {
    guard try await catalog.liveGeneration() != generation else { return nil }
    return try await catalog.copyLive()
  }

  private func livePositions() async throws -> [UInt64]? {
    guard let live = try await catalog.liveGeneration() else { return nil }
    let reader = try await catalog.reader(of: live, readers: 1, timeLimit: nil)
    return try await reachable(try await reader.positions())
  }

  private func holdLive() async throws -> (hold: (any GenerationHold)?, input: CatchUp.Input) {
    guard let live = try await catalog.liveGeneration() else { return (nil, .nothingToHold) }
    guard live != generation else { return (nil, .alreadyLive) }
    // Somebody may have switched before it was held.
    guard let hold = try await catalog.hold(live: live) else { return (nil, .moved) }
    do {
      return (hold, .held(at: try await reachable(try await hold.positions())))
    } catch {
      await hold.release()
      throw error
    }
  }

  private func apply(
    through: [UInt64], isQuiet: Bool, _ report: @escaping @Sendable (ReplayEvent) throws -> Void
  ) async throws -> [UInt64] {
    let last = Locked<ReplayProgress?>(nil)
    let reached = try await driver.run(through: through) { progress in
      last.withLock { $0 = progress }
      try report(.applying(progress))
    }
    if !isQuiet, let progress = last.withLock({ $0 }) { try report(.applied(progress)) }
    return reached
  }

  private func compare(with live: LiveCopy) async throws -> ReplayComparison {
    let compared = try await StateComparison(
      expected: try await catalog.state(of: generation), found: live.state,
      tables: model.tables.map { $0.schema }, limit: options.differenceLimit)
    return ReplayComparison(
      live: live.generation, events: eventCount(try await database.positions()),
      differenceCount: compared.differenceCount, differences: compared.differences,
      liveDigest: compared.found.text, liveRows: compared.found.rows,
      digest: compared.expected.text, rows: compared.expected.rows)
  }

  private func reportParked(_ report: (ReplayEvent) throws -> Void) async throws {
    let reader = try await catalog.reader(of: generation, readers: 1, timeLimit: nil)
    let parked = try await reader.unappliedCounts().parkedEvents
    guard parked > 0 else { return }
    try report(
      .parked(events: parked, streams: Array(try await reader.parkedStreams().prefix(10))))
  }

  /// Ends the replay: the generation is built, live or not.
  func end() async throws {
    FaultPoint.replayBuilt.pass()
    try await database.completeBuild()
  }
}
