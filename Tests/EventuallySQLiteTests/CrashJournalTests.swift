import Eventually
import Foundation
import Synchronization
import Testing

@testable import EventuallySQLite

/// The words of each stream, in order.
private struct WordsModel: ReadModel {
  let name = "words"
  let schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [WordsRow.self]
  /// Called for each event.
  var onEvent: @Sendable () -> Void = {}

  func project(_ event: Persisted<String, String>, into rows: Rows) throws {
    onEvent()
    try rows.update(WordsRow.self, event.streamID) { row in
      row = WordsRow(
        key: event.streamID, words: row.map { "\($0.words) \(event.event)" } ?? event.event)
    }
  }

  func forget(_ streamID: String, in rows: Rows) throws {
    try rows.delete(WordsRow.self, streamID)
  }
}

private struct WordsRow: ReadModelRow {
  var key: String
  var words: String
  static let schema = TableSchema("words", key: [.text("stream")], values: [.text("words")])
  var values: [ColumnValue] { [.text(words)] }

  init(key: String, words: String) {
    self.key = key
    self.words = words
  }

  init(key: String, values: [ColumnValue]) throws {
    self.init(key: key, words: try values.text(0, of: Self.schema))
  }
}

/// A database that is let go without a word is to the next one as if its process had ended.
@Suite struct CrashJournalTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("words.sqlite") }

  init() throws {
    folder = try TemporaryFolder()
  }

  private func open() throws -> ReadModelDatabase<WordsModel> {
    try ReadModelDatabase(
      path: path, model: WordsModel(), codec: TextCodec(), storeID: "store", partitionCount: 2)
  }

  private func reader() throws -> ReadModelReader {
    try ReadModelReader(path: path, model: WordsModel())
  }

  private func rows() throws -> [String: String] {
    let connection = try SQLiteConnection(path: path, mode: .readOnly)
    let rows = try connection.rows("SELECT stream, words FROM words") { ($0.text(0), $0.text(1)) }
    return Dictionary(uniqueKeysWithValues: rows)
  }

  /// Entries such as `a:word`; `a:?` can't be decoded.
  private func delivery(_ lease: PartitionLease, _ words: String...) -> Delivery<String> {
    let entries = words.enumerated().map { offset, text -> LogEntry<String, String> in
      let parts = text.split(separator: ":").map { String($0) }
      let sequence = (lease.position ?? 0) + UInt64(offset) + 1
      let position = EventPosition(
        partition: lease.partition, partitionOffset: sequence, sequenceNumber: sequence,
        version: sequence)
      let record = EventRecord(
        id: EventID(high: 1, low: sequence), type: "Text", streamID: parts[0], position: position,
        time: Timestamp(microseconds: 5), payload: Array(parts[1].utf8))
      if parts[1] == "?" { return .unreadable(UnreadableEvent(record, reason: "it is not text")) }
      return .event(
        Persisted(
          streamID: parts[0], position: position, id: record.id, time: record.time, event: parts[1])
      )
    }
    return Delivery(
      partition: lease.partition, epoch: lease.epoch, after: lease.position, entries: entries,
      nextOffset: 1)
  }

  /// A process that ends while it applies events up to an offset.
  private func die(applying offset: UInt64, attempts: Int) async throws {
    let database = try open()
    _ = try await database.claim([0], owner: "dead")
    database.journal.begin(0, CrashMark(offset, attempts: attempts))
  }

  @Test func theEventThatEndsProcessesIsParkedAndOthersGoOn() async throws {
    try await die(applying: 5, attempts: 0)
    for attempt in 1...3 {
      let database = try open()
      #expect(try await database.crashedPartitions() == [0: attempt == 1 ? 5 : 3])
      let lease = try await database.claim([0], owner: "dead \(attempt)")[0]
      let recovery = await database.recoveries[0]?.recovery
      // Two events are applied by the first of them; then the third ends it.
      if attempt == 1 {
        let before = delivery(lease, "a:1", "b:2")
        #expect(try await database.apply([before], parking: []) == ApplyOutcome())
      }
      guard case .apply(let mark)? = recovery?.next(3) else {
        Issue.record("it is \(String(describing: recovery?.next(3)))")
        return
      }
      #expect(mark == CrashMark(3, attempts: attempt))
      database.journal.begin(0, mark)
    }
    let database = try open()
    let lease = try await database.claim([0], owner: "alive")[0]
    #expect(lease.position == 2)
    let outcome = try await database.apply(
      [delivery(lease, "a:3", "b:4", "a:5", "b:6", "c:7")], parking: [])
    #expect(outcome.parked == 2)
    #expect(try rows() == ["a": "1", "b": "2 4 6", "c": "7"])
    let parked = try await reader().parkedStreams()
    #expect(parked.map(\.streamID) == ["a"])
    #expect(parked.first?.reason.contains("ended the process 3 times") == true)
    #expect(try await reader().checkpoints().first?.position == 7)
    #expect(try await database.retryParked("a") == 2)
    #expect(try rows()["a"] == "1 3 5")
  }

  @Test func aProcessThatLivesIsNotTakenForDead() async throws {
    let database = try open()
    _ = try await database.claim([0], owner: "alive")
    database.journal.begin(0, CrashMark(5, attempts: 1))
    let other = try open()
    #expect(try await other.crashedPartitions().isEmpty)
    _ = try await other.claim([0], owner: "other")
    #expect(await other.recoveries.isEmpty)
    withExtendedLifetime(database) {}
  }

  @Test func aFencedWorkerBringsNoEventUnderSuspicion() async throws {
    let fenced = try open()
    let lease = try await fenced.claim([0], owner: "fenced")[0]
    try await die()
    let outcome = try await fenced.apply([delivery(lease, "a:1")], parking: [])
    #expect(outcome.fenced.map(\.epoch) == [lease.epoch])
    #expect(try await open().crashedPartitions().isEmpty)
  }

  /// A process that ends with a partition in its hands, and applies nothing.
  private func die() async throws {
    _ = try await open().claim([0], owner: "dead")
  }

  /// What the journal holds of the first partition: the word of what is being applied.
  private static func applying(_ path: String) -> UInt64? {
    let offset = (2 + 256 + 1) * 8
    guard let file = FileManager.default.contents(atPath: CrashJournalFile.path(ofDatabase: path)),
      file.count >= offset + 8
    else { return nil }
    let word: UInt64 = file[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    return word == 0 ? 0 : CrashNote.mark(word)?.word
  }

  /// `isCurrent` is asked where the transaction has got the lock, and before anything is projected.
  @Test func onlyWhileEventsAreProjectedAreTheyUnderSuspicion() async throws {
    let path = path
    let seen = Mutex<[UInt64?]>([])
    let model = WordsModel { seen.withLock { $0.append(Self.applying(path)) } }
    let database = try ReadModelDatabase(
      path: path, model: model, codec: TextCodec(), storeID: "store", partitionCount: 2
    ) {
      seen.withLock { $0.append(Self.applying(path)) }
      return true
    }
    let lease = try await database.claim([0], owner: "one")[0]
    _ = try await database.apply([delivery(lease, "a:1")], parking: [])
    #expect(seen.withLock { $0 } == [0, CrashMark(1, attempts: 1)?.word])
    #expect(Self.applying(path) == 0)
  }

  @Test func aFailureInTheMiddleOfARecoveryIsTriedAgainFromThere() async throws {
    try await die(applying: 4, attempts: 0)
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    let batch = delivery(lease, "a:1", "b:2", "c:?", "d:4")
    let outcome = try await database.apply([batch], parking: [])
    #expect(outcome == ApplyOutcome(parked: 1))
    // The same delivery once more: all of it is there already.
    #expect(try await database.apply([batch], parking: []) == ApplyOutcome())
    #expect(try rows() == ["a": "1", "b": "2", "d": "4"])
    let next = PartitionLease(partition: 0, epoch: lease.epoch, position: 4, offsetHint: nil)
    #expect(try await database.apply([delivery(next, "a:5")], parking: []) == ApplyOutcome())
    #expect(await database.recoveries.isEmpty)
    #expect(try rows()["a"] == "1 5")
  }

  @Test func decodingThatEndsProcessesIsNotTriedForEver() async throws {
    for attempt in 1...3 {
      let database = try open()
      _ = try await database.claim([1], owner: "dead \(attempt)")
      let journal = try #require(database.crashJournal)
      #expect(journal.beginDecoding(1, 1) == nil)
      journal.endDecoding(1)
      #expect(journal.beginDecoding(1, 2) == nil)
    }
    let database = try open()
    #expect(try await database.crashedPartitions() == [1: 2])
    _ = try await database.claim([1], owner: "alive")
    let decoder = EntryDecoder(TextCodec(), journal: database.crashJournal)
    let record = EventRecord(
      id: EventID(high: 1, low: 1), type: "Text", streamID: "a",
      position: EventPosition(partition: 1, partitionOffset: 2, sequenceNumber: 2, version: 1),
      time: Timestamp(microseconds: 5), payload: Array("x".utf8))
    let entry = try decoder.entry(record)
    #expect(entry.failure?.reason.contains("decoding it has ended the process 3 times") == true)
  }

  @Test func anUnreadableEventIsParkedWithoutAnAttempt() async throws {
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    let outcome = try await database.apply(
      [delivery(lease, "a:1", "b:?", "b:3", "a:4", "b:?")], parking: [])
    #expect(outcome.parked == 3)
    #expect(try rows() == ["a": "1 4"])
    #expect(try await reader().parkedEvents(of: "b").map(\.payload) == [[63], [51], [63]])
    #expect(try await reader().parkedStreams().first?.reason.contains("it is not text") == true)
  }

  @Test func aFileThatIsNoJournalIsMadeOne() async throws {
    try Data(repeating: 0xFF, count: 5000).write(
      to: URL(filePath: CrashJournalFile.path(ofDatabase: path)))
    let database = try open()
    #expect(try await database.crashedPartitions().isEmpty)
    _ = try await database.claim([0, 1], owner: "one")
    #expect(await database.recoveries.isEmpty)
  }

  @Test func notesOfADatabaseThatIsGoneSayNothing() async throws {
    try await die(applying: 5, attempts: 0)
    for suffix in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: path + suffix)
    }
    let database = try open()
    #expect(try await database.crashedPartitions().isEmpty)
    _ = try await database.claim([0], owner: "one")
    #expect(await database.recoveries.isEmpty)
  }

  @Test func aTruncatedJournalIsMadeAnew() async throws {
    try await die(applying: 5, attempts: 0)
    try FileHandle(
      forWritingTo: URL(filePath: CrashJournalFile.path(ofDatabase: path))
    ).truncate(atOffset: 0)
    let database = try open()
    #expect(try await database.crashedPartitions().isEmpty)
    let lease = try await database.claim([0], owner: "one")[0]
    #expect(try await database.apply([delivery(lease, "a:1")], parking: []) == ApplyOutcome())
    #expect(try rows() == ["a": "1"])
  }

  /// A worker claims its partitions from its group again, after it could not apply the events in doubt before it joined.
  @Test func whatIsInDoubtStaysSoUntilItIsApplied() async throws {
    try await die(applying: 5, attempts: 2)
    let database = try open()
    _ = try await database.claim([0], owner: "before the group")
    let lease = try await database.claim([0], owner: "in the group")[0]
    #expect(
      await database.recoveries[0]?.recovery.next(5) == CrashMark(5, attempts: 3).map { .apply($0) }
    )
    _ = try await database.apply([delivery(lease, "a:1", "b:2", "c:3", "d:4", "e:5")], parking: [])
    _ = try await database.claim([0], owner: "later")
    #expect(await database.recoveries.isEmpty)
  }

  @Test func parkRequestsAreKept() async throws {
    let database = try open()
    let lease = try await database.claim([0], owner: "one")[0]
    _ = try await database.apply([delivery(lease, "a:1")], parking: [])
    await #expect(throws: ReadModelError.self) {
      try await database.requestParking(of: 0, at: 1)
    }
    try await database.requestParking(of: 0, at: 2)
    #expect(try await database.parkRequests(in: 0) == [2])
    #expect(try await database.parkRequests(in: 1) == [])
  }
}
