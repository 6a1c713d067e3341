import Eventually
import Foundation

/// Folds a store's events into a read model's database, from zero up to given positions, without those that the read model has
/// not applied. It is brought further in steps, also by a process that comes after one that an event has ended.
struct VerificationFold<Model: ReadModel> {
  let log: any EventLog
  let model: Model
  let codec: any EventCodec<Model.Event>
  /// The folder of the fold's files.
  let folder: String
  private var database: ReadModelDatabase<Model>?
  /// How far each partition is folded.
  private var positions: [UInt64]
  /// The partition offsets of the events that are left out.
  private var leftOut: [Partition: Set<UInt64>] = [:]
  /// Rises with each beginning: a database that is still being closed must not find the files of another one under its name.
  private var number = 1

  init(
    log: any EventLog, model: Model, codec: any EventCodec<Model.Event>, folder: String
  ) {
    self.log = log
    self.model = model
    self.codec = codec
    self.folder = folder
    positions = Array(repeating: 0, count: Int(log.partitionCount))
  }

  /// The database that events are folded into.
  var path: String { "\(folder)/fold-\(number).sqlite" }

  /// How many bytes the database takes.
  var size: UInt64 {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return attributes?[.size] as? UInt64 ?? 0
  }

  /// How many events are folded.
  var events: Int { Int(clamping: eventCount(positions)) - folded(leftOut).count }

  /// How many events it is behind given positions.
  func lag(behind ends: [UInt64]) -> UInt64 { eventCount(from: positions, through: ends) }

  /// Begins, or goes on where an earlier process ended.
  mutating func open() async throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    let numbers = names.compactMap { name in
      name.hasPrefix("fold-") && name.hasSuffix(".sqlite")
        ? Int(name.dropFirst("fold-".count).dropLast(".sqlite".count)) : nil
    }
    number = numbers.max() ?? 1
    let database = try ReadModelDatabase(
      path: path, model: model, codec: codec, storeID: log.storeID,
      partitionCount: log.partitionCount)
    positions = try await database.positions()
    leftOut = try readLeftOut()
    self.database = database
  }

  /// Sees to it that what is folded is the beginning of what is to be folded, and begins anew where it is not: an event that was
  /// left out may have been applied since.
  /// - Parameter unapplied: the partition offsets of the events that are to be left out.
  mutating func prepare(
    through ends: [UInt64], leavingOut unapplied: [Partition: Set<UInt64>]
  ) async throws {
    let isBeginning = zip(positions, ends).allSatisfy { $0 <= $1 }
    if !isBeginning || folded(leftOut) != folded(unapplied) {
      database = nil
      let old = path
      number += 1
      database = try ReadModelDatabase(
        path: path, model: model, codec: codec, storeID: log.storeID,
        partitionCount: log.partitionCount)
      positions = positions.map { _ in 0 }
      for suffix in [""] + ReadModelDirectory.companions + [Self.leftOutSuffix]
      where FileManager.default.fileExists(atPath: old + suffix) {
        try FileManager.default.removeItem(atPath: old + suffix)
      }
    }
    leftOut = unapplied
    try writeLeftOut()
  }

  private struct Place: Hashable {
    var partition: Partition
    var offset: UInt64
  }

  /// Those among some events that are folded already.
  private func folded(_ events: [Partition: Set<UInt64>]) -> Set<Place> {
    var found: Set<Place> = []
    for (partition, offsets) in events where positions.indices.contains(Int(partition)) {
      for offset in offsets where offset <= positions[Int(partition)] {
        found.insert(Place(partition: partition, offset: offset))
      }
    }
    return found
  }

  // MARK: - What is left out, for a process that comes after this one

  private static var leftOutSuffix: String { "-left-out" }

  private func writeLeftOut() throws {
    let lines = leftOut.flatMap { partition, offsets in offsets.map { "\(partition) \($0)\n" } }
    try Data(lines.joined().utf8).write(
      to: URL(filePath: path + Self.leftOutSuffix), options: .atomic)
  }

  private func readLeftOut() throws -> [Partition: Set<UInt64>] {
    let path = path + Self.leftOutSuffix
    guard FileManager.default.fileExists(atPath: path) else { return [:] }
    var events: [Partition: Set<UInt64>] = [:]
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
      let numbers = line.split(separator: " ")
      guard numbers.count == 2, let partition = Partition(numbers[0]),
        let offset = UInt64(numbers[1])
      else { throw VerificationError.damagedScratch(path: path) }
      events[partition, default: []].insert(offset)
    }
    return events
  }

  // MARK: - Folding

  /// Folds up to given positions, which ``prepare(through:leavingOut:)`` was called with.
  mutating func advance(
    through ends: [UInt64], progress: @escaping @Sendable (Double) throws -> Void
  ) async throws {
    guard let database else { preconditionFailure("a fold is opened first") }
    guard zip(ends, try await log.heads()).allSatisfy({ $0 <= $1 }) else {
      throw VerificationError.storeBehind(readModel: model.name)
    }
    let view = LogWithoutEvents(log: log, leftOut: leftOut)
    positions = try await ReplayDriver<Model>(database, codec: codec, log: view).run(through: ends)
    {
      try progress(Double($0.applied) / Double(max($0.total, 1)))
    }
  }

  /// Makes sure that no stream was removed after some positions: its events before them are gone, and what they came to can't be
  /// known any more.
  func checkRemovals(after ends: [UInt64]) async throws {
    var first: UInt64?
    for (partition, end) in ends.enumerated() {
      let next = try await log.records(partition: Partition(partition), after: end, limit: 1).first
      if let sequence = next?.position.sequenceNumber { first = min(first ?? sequence, sequence) }
    }
    guard var sequence = first.map({ max($0, 1) - 1 }) else { return }
    while true {
      try Task.checkCancellation()
      let records = try await log.records(after: sequence, limit: 4096)
      guard let last = records.last else { return }
      for record in records where record.type == EventRecord.removedType {
        let (partition, offset) = (Int(record.position.partition), record.position.partitionOffset)
        guard ends.indices.contains(partition), offset > ends[partition] else { continue }
        throw VerificationError.removedTooLate(streamID: record.streamID, readModel: model.name)
      }
      sequence = last.position.sequenceNumber
    }
  }
}
