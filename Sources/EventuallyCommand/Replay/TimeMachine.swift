import Eventually
import EventuallySQLite
import Foundation
import EventuallyServer

/// A read model as it stood at a moment, built on the side and thrown away afterwards.
struct TimeMachine {
  let log: any StoreLog
  /// Where the read models are whose savepoints are begun from.
  let readModels: ReadModelLocation

  /// Calls `body` with a directory of read models in which one stands as it was at a sequence number.
  func visit<Result>(
    _ name: ReadModelName, sequenceNumber: UInt64,
    _ body: (_ readModels: String) async throws -> Result
  ) async throws -> Result {
    let scratch = try ScratchFolder("eventually-as-of-\(name.name)")
    defer { withExtendedLifetime(scratch) {} }
    // What it was is not larger than what it is, as a rule. Without a live one nothing is known.
    let catalog = name.catalog(in: readModels)
    if try await catalog.liveIdentity() != nil {
      let live = try await catalog.reader(of: nil, readers: 1, timeLimit: nil)
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
      // A file can't be begun from another kind of database.
      guard case .folder(let path) = readModels else { return nil }
      return try await definition.directory(in: path).newestSavepoint(
        atOrBefore: through, of: log.storeID)
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
