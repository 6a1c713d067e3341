import Eventually
import EventuallySQLite
import Foundation
import Orders

/// A read model as it stood at a moment, built on the side and thrown away afterwards.
struct TimeMachine {
  let log: SQLiteEventLog
  /// Where the read models are whose checkpoints are begun from.
  let readModels: String

  /// Calls `body` with a directory of read models in which one stands as it was at a sequence number.
  func visit<Result>(
    _ name: ReadModelName, sequenceNumber: UInt64,
    _ body: (_ readModels: String) async throws -> Result
  ) async throws -> Result {
    let scratch = try ScratchFolder("eventually-as-of-\(name.rawValue)")
    defer { withExtendedLifetime(scratch) {} }
    // What it was is not larger than what it is, as a rule. Without a live one nothing is known.
    if name.directory(in: readModels).liveFile != nil {
      let live = try ReadModelReader(
        path: name.path(in: readModels), model: name.model, readers: 1)
      try DiskSpace.require(try await live.size(), in: scratch.path)
    }
    func build(_ model: some OrdersReadModelType) async throws {
      try await self.build(name, model, in: scratch.path, sequenceNumber: sequenceNumber)
    }
    try await build(name.model)
    return try await body(scratch.path)
  }

  private func build(
    _ name: ReadModelName, _ model: some OrdersReadModelType, in scratch: String,
    sequenceNumber: UInt64
  ) async throws {
    let through = try await log.heads(at: sequenceNumber)
    var options = ReplayOptions()
    options.end = through
    let directory = name.directory(in: scratch)
    let replay = try await Replay(
      "as of \(sequenceNumber)", in: directory, model: model, codec: OrderEventCodec(), log: log,
      options: options
    ) {
      try name.directory(in: readModels).newestSavepoint(atOrBefore: through, of: log.storeID)
    }
    let line = Locked(ProgressLine())
    try await replay.run { event in
      switch event {
      case .applying(let progress):
        line.withLock {
          $0.show(
            "building \(name.rawValue) as of sequence number \(grouped(sequenceNumber))",
            fraction: Double(progress.applied) / Double(max(progress.total, 1)))
        }
      case .parked(_, let streams):
        line.withLock { $0.finish() }
        for stream in streams { remark("without \(stream.summary)") }
      default: break
      }
    }
    line.withLock { $0.finish() }
    try directory.makeLive(replay.generation)
  }
}
