import Eventually
import EventuallySQLite
import Foundation
import EventuallyServer

/// A read model as it stood at a moment, built on the side and thrown away afterwards.
struct TimeMachine {
  let log: any StoreLog
  /// Where the read models are whose savepoints are begun from.
  let readModels: String

  /// Calls `body` with a directory of read models in which one stands as it was at a sequence number.
  func visit<Result>(
    _ name: ReadModelName, sequenceNumber: UInt64,
    _ body: (_ readModels: String) async throws -> Result
  ) async throws -> Result {
    let scratch = try ScratchFolder("eventually-as-of-\(name.name)")
    defer { withExtendedLifetime(scratch) {} }
    // What it was is not larger than what it is, as a rule. Without a live one nothing is known.
    if name.directory(in: readModels).liveFile != nil {
      let live = try ReadModelReader(
        path: name.path(in: readModels), model: name.anyModel, readers: 1)
      try DiskSpace.require(try await live.size(), in: scratch.path)
    }
    try await build(name.definition, in: scratch.path, sequenceNumber: sequenceNumber)
    return try await body(scratch.path)
  }

  private func build(
    _ definition: some ReadModelDefinition, in scratch: String, sequenceNumber: UInt64
  ) async throws {
    let through = try await log.heads(at: sequenceNumber)
    var options = ReplayOptions()
    options.end = through
    let name = definition.name
    let directory = definition.directory(in: scratch)
    let replay = try await Replay(
      "as of \(sequenceNumber)", in: directory, model: definition.model, codec: definition.codec,
      log: log,
      options: options
    ) {
      try definition.directory(in: readModels).newestSavepoint(atOrBefore: through, of: log.storeID)
    }
    let line = Locked(ProgressLine())
    try await replay.run { event in
      switch event {
      case .applying(let progress):
        line.withLock {
          $0.show(
            "building \(name) as of sequence number \(grouped(sequenceNumber))",
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
