import EventuallyTesting
import Testing

@testable import Eventually

/// A database of ``WordCounts`` in memory, whose transactions can be broken off, and whose commits can go unanswered.
private struct SimulatedDatabase {
  struct State: Equatable {
    var counts: [String: Int64] = [:]
    var parked: Set<ByteKey> = []
    var kept: [EventPosition] = []
    var removed: [RemovedStream] = []
    var checkpoints: [Partition: BatchApplication<String>.Checkpoint] = [:]
  }

  enum Fault: CaseIterable {
    case interrupted
    case unknown
    case unknownAndCommitted
  }

  struct Broken: Error {}

  var state = State()
  /// What happens to which transaction.
  var fault: (transaction: Int, kind: Fault)?
  var transactions = 0
  var marks: [CrashMark?] = []
  private let known = PrefetchedRows(limit: .init(bytes: 1_000))

  /// What a worker does: applies the deliveries until they are applied, and parks what fails.
  mutating func work(
    _ deliveries: [Delivery<String>], recoveries: [Partition: PartitionRecovery]
  ) throws -> (outcome: ApplyOutcome, failures: [ProjectionFailure]) {
    var recoveries = recoveries
    var inDoubt: BatchApplication<String>.InDoubt?
    var parking: [ProjectionFailure] = []
    for _ in 0..<8 {
      var application = BatchApplication(
        deliveries, parking: parking, recoveries: recoveries, inDoubt: inDoubt)
      do {
        while let transaction = try application.next() {
          application.ended(try transact(transaction, application))
        }
        return (application.outcome, parking)
      } catch let error as ProjectionFailures {
        parking += error.failures
      }
      (recoveries, inDoubt) = (application.recoveries, application.inDoubt)
    }
    throw Broken()
  }

  private mutating func transact(
    _ transaction: BatchApplication<String>.Transaction,
    _ application: BatchApplication<String>
  ) throws -> BatchApplication<String>.Ending {
    defer { transactions += 1 }
    let fault = self.fault?.transaction == transactions ? self.fault?.kind : nil
    if fault == .interrupted { return .interrupted(Broken()) }
    switch application.check(state.checkpoints) {
    case .fenced(let leases): return .fenced(leases)
    case .applied(let parked): return .committed(parked: parked)
    case .admitted: break
    }
    known.clear()
    let projection = try project(transaction)
    if !projection.failures.isEmpty { return .failed(ProjectionFailures(projection.failures)) }
    if fault == .unknown { return .unknown(Broken(), parked: projection.parkedCount) }
    save(projection, transaction)
    return fault == nil
      ? .committed(parked: projection.parkedCount)
      : .unknown(Broken(), parked: projection.parkedCount)
  }

  private mutating func project(
    _ transaction: BatchApplication<String>.Transaction
  ) throws -> BatchProjection<WordCounts> {
    var held = BatchProjection<WordCounts>.Held()
    held.parked = state.parked
    held.parkedCount = state.parked.count
    let rows = Rows(over: known)
    rows.isIsolating = transaction.isIsolating
    while true {
      known.beginPass()
      rows.clear()
      var projection = BatchProjection(
        WordCounts(), codec: WordCodec(), parkingLimit: 10, held: held,
        parking: transaction.parking, failing: transaction.isIsolating ? .isTakenBack : .goesOn)
      for delivery in transaction.deliveries {
        marks.append(transaction.mark(delivery))
        known.partition = delivery.partition
        for entry in delivery.entries { try projection.take(entry, into: rows) }
        try rows.releasePartition()
      }
      try rows.save()
      let missing = known.missing
      if missing.isEmpty { return projection }
      for table in missing {
        known.insert(
          .init(
            schema: table.schema,
            rows: table.keys.map { key in
              guard case .text(let word) = key[0] else { return .init(key: key, values: nil) }
              return .init(key: key, values: state.counts[word].map { [.integer($0)] })
            }))
      }
    }
  }

  private mutating func save(
    _ projection: BatchProjection<WordCounts>,
    _ transaction: BatchApplication<String>.Transaction
  ) {
    for row in known.takeChanges(shared: true, isLast: true).flatMap(\.rows) {
      guard case .text(let word) = row.key[0] else { continue }
      state.counts[word] = nil
      if case .integer(let count)? = row.values?[0] { state.counts[word] = count }
    }
    for effect in projection.effects {
      switch effect {
      case .park(let failure): state.parked.insert(ByteKey(failure.streamID))
      case .keep(let record): state.kept.append(record.position)
      case .forgetParked(let stream):
        state.parked.remove(ByteKey(stream))
        state.kept.removeAll { "s\($0.sequenceNumber)" == stream }
      case .removed(let stream): state.removed.append(stream)
      }
    }
    for delivery in transaction.deliveries {
      state.checkpoints[delivery.partition]?.position = delivery.lastPosition
    }
  }
}

private struct WordCodec: EventCodec {
  let contentType = "text/plain"
  func type(of event: String) -> String { "Word" }
  func encode(_ event: String, into bytes: inout [UInt8]) { bytes += event.utf8 }
  func decode(type: String, payload: Span<UInt8>) throws -> String { "" }
}

