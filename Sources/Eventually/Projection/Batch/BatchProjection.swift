/// An error of a database, which is no fault of the event that was being projected.
package protocol RowStorageError: Error {}

/// So many streams are parked that the read model's code must be at fault.
package struct TooManyParked: Error {
  /// How many may be parked.
  package var limit: Int
  /// Why one more was to be.
  package var reason: String
}

/// What a fault plan makes a projection throw.
struct InjectedFailure: Error, CustomStringConvertible {
  var description: String { "made to fail by \(FaultPlan.variable)" }
}

/// A removed stream, of which a read model has yet to forget something.
package struct RemovedStream: Hashable, Sendable {
  package var streamID: String
  package var partition: Partition
  /// The partition offset of the removal.
  package var position: UInt64

  package init(streamID: String, partition: Partition, position: UInt64) {
    self.streamID = streamID
    self.partition = partition
    self.position = position
  }

  package static func == (a: RemovedStream, b: RemovedStream) -> Bool {
    a.position == b.position && a.partition == b.partition
      && a.streamID.hasSameBytes(as: b.streamID)
  }
}

/// Decides what becomes of the entries of one transaction: which are projected, which are parked, and which are passed over
/// since their streams are forgotten already. It changes nothing but the rows; what is to be done beside them it tells as
/// ``effects``.
package struct BatchProjection<Model: ReadModel> {
  /// What the transaction finds in the database.
  package struct Held: Equatable, Sendable {
    /// The parked streams of the transaction's partitions.
    package var parked: Set<ByteKey> = []
    /// How many streams are parked in all partitions.
    package var parkedCount = 0
    /// The streams that are forgotten already, and the partition offsets of their removals.
    package var awaited: [ByteKey: UInt64] = [:]

    package init() {}
  }

  /// What the transaction does beside changing rows, in this order.
  package enum Effect: Sendable, Hashable {
    /// A stream is parked because of an event; one that is parked already gets the new reason.
    case park(ProjectionFailure)
    /// An event is put to the parked ones of its stream.
    case keep(EventRecord)
    /// A stream's parked events are forgotten, and it is parked no longer.
    case forgetParked(String)
    /// The rows have forgotten a stream: so does all else that is kept of it.
    case removed(RemovedStream)

    /// What goes with an entry that was projected, where it is a removal.
    package static func removal(_ entry: LogEntry<String, Model.Event>) -> Effect? {
      guard case .removed(let streamID, _, let position) = entry else { return nil }
      return .removed(
        RemovedStream(
          streamID: streamID, partition: position.partition, position: position.partitionOffset))
    }
  }

  /// How failures of the read model's code are taken. Where there is one, nothing of the transaction is to be committed.
  package enum Failing: Sendable {
    /// The first one is thrown.
    case stops
    /// They are noted, and what comes after them is projected on what they have half done: to learn which rows it asks for.
    case goesOn
    /// They are noted, and what they have half done is taken back.
    case isTakenBack
  }

  private let model: Model
  private let codec: any EventCodec<Model.Event>
  private let parkingLimit: Int
  private let failing: Failing
  /// The events whose streams are to be parked.
  private var parking: [EventPosition: ProjectionFailure] = [:]
  private var parked: Set<ByteKey>
  private var parkedStreams: Int
  private let awaited: [ByteKey: UInt64]

  package private(set) var effects: [Effect] = []
  package private(set) var failures: [ProjectionFailure] = []
  /// How many entries were parked.
  package private(set) var parkedCount = 0

  /// - Parameters:
  ///   - codec: encodes events that are parked.
  ///   - parkingLimit: at most this many streams are parked.
  package init(
    _ model: Model, codec: any EventCodec<Model.Event>, parkingLimit: Int, held: Held,
    parking: [ProjectionFailure], failing: Failing
  ) {
    self.model = model
    self.codec = codec
    self.parkingLimit = parkingLimit
    self.failing = failing
    parked = held.parked
    parkedStreams = held.parkedCount
    awaited = held.awaited
    for failure in parking { self.parking[failure.position] = failure }
  }

  /// Decides about one entry, and projects it into `rows` where it is to be.
  /// - Throws: ``ProjectionFailures`` where the first failure stops; ``TooManyParked``; a ``RowStorageError``; what the codec
  ///   throws on an event that is parked.
  package mutating func take(_ entry: LogEntry<String, Model.Event>, into rows: Rows) throws {
    if !awaited.isEmpty, let streamID = entry.streamID,
      entry.position.partitionOffset < awaited[ByteKey(streamID)] ?? 0
    {
      return
    }
    if !parked.isEmpty || !parking.isEmpty, try park(entry) { return }
    if case .isTakenBack = failing { rows.beginEntry() }
    do {
      try Self.project(entry, model, into: rows)
      // What can't be saved is this entry's fault.
      if case .isTakenBack = failing { try rows.save() }
      if let removal = Effect.removal(entry) { effects.append(removal) }
    } catch let error as any RowStorageError {
      throw error
    } catch is UnreadableEventError where entry.isUnreadable {
      // Found by failing, since to ask each entry takes longer than to apply many. It has changed no row.
      _ = try park(entry)
    } catch {
      try failed(entry, error, rows)
    }
  }

  private mutating func failed(
    _ entry: LogEntry<String, Model.Event>, _ error: any Error, _ rows: Rows
  ) throws {
    let failure = ProjectionFailure(
      position: entry.position, streamID: entry.streamID ?? "", reason: "\(error)")
    switch failing {
    case .stops: throw ProjectionFailures([failure])
    case .goesOn: failures.append(failure)
    case .isTakenBack:
      rows.revertEntry()
      failures.append(failure)
      // The stream's later events would fail for the want of this one.
      if let streamID = entry.streamID { parked.insert(ByteKey(streamID)) }
    }
  }

  /// Something of the transaction failed that is not known to be of one entry: one that stands for it is noted.
  package mutating func fail(_ entry: LogEntry<String, Model.Event>, _ error: any Error) {
    failures.append(
      ProjectionFailure(
        position: entry.position, streamID: entry.streamID ?? "", reason: "\(error)"))
  }

  /// Projects an entry, whether its stream is parked or not.
  package static func project(
    _ entry: LogEntry<String, Model.Event>, _ model: Model, into rows: Rows
  ) throws {
    if FaultPlan.current != nil, let streamID = entry.streamID,
      FaultPoint.readModelProject.fails(for: streamID)
    {
      throw InjectedFailure()
    }
    try model.take(entry, into: rows)
  }

  /// Parks an entry where its stream is parked, or to be parked from here on, as it is from an unreadable event on.
  private mutating func park(_ entry: LogEntry<String, Model.Event>) throws -> Bool {
    guard let streamID = entry.streamID else { return false }
    let stream = ByteKey(streamID)
    let isKnown = parked.contains(stream)
    if let failure = parking[entry.position] ?? (isKnown ? nil : entry.failure) {
      guard parkedStreams < parkingLimit else {
        throw TooManyParked(limit: parkingLimit, reason: failure.reason)
      }
      effects.append(.park(failure))
      if parked.insert(stream).inserted { parkedStreams += 1 }
    }
    guard parked.contains(stream) else { return false }
    if case .removed = entry, parking[entry.position] == nil,
      !failures.contains(where: { $0.streamID.hasSameBytes(as: streamID) })
    {
      // What was parked is forgotten with the stream, and nothing stands in the way of a new beginning.
      effects.append(.forgetParked(streamID))
      parked.remove(stream)
      parkedStreams -= 1
      return false
    }
    if let record = try EventRecord(entry, codec: codec) { effects.append(.keep(record)) }
    parkedCount += 1
    return true
  }
}

extension EventRecord {
  /// The record of an entry; `nil` for an erased event, of which nothing is left, and for one that is not taken.
  fileprivate init?<Event>(_ entry: LogEntry<String, Event>, codec: any EventCodec<Event>) throws {
    switch entry {
    case .event(let persisted):
      var payload: [UInt8] = []
      try codec.encode(persisted.event, into: &payload)
      self.init(
        id: persisted.id, type: codec.type(of: persisted.event), streamID: persisted.streamID,
        position: persisted.position, time: persisted.time, payload: payload,
        metadata: persisted.metadata)
    case .removed(let streamID, let id, let position):
      self.init(
        id: id, type: EventRecord.removedType, streamID: streamID, position: position,
        time: Timestamp(microseconds: 0), payload: [])
    case .unreadable(let event):
      self = event.record
    case .erased, .other:
      return nil
    }
  }
}
