public import Eventually
import Foundation

/// Holds a read model against the pure fold of the store's events.
///
/// The events are folded from zero into a database of their own, up to where the read model is; then one state of the live read
/// model is read in place, the fold catches up with it, and the two are compared row by row: in constant memory, while workers
/// go on.
public struct ReadModelVerification<Model: ReadModel>: Sendable {
  private let catalog: any ReadModelCatalog
  private let model: Model
  private let codec: any EventCodec<Model.Event>
  private let log: any EventLog
  private let scratch: String
  /// A fold that lags behind by no more is brought up to the end while the state is held that it is compared with.
  package var smallLag: UInt64 = 10_000
  /// What SQLite's log of the fold comes to.
  private static var logSize: UInt64 { 20 << 20 }

  /// A verification of what is live.
  /// - Parameters:
  ///   - catalog: the read model's generations.
  ///   - model: what is made of events.
  ///   - codec: encodes and decodes events.
  ///   - log: the log of the store that the read model is of.
  ///   - scratch: a folder that exists, for the fold: as much as the read model takes, and 20 MB. The caller removes it. A verification
  ///     that finds a fold of the same read model there, which an earlier process was killed in, goes on with it.
  public init(
    _ catalog: any ReadModelCatalog, model: Model, codec: any EventCodec<Model.Event>,
    log: any EventLog, scratch: String
  ) {
    self.catalog = catalog
    self.model = model
    self.codec = codec
    self.log = log
    self.scratch = scratch
  }

  /// Compares the live generation with the fold of the store's events.
  /// - Parameter progress: called now and then with the part that is done, 0 to 1; what it throws ends the work.
  /// - Throws: ``VerificationError`` where the two can't be compared, `ReplayError`, `ReadModelError`, and what the log throws.
  public func verify(
    progress: @escaping @Sendable (Double) throws -> Void = { _ in }
  ) async throws -> VerificationOutcome {
    // The generation that is live now, whatever becomes live meanwhile.
    guard let generation = try await catalog.liveGeneration() else {
      throw ReadModelError.notBuilt(location: catalog.location)
    }
    let live = try await catalog.reader(of: generation, readers: 1, timeLimit: nil)
    guard live.storeID == log.storeID else {
      throw ReadModelError.otherStore(
        location: live.location, found: live.storeID, expected: log.storeID)
    }
    var outcome = VerificationOutcome()
    outcome.path = live.location
    outcome.damage = try await live.findDamage(limit: 10)
    var fold = VerificationFold(log: log, model: model, codec: codec, folder: scratch)
    try await fold.open()
    // It comes to the same size as what is live. An earlier process may have begun it, which an event has ended since.
    let size = try await live.size()
    try DiskSpace.require(size - min(size, fold.size) + Self.logSize, in: scratch)
    for _ in 0..<5 {
      let ends = try await live.positions()
      try await fold.prepare(through: ends, leavingOut: try await live.unapplied())
      guard fold.lag(behind: ends) > smallLag else { break }
      try await fold.advance(through: ends, progress: progress)
    }
    try await compare(
      &fold, with: try await catalog.state(of: generation), &outcome, progress)
    return outcome
  }

  private func compare(
    _ fold: inout VerificationFold<Model>, with live: any ReadModelState,
    _ outcome: inout VerificationOutcome,
    _ progress: @escaping @Sendable (Double) throws -> Void
  ) async throws {
    var ends = [UInt64](repeating: 0, count: Int(log.partitionCount))
    for checkpoint in try await live.checkpoints() {
      guard ends.indices.contains(Int(checkpoint.partition)) else {
        throw VerificationError.partitionBeyondStore(
          path: outcome.path, partition: checkpoint.partition, count: ends.count)
      }
      ends[Int(checkpoint.partition)] = checkpoint.position ?? 0
    }
    let unapplied = try await live.unappliedCounts()
    outcome.parked = unapplied.parkedEvents
    outcome.dropped = unapplied.droppedEvents
    try await fold.prepare(through: ends, leavingOut: try await live.unapplied())
    try await fold.advance(through: ends, progress: progress)
    // After the last event was read: one that was erased before has its removal in the log by now.
    try await fold.checkRemovals(after: ends)
    outcome.events = fold.events
    outcome.parkedByFold = try await ReadModelReader(path: fold.path, model: model, readers: 1)
      .parkedStreams()
    outcome.lag = eventCount(from: ends, through: try await log.heads())
    outcome.held = try await held(after: ends, codec)
    let comparison = try await StateComparison(
      expected: try ReadModelSnapshot(path: fold.path), found: live,
      tables: model.tables.map { $0.schema })
    outcome.rows = comparison.found.rows
    outcome.differences = comparison.differences
    outcome.differenceCount = comparison.differenceCount
    outcome.digest = comparison.found.text
  }

  private func held(
    after ends: [UInt64], _ codec: some EventCodec<Model.Event>
  ) async throws -> [HeldPartition] {
    try await HeldPartition.find(after: ends, in: log, codec: codec)
  }
}

/// What a verification has found.
public struct VerificationOutcome: Sendable, Hashable {
  /// The read model's file.
  public var path = ""
  /// What SQLite finds wrong with the read model's file.
  public var damage: [String] = []
  /// How many rows the read model has.
  public var rows = 0
  /// How many events it has applied.
  public var events = 0
  /// Events in the store that it has not applied yet.
  public var lag: UInt64 = 0
  /// Events that are parked.
  public var parked = 0
  /// Events that were given up for good.
  public var dropped = 0
  /// Partitions that go on no further.
  public var held: [HeldPartition] = []
  /// Streams that the fold comes no further with, though the read model has not parked them.
  public var parkedByFold: [ParkedStream] = []
  /// The first ten differences.
  public var differences: [RowDifference] = []
  /// How many rows differ.
  public var differenceCount = 0
  /// SHA-256 over all rows in the order of tables and keys.
  public var digest = ""

  /// Whether the file is undamaged, equal to the fold, and goes on. It may lag behind the store, and have parked events.
  public var isRight: Bool {
    differenceCount == 0 && damage.isEmpty && held.isEmpty && parkedByFold.isEmpty
  }
}

/// Why a read model can't be compared with the fold of the store's events.
public enum VerificationError: Error, Sendable, CustomStringConvertible {
  /// A stream was removed, and the read model has not applied that yet: what its events came to can't be known any more.
  case removedTooLate(streamID: String, readModel: String)
  /// The store ends before what the read model has applied.
  case storeBehind(readModel: String)
  /// The read model has applied events of a partition that the store does not have.
  case partitionBeyondStore(path: String, partition: Partition, count: Int)
  /// A file of an earlier process in the scratch folder is not what was written.
  case damagedScratch(path: String)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .removedTooLate(let streamID, let readModel):
      "the stream '\(streamID)' was removed, and the read model '\(readModel)' has not applied that yet: wait until it "
        + "has caught up"
    case .storeBehind(let readModel):
      "the store ends before what the read model '\(readModel)' has applied: either it was restored from an older copy, or forged "
        + "events were applied; 'repair' builds the read model anew from this store"
    case .partitionBeyondStore(let path, let partition, let count):
      "\(path) has applied events of partition \(partition), and the store has \(count) partitions: it is damaged; "
        + "move the file away with its -wal, and let the workers build it anew"
    case .damagedScratch(let path):
      "\(path) is not what was written to it: delete its folder, and verify again"
    }
  }
}
