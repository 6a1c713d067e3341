import Eventually
import EventuallySQLite
import Foundation
import EventuallyServer

/// Folds a store's events into a read model's database, from zero up to given positions, without those that the read model has
/// set aside. It is brought further in steps, also by a process that comes after one that an event has ended.
struct Fold<Model: ReadModel, Codec: EventCodec> where Codec.Event == Model.Event {
  let log: SQLiteEventLog
  let model: Model
  let codec: Codec
  /// The database that events are folded into.
  let path: String
  private var database: ReadModelDatabase<Model>?
  private var leases: [PartitionLease] = []
  /// How far each partition is folded.
  private var positions: [UInt64]
  /// All events up to this sequence number are folded.
  private var scanned: UInt64 = 0
  /// The places of the events that are left out.
  private var leftOut: [Partition: Set<UInt64>] = [:]

  init(log: SQLiteEventLog, model: Model, codec: Codec, path: String) {
    self.codec = codec
    self.log = log
    self.model = model
    self.path = path
    positions = Array(repeating: 0, count: Int(log.partitionCount))
  }

  /// How many bytes the database takes already.
  var size: UInt64 {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return attributes?[.size] as? UInt64 ?? 0
  }

  /// How many events are folded.
  var events: Int {
    Int(positions.reduce(0, +)) - places(leftOut).count
  }

  /// How many events it is behind given positions.
  func lag(behind ends: [UInt64]) -> UInt64 {
    zip(ends, positions).reduce(0) { $0 + ($1.0 - min($1.0, $1.1)) }
  }

  /// Begins, or goes on where an earlier process ended.
  mutating func open() async throws {
    let database = try ReadModelDatabase(
      path: path, model: model, codec: codec, storeID: log.storeID,
      partitionCount: log.partitionCount)
    leases = try await database.claim(Array(0..<log.partitionCount), owner: "verification")
    positions = leases.map { $0.position ?? 0 }
    scanned = 0
    leftOut = try readLeftOut()
    self.database = database
  }

  /// Sees to it that what is folded is the beginning of what is to be folded, and begins anew where it is not: an event that was
  /// left out may have been applied since.
  /// - Parameter unapplied: the places of the events that are to be left out.
  mutating func prepare(
    through ends: [UInt64], leavingOut unapplied: [Partition: Set<UInt64>]
  ) async throws {
    let isBeginning = zip(positions, ends).allSatisfy { $0 <= $1 }
    if !isBeginning || places(leftOut) != places(unapplied) {
      database = nil
      for suffix in ["", "-wal", "-shm", "-crash"] {
        guard FileManager.default.fileExists(atPath: path + suffix) else { continue }
        try FileManager.default.removeItem(atPath: path + suffix)
      }
      try await open()
    }
    leftOut = unapplied
    try writeLeftOut()
  }

  /// The places among some that are folded already.
  private func places(_ places: [Partition: Set<UInt64>]) -> Set<Place> {
    var found: Set<Place> = []
    for (partition, offsets) in places where positions.indices.contains(Int(partition)) {
      for offset in offsets where offset <= positions[Int(partition)] {
        found.insert(Place(partition: partition, offset: offset))
      }
    }
    return found
  }

  private struct Place: Hashable {
    var partition: Partition
    var offset: UInt64
  }

  // MARK: - What is left out, for a process that comes after this one

  private var leftOutPath: String { "\(path)-left-out" }

  private func writeLeftOut() throws {
    let lines = leftOut.flatMap { partition, offsets in offsets.map { "\(partition) \($0)\n" } }
    try Data(lines.joined().utf8).write(to: URL(filePath: leftOutPath), options: .atomic)
  }

  private func readLeftOut() throws -> [Partition: Set<UInt64>] {
    guard FileManager.default.fileExists(atPath: leftOutPath) else { return [:] }
    var places: [Partition: Set<UInt64>] = [:]
    for line in try String(contentsOfFile: leftOutPath, encoding: .utf8).split(separator: "\n") {
      let numbers = line.split(separator: " ")
      guard numbers.count == 2, let partition = Partition(numbers[0]),
        let offset = UInt64(numbers[1])
      else { throw Failure("\(leftOutPath) is not what was written to it: run the command again") }
      places[partition, default: []].insert(offset)
    }
    return places
  }

  // MARK: - Folding

  /// Folds up to given positions, which ``prepare(through:leavingOut:)`` was called with.
  /// - Parameter isEnd: the fold is to be held against the read model at just these positions.
  /// - Throws: ``Failure`` where a stream was removed that the positions do not include the removal of: its
  ///   events are gone, and what they came to can't be known any more.
  mutating func advance(
    through ends: [UInt64], isEnd: Bool = false, progress: (Double) -> Void
  ) async throws {
    guard let database else { preconditionFailure("a fold is opened first") }
    let decoder = EntryDecoder(codec, journal: database.crashJournal)
    let head = try await log.head()
    var sequence = scanned
    // What comes after is read again in the next step.
    var firstLeft: UInt64?
    while isEnd || lag(behind: ends) > 0 {
      try Task.checkCancellation()
      let records = try await log.records(after: sequence, limit: 4096)
      guard let last = records.last else { break }
      sequence = last.position.sequenceNumber
      var deliveries: [Partition: Delivery<Codec.Event>] = [:]
      for record in records {
        let partition = Int(record.position.partition)
        let offset = record.position.partitionOffset
        guard offset > positions[partition] else { continue }
        guard offset <= ends[partition] else {
          firstLeft = firstLeft ?? record.position.sequenceNumber
          if isEnd, record.type == EventRecord.removedType { throw removedTooLate(record) }
          continue
        }
        deliveries[
          record.position.partition,
          default: Delivery(
            partition: record.position.partition, epoch: leases[partition].epoch,
            after: offset == 1 ? leases[partition].position : positions[partition], entries: [],
            nextOffset: nil)
        ].entries.append(try entry(record, decoder))
        positions[partition] = offset
      }
      if !deliveries.isEmpty {
        let outcome = try await database.apply(Array(deliveries.values), parking: [])
        guard outcome.fenced.isEmpty else {
          throw Failure("another process writes to \(path): run the command again")
        }
      }
      progress(Double(sequence) / Double(max(head, 1)))
    }
    scanned = firstLeft.map { $0 - 1 } ?? sequence
    if lag(behind: ends) > 0 {
      throw Failure(
        "the store \(log.path) ends before what the read model '\(model.name)' has applied: was it restored from an older copy?"
      )
    }
  }

  private func entry(
    _ record: EventRecord, _ decoder: EntryDecoder<Codec>
  ) throws -> LogEntry<String, Codec.Event> {
    let position = record.position
    guard position.partitionOffset == positions[Int(position.partition)] + 1 else {
      throw Failure(
        "the store \(log.path) is damaged: in partition \(position.partition), partition offset "
          + "\(position.partitionOffset) comes after \(positions[Int(position.partition)])")
    }
    if leftOut[position.partition]?.contains(position.partitionOffset) == true {
      return .erased(at: position)
    }
    return try decoder.entry(record)
  }

  private func removedTooLate(_ record: EventRecord) -> Failure {
    Failure(
      "the stream '\(record.streamID)' was removed, and the read model '\(model.name)' has "
        + "not applied that yet: wait until it has caught up")
  }
}
