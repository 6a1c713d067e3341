import Eventually
import HTTPTypes
import Logging

/// The replays that this process runs for its console, one at a time. They build generations and do not switch.
actor ReplayRunner {
  private struct Running {
    var readModel: String
    /// `nil` while it begins.
    var task: Task<Void, Never>?
  }

  /// At most so many rows that differ are shown.
  static let differenceLimit = 200
  private let logger: Logger
  private var running: Running?
  /// How far a generation is on its way to where the live one is; `nil` while none is made live.
  nonisolated let switching = Locked<Switching?>(nil)

  /// A generation that is being made live.
  struct Switching: Sendable {
    var readModel: String
    var generation: Int
    /// `nil` before the first event.
    var progress: ReplayProgress?
  }

  init(_ logger: Logger) {
    self.logger = logger
  }

  /// Begins a replay, or goes on with it.
  /// - Parameter name: who begins it.
  /// - Returns: the generation that it builds.
  /// - Throws: an answer 409 where this process replays already, and what ``ReplayRequest`` throws.
  func begin(
    _ request: ReplayRequest, of readModel: ConsoleReadModel, log: any EventLog, by name: String
  ) async throws -> Int {
    try take(readModel)
    do {
      let (generation, run) = try await BlockingTasks.run {
        try await Self.prepare(request, readModel.definition, readModel.catalog, log, by: name)
      }
      start(readModel.name, generation, run)
      return generation
    } catch {
      running = nil
      throw Self.refusal(error)
    }
  }

  /// An answer 409 where the read model is of another store than this process's: to ask again does not help.
  private static func refusal(_ error: any Error) -> any Error {
    switch error as? ReadModelError {
    case .otherStore?, .partitionCount?: RequestError(.conflict, "\(error)")
    default: error
    }
  }

  private static func prepare(
    _ request: ReplayRequest, _ definition: some ReadModelDefinition,
    _ catalog: any ReadModelCatalog, _ log: any EventLog, by name: String
  ) async throws -> (Int, @Sendable () async throws -> Void) {
    var options = ReplayOptions()
    options.isSwitching = false
    options.differenceLimit = differenceLimit
    options.begunBy = name
    let replay = try await request.begin(definition, in: catalog, log: log, options: options).replay
    return (replay.generation, { _ = try await replay.run() })
  }

  private func start(
    _ readModel: String, _ generation: Int, _ run: @escaping @Sendable () async throws -> Void
  ) {
    // Gone when the task is: with it goes the right to replay.
    let last = Locked<(@Sendable () async throws -> Void)?>(run)
    let task = Task(executorPreference: BlockingTasks.shared) { [logger] in
      do {
        try await Self.runOnce(last)
      } catch {
        // Its record says it too, for whoever looks at the generation.
        logger.warning(
          "a replay has ended before its end",
          metadata: [
            "read-model": "\(readModel)", "generation": "\(generation)", "error": "\(error)",
          ])
      }
      await self.ended()
    }
    running = Running(readModel: readModel, task: task)
  }

  private static func runOnce(
    _ last: borrowing Locked<(@Sendable () async throws -> Void)?>
  ) async throws {
    let run = last.withLock { run in
      defer { run = nil }
      return run
    }
    try await run?()
  }

  private func ended() { running = nil }

  private func take(_ readModel: ConsoleReadModel) throws {
    if let running {
      throw RequestError(
        .conflict,
        "this process replays '\(running.readModel)' already: wait until that is built, or give it up"
      )
    }
    running = Running(readModel: readModel.name)
  }

  /// Calls a replay of this process off, and waits until it has ended.
  /// - Returns: whether there was one.
  func cancel(_ readModel: String) async -> Bool {
    guard let running, running.readModel == readModel, let task = running.task else { return false }
    task.cancel()
    await task.value
    return true
  }

  /// Brings a generation that is built to where the live one is, and makes it the live one.
  /// - Throws: an answer 409 where this process replays, and what ``Replay`` throws.
  func makeLive(
    _ generation: Int, of readModel: ConsoleReadModel, log: any EventLog
  ) async throws -> ReplayOutcome {
    try take(readModel)
    defer { running = nil }
    switching.withLock { $0 = Switching(readModel: readModel.name, generation: generation) }
    defer { switching.withLock { $0 = nil } }
    do {
      return try await BlockingTasks.run {
        try await Self.makeLive(generation, readModel.definition, readModel.catalog, log) {
          progress in
          self.switching.withLock { $0?.progress = progress }
        }
      }
    } catch {
      throw Self.refusal(error)
    }
  }

  private static func makeLive(
    _ generation: Int, _ definition: some ReadModelDefinition, _ catalog: any ReadModelCatalog,
    _ log: any EventLog, _ tell: @escaping @Sendable (ReplayProgress) -> Void
  ) async throws -> ReplayOutcome {
    try await Replay(
      makingLive: generation, in: catalog, model: definition.model, codec: definition.codec,
      log: log
    ).run { event in if case .applying(let progress) = event { tell(progress) } }
  }
}