@Suite struct BatchApplicationTests {
  /// An event of the stream `s0` or `s1`, each of which can fail, be unreadable, or be the stream's removal.
  enum Word: CaseIterable, CustomTestStringConvertible {
    case good, other, poison, unreadable, removed

    var testDescription: String { "\(self)" }
    var stream: Int { self == .other ? 1 : 0 }

    /// The sequence number stands for the stream, so that the simulated database knows whose event it was.
    func entry(_ partition: Partition, _ offset: UInt64) -> LogEntry<String, String> {
      let stream = partition == 0 ? self.stream : 2
      let position = EventPosition(
        partition: partition, partitionOffset: offset, sequenceNumber: UInt64(stream),
        version: offset)
      let time = Timestamp(microseconds: 0)
      let id = EventID(high: UInt64(partition), low: offset)
      switch self {
      case .removed: return .removed("s\(stream)", id: id, at: position)
      case .unreadable:
        let record = EventRecord(
          id: id, type: "Word", streamID: "s\(stream)", position: position, time: time, payload: [])
        return .unreadable(UnreadableEvent(record, reason: "so"))
      case .good, .other, .poison:
        return .event(
          Persisted(
            streamID: "s\(stream)", position: position, id: id, time: time,
            event: self == .poison ? "poison" : "w\(partition)"))
      }
    }
  }

  /// What the entries come to where what fails is parked, one after the other.
  private func expected(
    _ deliveries: [Delivery<String>], _ state: SimulatedDatabase.State, dead: EventPosition?
  ) -> SimulatedDatabase.State {
    var state = state
    for delivery in deliveries {
      for entry in delivery.entries {
        guard let streamID = entry.streamID else { continue }
        let stream = ByteKey(streamID)
        var fails = entry.position == dead || entry.isUnreadable
        if case .event(let event) = entry, event.event == "poison" { fails = true }
        if fails { state.parked.insert(stream) }
        if case .removed = entry, entry.position != dead, state.parked.remove(stream) != nil {
          state.kept.removeAll { "s\($0.sequenceNumber)" == streamID }
        }
        if state.parked.contains(stream) {
          state.kept.append(entry.position)
        } else if case .event(let event) = entry {
          state.counts[event.event, default: 0] += 1
        } else {
          state.removed.append(
            RemovedStream(
              streamID: streamID, partition: delivery.partition,
              position: entry.position.partitionOffset))
        }
      }
      state.checkpoints[delivery.partition]?.position = delivery.lastPosition
    }
    return state
  }

  /// The start of a case: which of the two leases are fenced, whether the stream `s0` is parked, and what an earlier process left.
  private struct Start {
    var fenced: Set<Partition>
    var isParked: Bool
    /// How often a process has ended on the first event; `nil` where none has.
    var deaths: Int?

    static let all: [Start] = [[], [0], [1], [0, 1]].flatMap { fenced in
      [false, true].flatMap { isParked in
        [nil, 0, 3].map { Start(fenced: fenced, isParked: isParked, deaths: $0) }
      }
    }

    var state: SimulatedDatabase.State {
      var state = SimulatedDatabase.State()
      for partition in [0, 1] as [Partition] {
        state.checkpoints[partition] = .init(
          epoch: fenced.contains(partition) ? 2 : 1, position: nil)
      }
      if isParked { state.parked = [ByteKey("s0")] }
      return state
    }

    var recoveries: [Partition: PartitionRecovery] {
      guard let deaths, let mark = CrashMark(deaths == 0 ? 2 : 1, attempts: deaths),
        let recovery = CrashRecovery(after: 0, applying: mark, decoding: nil)
      else { return [:] }
      return [0: PartitionRecovery(recovery: recovery, epoch: 1, applied: 0)]
    }
  }

  /// Each batch of up to two events of one partition and one of another, from each start, with each failure of each of
  /// its transactions: what is applied in the end is what the events come to, once.
  @Test(arguments: Word.allCases)
  func whateverFailsEachEventIsAppliedOnce(_ first: Word) throws {
    for second in [nil] + Word.allCases.map(Optional.some) {
      for third in [Word.good, .poison] {
        for start in Start.all {
          try checkAllFaults([first] + (second.map { [$0] } ?? []), third, start)
        }
      }
    }
  }

