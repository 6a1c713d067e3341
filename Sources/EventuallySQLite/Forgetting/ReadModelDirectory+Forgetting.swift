public import Eventually
import Foundation

extension ReadModelDirectory {
  /// A live generation that takes more bytes is not written anew by its workers, which wait meanwhile, but by ``forgetRemoved(_:liveLimit:progress:)``
  /// alone.
  public static let workerForgettingLimit: UInt64 = 256 << 20

  /// Leaves nothing of removed streams in any of the read model's files: generations and savepoints that were before
  /// the removal forget the streams' rows too, and what is left in free parts of all files is overwritten.
  ///
  /// It blocks the caller's thread, and goes on with what an earlier call was killed in. Workers wait while the live
  /// generation's file is written anew.
  /// - Parameters:
  ///   - model: forgets rows.
  ///   - limit: a live generation that takes more bytes is not written anew; `nil` for any size.
  ///   - progress: called before each file with which it is, and which part of all files is done.
  /// - Throws: `ReadModelError` where it can't be found out what there is to forget.
  public func forgetRemoved(
    _ model: any ReadModel, liveLimit limit: UInt64? = nil,
    progress: (_ path: String, _ done: Double) -> Void = { _, _ in }
  ) throws(ReadModelError) -> ForgettingOutcome {
    var pass = ForgettingPass(directory: self, model: model, limit: limit)
    guard try !pass.pending(in: pass.parts()).isEmpty else { return ForgettingOutcome() }
    try createSavepointDirectory()
    // Nobody begins to save a checkpoint meanwhile, and whoever has begun has ended: it may be from before the removal.
    return try exclusively(in: savepointDirectory) { () throws(ReadModelError) in
      try removeUnfinished(in: savepointDirectory)
      return try pass.run(progress)
    }
  }
}

/// One pass over a read model's files.
private struct ForgettingPass {
  let directory: ReadModelDirectory
  let model: any ReadModel
  let limit: UInt64?
  private var left: [ForgettingOutcome.Remainder] = []

  init(directory: ReadModelDirectory, model: any ReadModel, limit: UInt64?) {
    self.directory = directory
    self.model = model
    self.limit = limit
  }

  struct Part {
    var path: String
    var isLive = false
    var isSavepoint = false
    /// Why it is not touched.
    var refusal: String?
  }

  mutating func run(
    _ progress: (String, Double) -> Void
  ) throws(ReadModelError) -> ForgettingOutcome {
    let parts = try parts()
    let pending = pending(in: parts)
    guard !pending.isEmpty else { return ForgettingOutcome() }
    for (number, part) in parts.enumerated() {
      progress(part.path, Double(number) / Double(parts.count))
      do {
        if let reason = try forget(pending, in: part) { leave(part.path, reason) }
      } catch {
        leave(part.path, "\(error)")
      }
    }
    if left.isEmpty {
      let forgotten = Array(pending)
      for part in parts where part.isLive {
        do {
          try ForgettingFile(path: part.path).delete(forgotten)
        } catch {
          throw .unavailable(location: part.path, cause: error)
        }
      }
    }
    return ForgettingOutcome(removals: pending.count, left: left)
  }

  /// What is to be forgotten, as the files themselves say.
  func pending(in parts: [Part]) -> Set<Removals.Removal> {
    var pending: Set<Removals.Removal> = []
    for part in parts {
      do {
        pending.formUnion(try ForgettingFile.list(path: part.path, isLive: part.isLive))
      } catch {
        // What is wrong with it is told where there is anything to forget: it is not known to have forgotten that.
        continue
      }
    }
    return pending
  }

  private mutating func leave(_ path: String, _ reason: String) {
    left.append(ForgettingOutcome.Remainder(location: path, reason: reason))
  }

  /// All files that may hold rows, live generations first: what is copied from one from then on has nothing of the streams.
  func parts() throws(ReadModelError) -> [Part] {
    var parts: [Part] = []
    for generation in try directory.list() {
      var part = Part(path: generation.location, isLive: generation.isLive)
      if generation.isBuilding, generation.replay != nil {
        part.refusal =
          "a replay is building it: let it come to its end, or drop generation \(generation.number)"
      }
      parts.append(part)
    }
    parts.sort { $0.isLive && !$1.isLive }
    for name in try directory.savepointNames() {
      parts.append(Part(path: directory.path(ofSavepoint: name), isSavepoint: true))
    }
    for name in try directory.fileNames(in: directory.path)
    where name.hasSuffix(ReadModelDirectory.unfinishedSuffix) {
      parts.append(
        Part(
          path: "\(directory.path)/\(name)",
          refusal: "a replay is running, or was killed: let it come to its end"))
    }
    return parts
  }

  /// - Returns: why something may be left; `nil` where nothing is.
  private func forget(
    _ pending: Set<Removals.Removal>, in part: Part
  ) throws -> String? {
    if let refusal = part.refusal { return refusal }
    let file = try ForgettingFile(path: part.path)
    let isOfModel = file.schemaVersion == model.schemaVersion
    // Which of its tables have a digest of their own is not known here: it can't be sealed anew.
    if part.isSavepoint, !isOfModel, try file.hasDifferences() {
      return
        "it is of schema version \(file.schemaVersion), and has rows that a replay has noted: delete the savepoint"
    }
    try file.forgetDifferences(ofSavepoint: part.isSavepoint ? model : nil)
    let unforgotten = try file.unforgotten(pending)
    if isOfModel {
      try file.forget(unforgotten, model: model, isSavepoint: part.isSavepoint)
    } else if !unforgotten.isEmpty {
      return part.isSavepoint
        ? "it is of schema version \(file.schemaVersion), and from before the removal: delete the savepoint"
        : "it is of schema version \(file.schemaVersion), and before the removal: let its workers come to it, or "
          + "drop the generation"
    }
    return try file.overwrite(limit: part.isLive ? limit : nil)
  }
}
