import Eventually
import EventuallySQLite
import Foundation
import EventuallyServer

/// Holds a read model against the pure fold of the store's events.
///
/// The events are folded from zero into a database of their own, up to where the read model is; then one state of the live read
/// model is read in place, the fold catches up with it, and the two are compared row by row: in constant memory, while workers
/// go on.
struct Verification {
  let name: ReadModelName
  let log: SQLiteEventLog
  let readModels: String
  /// A fold that lags behind by no more is brought up to the end while the state is held that it is compared with.
  var smallLag: UInt64 = 10_000

  struct Outcome: Sendable {
    /// The read model's file.
    var path = ""
    /// What SQLite finds wrong with the read model's file.
    var damage: [String] = []
    var rows = 0
    var events = 0
    /// Events in the store that the read model has not applied yet.
    var lag: UInt64 = 0
    /// Events that are set aside because their streams are parked.
    var parked = 0
    /// Events that were given up for good.
    var dropped = 0
    /// Partitions that go on no further.
    var held: [HeldPartition] = []
    /// Streams that the fold comes no further with, though the read model has not parked them.
    var parkedByFold: [ParkedStream] = []
    var differences: [RowDifference] = []
    var differenceCount = 0
    /// SHA-256 over all rows in the order of tables and keys.
    var digest = ""
  }

  /// Compares. At most the first ten differences are kept.
  func run(progress: (Double) -> Void) async throws -> Outcome {
    try await run(name.definition, progress: progress)
  }

  /// What SQLite's log of the fold comes to.
  private static let logSize: UInt64 = 20 << 20

  private func run(
    _ definition: some ReadModelDefinition, progress: (Double) -> Void
  ) async throws -> Outcome {
    let model = definition.model
    // The generation that is live now, whatever becomes live meanwhile.
    let live = try ReadModelReader(path: name.path(in: readModels), model: model, readers: 1)
      .current()
    guard live.storeID == log.storeID else {
      throw ReadModelError.otherStore(
        path: live.path, found: live.storeID, expected: log.storeID)
    }
    var outcome = Outcome()
    outcome.path = live.path
    outcome.damage = try await live.findDamage()
    let scratch = try ScratchFolder("eventually-verify-\(name.name)")
    defer { withExtendedLifetime(scratch) {} }
    var fold = Fold(log: log, model: model, codec: definition.codec, path: scratch.file("fold.sqlite"))
    // It comes to the same size as what is live. An earlier process may have begun it, which an event has ended since.
    let size = try await live.size()
    try DiskSpace.require(size - min(size, fold.size) + Self.logSize, in: scratch.path)
    try await fold.open()
    for _ in 0..<5 {
      let ends = try await live.positions()
      try await fold.prepare(through: ends, leavingOut: try await live.unapplied())
      guard fold.lag(behind: ends) > smallLag else { break }
      try await fold.advance(through: ends, progress: progress)
    }
    let snapshot = try ReadModelSnapshot(path: live.path)
    try await compare(&fold, with: snapshot, model, &outcome, progress)
    return outcome
  }

  private func compare<Model: ReadModel, Codec: EventCodec<Model.Event>>(
    _ fold: inout Fold<Model, Codec>, with live: ReadModelSnapshot, _ model: Model,
    _ outcome: inout Outcome, _ progress: (Double) -> Void
  ) async throws {
    var ends = [UInt64](repeating: 0, count: Int(log.partitionCount))
    for checkpoint in try await live.checkpoints() {
      guard ends.indices.contains(Int(checkpoint.partition)) else {
        throw Failure(
          "\(outcome.path) has applied events of partition \(checkpoint.partition), and the store has \(ends.count) "
            + "partitions: it is damaged; move the file away with its -wal, and let the workers build it anew"
        )
      }
      ends[Int(checkpoint.partition)] = checkpoint.position ?? 0
    }
    let setAside = try await live.setAside()
    let unapplied = try await live.unapplied()
    outcome.parked = setAside.parkedEvents
    outcome.dropped = setAside.droppedEvents
    try await fold.prepare(through: ends, leavingOut: unapplied)
    try await fold.advance(through: ends, isEnd: true, progress: progress)
    outcome.events = fold.events
    outcome.parkedByFold = try await ReadModelReader(path: fold.path, model: model, readers: 1)
      .parkedStreams()
    let stored = try await log.heads().reduce(0, +)
    let applied = ends.reduce(0, +)
    outcome.lag = stored - min(stored, applied)
    outcome.held = try await HeldPartition.find(after: ends, in: log, of: name.definition)
    let comparison = try await live.compare(
      withExpected: fold.path, tables: model.tables.map { $0.schema })
    outcome.rows = comparison.rows
    outcome.differences = comparison.differences
    outcome.differenceCount = comparison.differenceCount
    outcome.digest = comparison.digest
  }
}