  private func checkAllFaults(_ words: [Word], _ other: Word, _ start: Start) throws {
    func delivery(_ partition: Partition, _ words: [Word]) -> Delivery<String> {
      Delivery(
        partition: partition, epoch: 1, after: nil,
        entries: words.enumerated().map { $1.entry(partition, UInt64($0) + 1) }, nextOffset: nil)
    }
    let deliveries = [delivery(0, words), delivery(1, [other])]
    let dead = start.deaths == 3 ? deliveries[0].entries[0].position : nil
    let applied = deliveries.filter { !start.fenced.contains($0.partition) }
    let expected = expected(applied, start.state, dead: dead)

    var count = 1
    var transaction = -1
    while transaction < count {
      for fault in SimulatedDatabase.Fault.allCases {
        var database = SimulatedDatabase(state: start.state)
        if transaction >= 0 { database.fault = (transaction, fault) }
        let (outcome, failures) = try database.work(deliveries, recoveries: start.recoveries)
        count = database.transactions
        let place = "\(words) \(other) \(start) \(fault)@\(transaction)"
        #expect(database.state == expected, "\(place)")
        #expect(Set(outcome.fenced.map(\.partition)) == start.fenced, "\(place)")
        if failures.isEmpty {
          let parked = expected.kept.count + forgotten(applied, start, dead)
          #expect(outcome.parked == parked, "\(place)")
        }
      }
      transaction += 1
    }
  }

  /// How many of the entries are parked and forgotten by a removal among them.
  private func forgotten(
    _ deliveries: [Delivery<String>], _ start: Start, _ dead: EventPosition?
  ) -> Int {
    guard let entries = deliveries.first?.entries, entries.count == 2 else { return 0 }
    guard case .removed = entries[1], entries[0].streamID == "s0" else { return 0 }
    if case .removed = entries[0] { return entries[0].position == dead ? 1 : 0 }
    return start.isParked || entries[0].position == dead || entries[0].isUnreadable ? 1 : 0
  }

  @Test func whatIsBrokenOffAgainAndAgainIsGivenUp() throws {
    let delivery = Delivery(
      partition: 0, epoch: 1, after: nil, entries: [Word.good.entry(0, 1)], nextOffset: nil)
    var application = BatchApplication([delivery], parking: [])
    for _ in 0..<BatchApplication<String>.attempts {
      #expect(try application.next() != nil)
      application.ended(.interrupted(SimulatedDatabase.Broken()))
    }
    #expect(throws: SimulatedDatabase.Broken.self) { try application.next() }
  }

  /// An outcome that nobody knows is known in the next attempt, however long that takes to come.
  @Test(arguments: [true, false]) func anUnknownOutcomeOutlivesTheBatch(_ isCommitted: Bool) throws
  {
    let delivery = Delivery(
      partition: 0, epoch: 4, after: 6, entries: [Word.good.entry(0, 7)], nextOffset: nil)
    var application = BatchApplication([delivery], parking: [])
    _ = try application.next()
    application.ended(.unknown(SimulatedDatabase.Broken(), parked: 1))
    var later = BatchApplication([delivery], parking: [], inDoubt: application.inDoubt)
    _ = try later.next()
    later.ended(.interrupted(SimulatedDatabase.Broken()))
    _ = try later.next()
    #expect(
      later.check([0: .init(epoch: 4, position: isCommitted ? 7 : 6)])
        == (isCommitted ? .applied(parked: 1) : .admitted))
    #expect(later.check([0: .init(epoch: 5, position: 7)]) == .fenced([delivery.lease]))
    later.ended(.committed(parked: 1))
    #expect(later.inDoubt == nil)
    #expect(try later.next() == nil)
  }

  /// Nobody has taken the partition where the epoch is the same: what was applied is gone.
  @Test func aCheckpointThatWasTakenBackIsToldFromATakeOver() throws {
    let delivery = Delivery(
      partition: 0, epoch: 4, after: 6, entries: [Word.good.entry(0, 7)], nextOffset: nil)
    for (epoch, position, isAhead) in [
      (4, 5, true), (4, nil, true), (4, 8, false), (5, 5, false), (5, 6, false),
    ] as [(UInt64, UInt64?, Bool)] {
      var application = BatchApplication([delivery], parking: [])
      _ = try application.next()
      var lease = delivery.lease
      lease.isAheadOfCheckpoint = isAhead
      #expect(
        application.check([0: .init(epoch: epoch, position: position)]) == .fenced([lease]),
        "epoch \(epoch), position \(position ?? 0)")
    }
  }

  @Test func eventsOfAForgottenStreamArePassedOver() throws {
    var held = BatchProjection<WordCounts>.Held()
    held.awaited = [ByteKey("s0"): 2]
    let rows = Rows()
    var projection = BatchProjection(
      WordCounts(), codec: WordCodec(), parkingLimit: 1, held: held, parking: [], failing: .stops)
    for (index, word) in [Word.poison, .removed, .good].enumerated() {
      try projection.take(word.entry(0, UInt64(index) + 1), into: rows)
    }
    #expect(try rows.list(WordCountRow.self) == [WordCountRow(key: "w0", count: 1)])
    #expect(
      projection.effects == [
        .removed(RemovedStream(streamID: "s0", partition: 0, position: 2))
      ])
  }

  @Test func tooManyParkedStreamsAreTheCodesFault() throws {
    var held = BatchProjection<WordCounts>.Held()
    held.parkedCount = 1
    var projection = BatchProjection(
      WordCounts(), codec: WordCodec(), parkingLimit: 1, held: held, parking: [], failing: .stops)
    #expect(throws: TooManyParked.self) {
      try projection.take(Word.unreadable.entry(0, 1), into: Rows())
    }
  }
}
