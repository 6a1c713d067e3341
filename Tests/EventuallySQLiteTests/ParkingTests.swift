import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// All words of each stream in order; fails on a word once it has half changed its row, unless it is fixed.
private struct SentenceModel: ReadModel {
  struct Refused: Error {}
  let name = "sentences"
  let schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [SentenceRow.self]
  var isFixed = false

  func project(_ event: Persisted<String, String>, into rows: Rows) throws {
    for key in [event.streamID, "all"] {
      try rows.update(SentenceRow.self, key) { row in
        // What all streams have a part in must not depend on their order.
        let words = (row?.words ?? "").split(separator: " ").map { String($0) } + [event.event]
        let sorted = key == "all" ? words.sorted() : words
        row = SentenceRow(key: key, words: sorted.joined(separator: " "))
      }
      if event.event.hasPrefix("!"), !isFixed { throw Refused() }
    }
  }

  func forget(_ streamID: String, in rows: Rows) throws {
    try rows.delete(SentenceRow.self, streamID)
  }
}

private struct SentenceRow: ReadModelRow {
  var key: String
  var words: String
  static let schema = TableSchema("sentences", key: [.text("stream")], values: [.text("words")])
  var values: [ColumnValue] { [.text(words)] }

  init(key: String, words: String) {
    self.key = key
    self.words = words
  }

  init(key: String, values: [ColumnValue]) throws {
    self.init(key: key, words: try values.text(0, of: Self.schema))
  }
}

