import Eventually
import EventuallySQLite
import Foundation
import Orders

/// Holds a read model against the pure fold of the store's events.
///
/// A copy of the live read model is taken, the events up to its positions are folded from zero into a database
/// of their own, and the two are compared row by row: in constant memory, while workers go on.
struct Verification {
  let name: ReadModelName
  let log: SQLiteEventLog
  let readModels: String

  struct Outcome: Sendable {
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
    func run(_ model: some OrdersReadModelType) async throws -> Outcome {
      try await self.run(model, progress: progress)
    }
    return try await run(name.model)
  }

  private func run(
    _ model: some OrdersReadModelType, progress: (Double) -> Void
  ) async throws -> Outcome {
    let live = try ReadModelReader(path: name.path(in: readModels), model: model, readers: 1)
    guard live.storeID == log.storeID else {
      throw ReadModelError.otherStore(
        path: live.path, found: live.storeID, expected: log.storeID)
    }
    let scratch = try ScratchFolder("eventually-verify-\(name.rawValue)")
    // The copy of what is live, and the fold, which comes to the same size.
    try DiskSpace.require(try await live.size() * 2, in: scratch.path)
    // An earlier process may have taken it, which an event has ended since.
    let copy = scratch.file("live.sqlite")
    if !FileManager.default.fileExists(atPath: copy) {
      let unfinished = scratch.file("unfinished.sqlite")
      if FileManager.default.fileExists(atPath: unfinished) {
        try FileManager.default.removeItem(atPath: unfinished)
      }
      try await live.copy(to: unfinished)
      try FileManager.default.moveItem(atPath: unfinished, toPath: copy)
    }
    let reader = try ReadModelReader(path: copy, model: model, readers: 1)
    let checkpoints = try await reader.checkpoints()
    let setAside = try await reader.setAside()
    let fold = scratch.file("fold.sqlite")
    var outcome = Outcome()
    outcome.parked = setAside.parkedEvents
    outcome.dropped = setAside.droppedEvents
    outcome.events = try await Fold(
      log: log, model: model, unapplied: try await reader.unapplied()
    ).run(into: fold, through: checkpoints, progress: progress)
    outcome.parkedByFold = try await ReadModelReader(path: fold, model: model, readers: 1)
      .parkedStreams()
    let stored = try await log.heads().reduce(0, +)
    let applied = checkpoints.reduce(0) { $0 + ($1.position ?? 0) }
    outcome.lag = stored - min(stored, applied)
    outcome.held = try await HeldPartition.find(reader, in: log)
    try compare(fold: fold, live: copy, model, &outcome)
    withExtendedLifetime(scratch) {}
    return outcome
  }

  private func compare(
    fold: String, live: String, _ model: some OrdersReadModelType, _ outcome: inout Outcome
  ) throws {
    var digest = ReadModelDigest()
    var differences: [RowDifference] = []
    var count = 0
    try compareReadModels(
      expected: fold, found: live, tables: model.tables.map { $0.schema },
      visit: { table, key, values in
        digest.add(table, key + values)
      },
      differ: { difference in
        count += 1
        if differences.count < 10 { differences.append(difference) }
      })
    outcome.rows = digest.rows
    outcome.differences = differences
    outcome.differenceCount = count
    outcome.digest = digest.text
  }
}

/// Folds a store's events into a read model's database, from zero up to given positions, without those that the
/// read model has set aside.
struct Fold<Model: OrdersReadModelType> {
  let log: SQLiteEventLog
  let model: Model
  /// The places of the events that are left out.
  let unapplied: [Partition: Set<UInt64>]

  /// Folds, and returns how many events were taken in.
  /// - Throws: ``Failure`` where a stream was removed that the positions do not include the removal of: its
  ///   events are gone, and what they came to can't be known any more.
  func run(
    into path: String, through checkpoints: [CheckpointStatus], progress: (Double) -> Void
  ) async throws -> Int {
    let database = try ReadModelDatabase(
      path: path, model: model, codec: OrderEventCodec(), storeID: log.storeID,
      partitionCount: log.partitionCount)
    let leases = try await database.claim(
      Array(0..<log.partitionCount), owner: "verification")
    var ends = [UInt64](repeating: 0, count: Int(log.partitionCount))
    for checkpoint in checkpoints { ends[Int(checkpoint.partition)] = checkpoint.position ?? 0 }
    var positions = leases.map(\.position)
    let decoder = EntryDecoder(OrderEventCodec(), journal: database.crashJournal)
    let head = try await log.head()
    var sequence: UInt64 = 0
    var count = 0
    while true {
      try Task.checkCancellation()
      let records = try await log.records(after: sequence, limit: 4096)
      guard let last = records.last else { break }
      sequence = last.position.sequenceNumber
      var deliveries: [Partition: Delivery<OrderEvent>] = [:]
      for record in records {
        let partition = Int(record.position.partition)
        guard record.position.partitionSequence > positions[partition] ?? 0 else { continue }
        guard record.position.partitionSequence <= ends[partition] else {
          if record.type == EventRecord.removedType {
            throw Failure(
              "the stream '\(record.streamID)' was removed, and the read model '\(model.name)' has "
                + "not applied that yet: wait until it has caught up")
          }
          continue
        }
        let position = record.position
        let isLeftOut = unapplied[position.partition]?.contains(position.partitionSequence) == true
        if !isLeftOut { count += 1 }
        deliveries[
          record.position.partition,
          default: Delivery(
            partition: record.position.partition, epoch: leases[partition].epoch,
            after: positions[partition], entries: [], nextOffset: nil)
        ].entries.append(
          isLeftOut ? .erased(at: position) : try decoder.entry(record))
        positions[partition] = record.position.partitionSequence
      }
      if !deliveries.isEmpty {
        _ = try await database.apply(Array(deliveries.values), parking: [])
      }
      progress(Double(sequence) / Double(max(head, 1)))
    }
    return count
  }
}
