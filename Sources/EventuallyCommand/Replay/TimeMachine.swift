import Eventually
import EventuallySQLite
import Foundation
import EventuallyServer

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
    let scratch = try ScratchFolder("eventually-as-of-\(name.name)")
    defer { withExtendedLifetime(scratch) {} }
    // What it was is not larger than what it is, as a rule. Without a live one nothing is known.
    if name.directory(in: readModels).liveFile != nil {
      let live = try ReadModelReader(
        path: name.path(in: readModels), model: name.anyModel, readers: 1)
      try DiskSpace.require(try await live.size(), in: scratch.path)
    }
    try await build(name, name.definition, in: scratch.path, sequenceNumber: sequenceNumber)
    return try await body(scratch.path)
  }

  private func build(
    _ name: ReadModelName, _ definition: some ReadModelDefinition, in scratch: String,
    sequenceNumber: UInt64
  ) async throws {
    let model = definition.model
    let through = try await log.heads(at: sequenceNumber)
    let replay = try await Replay(
      "as of \(sequenceNumber)", in: name.directory(in: scratch), model: model,
      codec: definition.codec, storeID: log.storeID, partitionCount: log.partitionCount
    ) {
      try name.directory(in: readModels).newestSavepoint(atOrBefore: through, of: log.storeID)
    }
    let positions = try await replay.positions()
    let total = zip(positions, through).reduce(0) { $0 + ($1.1 - min($1.0, $1.1)) }
    let line = Locked(ProgressLine())
    try await ReplayRun(
      database: replay.database, model: model, codec: definition.codec, log: log, kafka: nil, workers: 1)
      .run(
        from: positions, through: through
      ) { done in
        line.withLock {
          $0.show(
            "building \(name.name) as of sequence number \(grouped(sequenceNumber))",
            fraction: Double(done) / Double(max(total, 1)))
        }
      }
    line.withLock { $0.finish() }
    for stream in try await replay.reader().parkedStreams().prefix(10) {
      remark("without \(stream.summary)")
    }
    try await replay.makeLive { _ in }
  }
}