@Suite struct ParkingTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("sentences.sqlite") }

  init() throws {
    folder = try TemporaryFolder()
  }

  private func open(fixed: Bool = false) throws -> ReadModelDatabase<SentenceModel> {
    try ReadModelDatabase(
      path: path, model: SentenceModel(isFixed: fixed), codec: TextCodec(), storeID: "store",
      partitionCount: 1)
  }

  private func reader() throws -> ReadModelReader {
    try ReadModelReader(path: path, model: SentenceModel())
  }

  /// Entries such as `a:word`; `a:-` is the removal of the stream.
  private func delivery(
    _ lease: PartitionLease, after: UInt64?, _ words: String...
  ) -> Delivery<String> {
    let entries = words.enumerated().map { offset, text -> LogEntry<String, String> in
      let parts = text.split(separator: ":").map { String($0) }
      let sequence = (after ?? 0) + UInt64(offset) + 1
      let position = EventPosition(
        partition: 0, partitionOffset: sequence, sequenceNumber: sequence, version: sequence)
      if parts[1] == "-" {
        return .removed(parts[0], id: EventID(high: 1, low: sequence), at: position)
      }
      let time = Timestamp(microseconds: 5)
      return .event(
        Persisted(
          streamID: parts[0], position: position, id: EventID(high: 1, low: sequence), time: time,
          event: parts[1]))
    }
    return Delivery(
      partition: 0, epoch: lease.epoch, after: after, entries: entries, nextOffset: 1)
  }

  private func rows() throws -> [String: String] {
    let connection = try SQLiteConnection(path: path, mode: .readOnly)
    let rows = try connection.rows("SELECT stream, words FROM sentences") {
      ($0.text(0), $0.text(1))
    }
    return Dictionary(uniqueKeysWithValues: rows)
  }

  /// Applies as a projector does that gives an event one attempt.
  private func apply(
    _ delivery: Delivery<String>, to database: ReadModelDatabase<SentenceModel>
  ) async throws -> ApplyOutcome {
    do {
      return try await database.apply([delivery], parking: [])
    } catch let error as ProjectionFailures {
      return try await database.apply([delivery], parking: error.failures)
    }
  }

  @Test func allThatFailIsFoundInOneAttempt() async throws {
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    let batch = delivery(lease, after: nil, "a:1", "b:!2", "b:3", "c:!4", "a:5")
    let error = await #expect(throws: ProjectionFailures.self) {
      try await database.apply([batch], parking: [])
    }
    #expect(error?.failures.map(\.streamID) == ["b", "c"])
    #expect(error?.failures.map(\.position.partitionOffset) == [2, 4])
    #expect(try rows().isEmpty)
    #expect(try await reader().parkedStreams().isEmpty)
  }

  @Test func aStreamIsParkedWithWhatFollowsAndRestored() async throws {
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    let first = try await apply(
      delivery(lease, after: nil, "a:1", "b:2", "b:!3", "b:4", "a:5"), to: database)
    #expect(first.parked == 2)
    // Of the event that failed nothing is left, in its own row or in others'.
    #expect(try rows() == ["a": "1 5", "b": "2", "all": "1 2 5"])
    let second = try await apply(delivery(lease, after: 5, "b:6", "a:7"), to: database)
    #expect(second.parked == 1)
    #expect(try rows() == ["a": "1 5 7", "b": "2", "all": "1 2 5 7"])
    let parked = try await reader().parkedStreams()
    #expect(parked.map(\.streamID) == ["b"])
    #expect(parked.first?.events == 3 && parked.first?.firstPosition == 3)
    let events = try await reader().parkedEvents(of: "b")
    #expect(events.map { String(decoding: $0.payload, as: UTF8.self) } == ["!3", "4", "6"])
    #expect(events.map(\.id) == [3, 4, 6].map { EventID(high: 1, low: $0) })
    #expect(try await reader().unapplied() == [0: [3, 4, 6]])
    #expect(try await reader().unapplied(upTo: 4) == [0: [3, 4]])

    // The same code fails again, and changes nothing but the reason: since when the stream is parked is not now.
    try SQLiteConnection(path: path, mode: .readWrite).execute(
      "UPDATE parked_streams SET since = 7, reason = 'before'")
    await #expect(throws: ProjectionFailures.self) { try await database.retryParked("b") }
    #expect(try rows() == ["a": "1 5 7", "b": "2", "all": "1 2 5 7"])
    let still = try #require(try await reader().parkedStreams().first)
    #expect(still.events == 3 && still.since == Timestamp(microseconds: 7), "\(still)")
    #expect(still.reason.contains("Refused"), "\(still)")
    #expect(try await reader().parkedStreamCount() == 1)

    let fixed = try open(fixed: true)
    #expect(try await fixed.retryParked("b") == 3)
    #expect(try rows() == ["a": "1 5 7", "b": "2 !3 4 6", "all": "!3 1 2 4 5 6 7"])
    #expect(try await reader().unappliedCounts() == UnappliedCounts())
    await #expect(throws: ReadModelError.self) { try await fixed.retryParked("b") }
    #expect(try await apply(delivery(lease, after: 7, "b:8"), to: database).parked == 0)
  }

  /// What a retry would do is known without doing it.
  @Test func aParkedStreamIsTriedAndStaysAsItIs() async throws {
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    _ = try await apply(delivery(lease, after: nil, "a:1", "b:!2", "b:3", "b:4"), to: database)
    let failing = try await database.tryParked("b", limit: 10)
    #expect(failing.events == 3 && failing.tried == 0 && failing.changes.isEmpty)
    #expect(failing.failure?.position.partitionOffset == 2, "\(failing)")

    let fixed = try open(fixed: true)
    func changes(_ trial: ParkedTrial) -> [String] {
      trial.changes.map { "\($0.table.name) \($0.key) \($0.before as Any) \($0.after as Any)" }
    }
    func row(_ key: String, _ before: String?, _ after: String) -> String {
      let before = before.map { [ColumnValue.text($0)] }
      let after: [ColumnValue]? = [.text(after)]
      return "sentences \([ColumnValue.text(key)]) \(before as Any) \(after as Any)"
    }
    let trial = try await fixed.tryParked("b", limit: 10)
    #expect(trial.events == 3 && trial.tried == 3 && trial.failure == nil)
    #expect(changes(trial) == [row("b", nil, "!2 3 4"), row("all", "1", "!2 1 3 4")])
    let part = try await fixed.tryParked("b", limit: 2)
    #expect(part.events == 3 && part.tried == 2)
    #expect(changes(part) == [row("b", nil, "!2 3"), row("all", "1", "!2 1 3")])

    #expect(try rows() == ["a": "1", "all": "1"])
    #expect(try await reader().parkedStreams().map(\.events) == [3])
    await #expect(throws: ReadModelError.self) { try await fixed.tryParked("a", limit: 1) }
    // Its worker has not lost the partition.
    #expect(try await apply(delivery(lease, after: 4, "a:5"), to: database).fenced.isEmpty)
    #expect(try await fixed.retryParked("b") == 3)
    #expect(try rows() == ["a": "1 5", "b": "!2 3 4", "all": "!2 1 3 4 5"])
  }

  /// Where ever more streams fail, it is the code that is at fault: the read model stands still and says so.
  @Test func parkingHasALimit() async throws {
    let database = try ReadModelDatabase(
      path: path, model: SentenceModel(), codec: TextCodec(), storeID: "store", partitionCount: 1,
      parkingLimit: 2)
    let lease = try await database.claim([0], owner: "one")[0]
    _ = try await apply(delivery(lease, after: nil, "a:!1", "b:!2", "a:3"), to: database)
    let error = await #expect(throws: ReadModelError.self) {
      try await apply(delivery(lease, after: 3, "d:4", "c:!5"), to: database)
    }
    #expect(error?.description.contains("fix the code") == true)
    #expect(try rows().isEmpty)
    _ = try await database.dropParked("a")
    #expect(try await apply(delivery(lease, after: 3, "d:4", "c:!5"), to: database).parked == 1)
    #expect(try rows()["d"] == "4")
  }

  @Test func whatIsDroppedStaysOnRecord() async throws {
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    _ = try await apply(delivery(lease, after: nil, "b:1", "b:!2", "b:3"), to: database)
    #expect(try await database.dropParked("b") == 2)
    await #expect(throws: ReadModelError.self) { try await database.dropParked("b") }
    // Later events are applied again.
    #expect(try await apply(delivery(lease, after: 3, "b:4"), to: database).parked == 0)
    #expect(try rows()["b"] == "1 4")
    #expect(try await reader().unappliedCounts().droppedEvents == 2)
    #expect(try await reader().unapplied() == [0: [2, 3]])
  }

  @Test func aRemovedStreamIsParkedNoLonger() async throws {
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    _ = try await apply(delivery(lease, after: nil, "b:1", "b:!2"), to: database)
    _ = try await apply(delivery(lease, after: 2, "b:3", "b:-", "b:5"), to: database)
    #expect(try rows()["b"] == "5")
    #expect(try await reader().unappliedCounts() == UnappliedCounts())
  }

  @Test func rejectedRecordsAreKeptOnceAndNotForEver() async throws {
    let database = try open()
    func record(_ offset: Int64) -> RejectedRecord {
      RejectedRecord(
        partition: 0, offset: offset, reason: "strange", key: [1, 2], value: [3], size: 900)
    }
    try await database.keep([record(1), record(2)])
    try await database.keep([record(2)])
    #expect(try await reader().unappliedCounts().rejectedRecords == 2)
    #expect(try await reader().rejectedRecords(limit: 5).contains(record(1)))
    try await database.keep((3...10_100).map { record($0) })
    #expect(try await reader().unappliedCounts().rejectedRecords == 10_000)
    let offsets = try await reader().rejectedRecords(limit: 20_000).map(\.offset)
    #expect(offsets.min() == 101 && offsets.max() == 10_100)
  }

  /// Random streams of which some words fail: with all of them parked and restored, in whatever batches, the read
  /// model is what it is without a failure.
  @Test func parkingAndRestoringIsAsIfNothingHadFailed() async throws {
    let seed = UInt64.random(in: .min ... .max)
    var state = seed
    func next(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    let memory = Rows()
    let database = try open()
    let fixed = try open(fixed: true)
    let lease = try await database.claim([0], owner: "one")[0]
    var position: UInt64?
    for _ in 0..<120 {
      let words = (0...next(6)).map { _ in
        let stream = "s\(next(6))"
        switch next(30) {
        case 0: return "\(stream):-"
        case 1...3: return "\(stream):!\(next(100))"
        default: return "\(stream):\(next(100))"
        }
      }
      var batch = delivery(lease, after: position)
      for (offset, word) in words.enumerated() {
        batch.entries += delivery(lease, after: (position ?? 0) + UInt64(offset), word).entries
      }
      for entry in batch.entries {
        try SentenceModel(isFixed: true).take(entry, into: memory)
      }
      _ = try await apply(batch, to: database)
      position = batch.lastPosition
      if next(8) == 0, let stream = try await reader().parkedStreams().first {
        _ = try await fixed.retryParked(stream.streamID)
      }
    }
    for stream in try await reader().parkedStreams() {
      _ = try await fixed.retryParked(stream.streamID)
    }
    var expected = try memory.all(SentenceRow.self).mapValues(\.words)
    var found = try rows()
    // Words of a stream that was removed while it was parked never came into the common row.
    expected["all"] = nil
    found["all"] = nil
    #expect(found == expected, "seed \(seed)")
  }
}
