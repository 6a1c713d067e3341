import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

@Suite struct SQLiteEventStoreTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("store.sqlite") }

  init() throws {
    folder = try TemporaryFolder()
  }

  private func open(_ partitions: Partition? = 4) throws -> TextStore {
    try TextStore(path: path, codec: TextCodec(), options: .init(partitionCount: partitions))
  }

  @Test func whatIsAppendedIsThereAfterReopening() async throws {
    let store = try open()
    let id = store.storeID
    _ = try await store.append(["one", "two"], to: "a", expecting: .exact(0))
    _ = try await store.append(["three"], to: "b", expecting: .exact(0))
    let appended = try await store.append(["four"], to: "a", expecting: .exact(2))
    #expect(appended.last.sequenceNumber == 4)
    #expect(appended.version == 3)
    await store.close()
    await #expect(throws: EventStoreError.self) {
      try await store.append(["late"], to: "a", expecting: .any)
    }
    let again = try open(nil)
    #expect(again.storeID == id)
    #expect(again.partitionCount == 4)
    #expect(again.head.position == 4)
    let events = try await collect(again.stream("a", .all))
    #expect(events.map(\.event) == ["one", "two", "four"])
    #expect(events.map(\.version) == [1, 2, 3])
    #expect(try await collect(again.stream("a", .from(3))).map(\.event) == ["four"])
    #expect(try await collect(again.stream("nobody", .all)).isEmpty)
    let next = try await again.append(["five"], to: "b", expecting: .exact(1))
    #expect(next.last.sequenceNumber == 5)
  }

  /// Names and texts of metadata may hold whatever separates names and texts elsewhere.
  @Test func metadataOfAnyNameIsKept() async throws {
    let names = [
      "a=b", "a&b", "a\nb", "a\r\nb: c", "100%", "%3D", "é\u{301}", "日本", "\"\\", "\u{0}", "",
    ]
    let metadata = EventMetadata(
      correlationID: "c=1&d\n%20é",
      additional: Dictionary(uniqueKeysWithValues: names.map { ($0, "<\($0)>=\($0)\n") }))
    let store = try open()
    try await EventMetadata.$current.withValue(metadata) {
      _ = try await store.append(["one"], to: "a", expecting: .any)
    }
    #expect(try await collect(store.stream("a", .all)).map(\.metadata) == [metadata])
    #expect(try await store.records(after: 0, limit: 1).map(\.metadata) == [metadata])
  }

  /// It is refused since stores can be copied to databases that have no such text.
  @Test func whatIsThereWithU0000CanBeReadAndRemoved() async throws {
    let store = try open()
    _ = try await store.append(["one", "two"], to: "a", expecting: .any)
    let name = "a\u{0}b"
    let connection = try SQLiteConnection(path: path, mode: .readWrite)
    try connection.run("UPDATE streams SET id = ? WHERE id = 'a'", .text(name))
    try connection.run("UPDATE events SET type = ? WHERE sequence = 2", .text("Te\u{0}xt"))
    await #expect(throws: EventStoreError.self) {
      try await store.append(["three"], to: name, expecting: .any)
    }
    let records = try await store.log.records(ofStream: name)
    #expect(records.map(\.streamID) == [name, name])
    #expect(records.map(\.type) == ["Text", "Te\u{0}xt"])
    #expect(try await store.log.version(ofStream: name) == 2)
    #expect(try await store.remove(name)?.sequenceNumber == 3)
    #expect(try await collect(store.stream(name, .all)).isEmpty)
  }

  @Test func anEventTypeWithU0000IsRefused() async throws {
    struct Typed: EventCodec {
      let contentType = "text/plain"
      func type(of event: String) -> String { event }
      func encode(_ event: String, into bytes: inout [UInt8]) {}
      func decode(type: String, payload: Span<UInt8>) -> String { type }
    }
    let stores: [any EventStore<String, String>] = [
      try SQLiteEventStore(path: path, codec: Typed()), InMemoryEventStore(checking: Typed()),
    ]
    for store in stores {
      await #expect {
        _ = try await store.append(["ab", "a\u{0}b"], to: "a", expecting: .any)
      } throws: {
        guard case .invalid? = $0 as? EventStoreError else { return false }
        return true
      }
      #expect(try await store.append(["ab"], to: "a", expecting: .exact(0)).version == 1)
    }
  }

  @Test func aConflictTellsBothVersionsAndAppendsNothing() async throws {
    let store = try open()
    _ = try await store.append(["one"], to: "a", expecting: .any)
    do {
      _ = try await store.append(["two"], to: "a", expecting: .exact(0))
      Issue.record("appended at the wrong version")
    } catch .conflict(let conflict) {
      #expect(conflict == VersionConflict(streamID: "a", expected: 0, actual: 1))
    } catch {
      Issue.record("\(error)")
    }
    #expect(store.head.position == 1)
  }

  /// One caller's conflict must not fail the appends that share its transaction.
  @Test func concurrentAppendsShareTransactionsAndFailAlone() async throws {
    let store = try open()
    let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<400 {
        group.addTask {
          do {
            // Of the two that write to each stream, one must find the other's event.
            _ = try await store.append(
              ["\(number)"], to: "stream-\(number / 2)", expecting: .exact(0))
            return true
          } catch {
            guard let refusal = error as? EventStoreError, case .conflict = refusal else {
              throw error
            }
            return false
          }
        }
      }
      return try await group.reduce(into: [Bool: Int]()) { $0[$1, default: 0] += 1 }
    }
    #expect(outcomes == [true: 200, false: 200])
    let records = try await store.records(after: 0, limit: 1000)
    #expect(records.map(\.position.sequenceNumber) == (1...200).map { $0 })
    let heads = try await store.log.heads()
    #expect(heads.reduce(0, +) == 200)
    for partition in 0..<store.partitionCount {
      let part = try await store.log.records(partition: partition, after: 0, limit: 1000)
      #expect(
        part.map(\.position.partitionOffset) == (0..<heads[Int(partition)]).map { $0 + 1 })
      for record in part {
        #expect(Partitioner(count: 4).partition(of: record.streamID) == partition)
      }
    }
    for sequence in 0...201 {
      let counted = (0..<store.partitionCount).map { partition in
        UInt64(records.prefix(sequence).count { $0.position.partition == partition })
      }
      #expect(try await store.heads(at: UInt64(sequence)) == counted)
    }
  }

  /// Positions come from requests and command lines: beyond the largest there is nothing, and no trap.
  @Test(arguments: [.max, .max - 1, 1 << 63, (1 << 63) - 1] as [UInt64])
  func beyondTheLargestPositionThereIsNothing(position: UInt64) async throws {
    let store = try open()
    _ = try await store.append(["a", "b"], to: "s", expecting: .any)
    let log = store.log
    #expect(try await log.records(after: position, limit: 10).isEmpty)
    #expect(try await log.records(after: position, limit: 10, of: [0, 1]).isEmpty)
    #expect(try await log.records(partition: 0, after: position, limit: 10).isEmpty)
    #expect(try await log.heads(at: position) == log.heads())
    for try await persisted in store.stream("s", .from(position)) {
      Issue.record("\(persisted) is not beyond \(position)")
    }
    for try await entry in store.streamAll(.from(position)) {
      Issue.record("\(entry) is not beyond \(position)")
    }
  }

  @Test func longStreamsAndLogsAreReadInPages() async throws {
    let store = try open()
    for round in 0..<13 {
      _ = try await store.append(
        (0..<200).map { "\(round)-\($0)" }, to: round % 2 == 0 ? "long" : "other",
        expecting: .any)
    }
    let long = try await collect(store.stream("long", .from(2)))
    #expect(long.count == 1399)
    #expect(long.map(\.version) == (2...1400).map { $0 })
    let all = try await collect(store.streamAll(.from(101)))
    #expect(all.map(\.position.sequenceNumber) == (101...2600).map { $0 })
  }

  @Test func aRemovedStreamIsErasedAndBeginsAgain() async throws {
    let store = try open(1)
    let secret = "a secret that must be gone from the file"
    _ = try await store.append([secret, "two"], to: "a", expecting: .exact(0))
    _ = try await store.append(["other"], to: "b", expecting: .exact(0))
    let removal = try #require(try await store.remove("a"))
    #expect(try await store.remove("a") == nil)
    #expect(try await store.remove("unknown") == nil)
    #expect(await store.waitForErasure(of: removal, atMost: .seconds(60)))
    #expect(try await collect(store.stream("a", .all)).isEmpty)
    let appended = try await store.append(["new"], to: "a", expecting: .exact(0))
    #expect(appended.version == 1)
    #expect(appended.last.sequenceNumber == 5)
    #expect(try await collect(store.stream("a", .all)).map(\.event) == ["new"])
    let log = try await collect(store.streamAll(.all)).map { entry in
      switch entry {
      case .event(let persisted): persisted.event
      case .removed(let id, _, let position): "removed \(id) at \(position.partitionOffset)"
      case .erased: "erased"
      case .other: "not taken"
      case .unreadable(let event): "unreadable \(event.streamID)"
      }
    }
    #expect(log == ["erased", "erased", "other", "removed a at 4", "new"])
    for file in ["store.sqlite", "store.sqlite-wal"] {
      let data = FileManager.default.contents(atPath: folder.file(file)) ?? Data()
      #expect(data.range(of: Data(secret.utf8)) == nil, "\(file) still holds the event")
    }
  }

  @Test func aLiveSubscriptionSeesWhatComes() async throws {
    let store = try open()
    _ = try await store.append(["one"], to: "a", expecting: .any)
    let reader = Task {
      var seen: [UInt64] = []
      for try await entry in store.subscribeAll(after: 0) {
        seen.append(entry.position.sequenceNumber)
        if seen.count == 301 { break }
      }
      return seen
    }
    for number in 0..<300 { _ = try await store.append(["\(number)"], to: "b", expecting: .any) }
    #expect(try await reader.value == (1...301).map { $0 })
  }

  @Test func badRequestsAreRefused() async throws {
    let store = try open()
    await #expect(throws: EventStoreError.self) {
      _ = try await store.append([], to: "a", expecting: .any)
    }
    await #expect(throws: EventStoreError.self) {
      _ = try await store.append(["x"], to: "", expecting: .any)
    }
    await #expect(throws: EventStoreError.self) {
      _ = try await store.append(
        [String(repeating: "x", count: RecordLimit.brokerDefault)], to: "a", expecting: .any)
    }
    #expect(store.head.position == 0)
  }

  @Test func aSecondWriterIsRefused() throws {
    let store = try open()
    let error = #expect(throws: StoreOpenError.self) { try open() }
    #expect(error?.code == .locked, "\(String(describing: error))")
    let process = "process \(ProcessInfo.processInfo.processIdentifier)"
    #expect(error?.owner?.contains(process) == true)
    withExtendedLifetime(store) {}
  }

  @Test func anotherNumberOfPartitionsIsRefused() throws {
    _ = try open(4)
    let error = #expect(throws: StoreOpenError.self) { try open(5) }
    #expect(error?.code == .partitionCount && error?.expected == 5 && error?.found == 4)
  }

  @Test func whatIsNoStoreOrANewerOneIsRefused() throws {
    let other = try SQLiteConnection(path: path, mode: .create)
    try other.execute("CREATE TABLE something (x)")
    let strange = #expect(throws: StoreOpenError.self) { try open() }
    #expect(strange?.code == .notAStore)
    try other.execute("DROP TABLE something; PRAGMA user_version = 99")
    let newer = #expect(throws: StoreOpenError.self) { try open() }
    #expect(newer?.code == .newer && newer?.found == 99)
    try Data("this is not a database, but a text of some length".utf8).write(
      to: URL(filePath: folder.file("text")))
    #expect(throws: StoreOpenError.self) {
      try TextStore(path: folder.file("text"), codec: TextCodec())
    }
    #expect(throws: StoreOpenError.self) {
      try TextStore(path: folder.file("missing/store"), codec: TextCodec())
    }
  }

  /// A full disk fails the append that met it, and nothing else: with space again, appends go on.
  @Test func aFullStoreRefusesAndGoesOnWhenThereIsSpace() async throws {
    let writer = try StoreWriter(
      path: path, partitionCount: 1, transactionLimit: 100, queueLimit: 1000,
      heartbeats: Heartbeats(), clock: Timestamp.now)
    try await writer.limitPages(40)
    let large = [String(repeating: "x", count: 100_000)]
    var refused = false
    for number in 0..<20 where !refused {
      do {
        _ = try await writer.append(large, to: "s\(number)")
      } catch {
        guard case .full(let what) = error else { throw error }
        #expect(what.contains(path))
        refused = true
      }
    }
    #expect(refused, "40 pages held it all")
    let head = writer.head.position
    try await writer.limitPages(100_000)
    guard case .added(let last) = try await writer.append(large, to: "after") else {
      Issue.record("nothing was added")
      return
    }
    #expect(last.sequenceNumber == head + 1)
  }

  /// A clock that is a day ahead for a while leaves no event after that in the future, and a moment is found all the same.
  @Test func timesAreWhatTheClockSaid() async throws {
    let clock = Locked(Timestamp(microseconds: 0))
    var options = TextStore.Options(partitionCount: 2)
    options.clock = { clock.withLock { $0 } }
    func append(at seconds: Int64) async throws {
      clock.withLock { $0 = Timestamp(microseconds: seconds * 1_000_000) }
      let store = try TextStore(path: path, codec: TextCodec(), options: options)
      _ = try await store.append(["one", "two"], to: "s", expecting: .any)
      await store.close()
    }
    let day: Int64 = 86_400
    for time in [100, 200, day + 300, day + 400, 500, 600] { try await append(at: time) }
    let log = try SQLiteEventLog(path: path)
    let times = try await log.records(after: 0, limit: 100).map {
      $0.time.microseconds / 1_000_000
    }
    #expect(times == [100, 200, day + 300, day + 400, 500, 600].flatMap { [$0, $0] })
    // Moments before, within and after the hours that the clock was ahead.
    for (time, sequence) in [
      (99, 0), (100, 2), (250, 4), (499, 4), (500, 10), (599, 10), (600, 12), (day, 12),
      (day + 400, 12),
    ] as [(Int64, UInt64)] {
      let moment = Timestamp(microseconds: time * 1_000_000)
      #expect(try await log.sequenceNumber(at: moment) == sequence, "\(time)")
      #expect(try await ByReading(log: log).sequenceNumber(at: moment) == sequence, "\(time)")
    }
  }

  /// A log that can look nothing up, as one over a network.
  private struct ByReading: EventLog {
    let log: SQLiteEventLog
    var storeID: String { log.storeID }
    var partitionCount: Partition { log.partitionCount }
    func records(after sequence: UInt64, limit: Int) async throws(EventStoreError) -> [EventRecord]
    {
      try await log.records(after: sequence, limit: limit)
    }
    func records(
      after sequence: UInt64, limit: Int, of partitions: Set<Partition>
    ) async throws -> [EventRecord] {
      try await log.records(after: sequence, limit: limit, of: partitions)
    }
    func records(
      partition: Partition, after position: UInt64, limit: Int
    ) async throws -> [EventRecord] {
      try await log.records(partition: partition, after: position, limit: limit)
    }
    func heads() async throws -> [UInt64] { try await log.heads() }
  }

  /// What waits has a limit, and what is beyond it is told to come again; nothing that was taken in is lost.
  @Test func tooMuchAtOnceIsRefusedAndNothingElse() async throws {
    let writer = try StoreWriter(
      path: path, partitionCount: 1, transactionLimit: 10, queueLimit: 20,
      heartbeats: Heartbeats(), clock: Timestamp.now)
    let outcomes = await withTaskGroup(of: String.self) { group in
      for number in 0..<2000 {
        group.addTask {
          do {
            _ = try await writer.append(["a", "b"], to: "s\(number)")
            return "appended"
          } catch {
            return "\(error)"
          }
        }
      }
      return await group.reduce(into: [String]()) { $0.append($1) }
    }
    let appended = outcomes.count { $0 == "appended" }
    #expect(appended > 0)
    #expect(Set(outcomes).isSubset(of: ["appended", EventStoreError.overloaded.description]))
    #expect(writer.head.position == UInt64(appended * 2))
    _ = try await writer.append(["c"], to: "after")
  }

  /// Whoever reads a store that is just being made is told so, and not that it is something else.
  @Test func aFileWithoutTablesIsAStoreToBe() throws {
    try Data().write(to: URL(filePath: path))
    let error = #expect(throws: StoreOpenError.self) { try SQLiteEventLog(path: path) }
    #expect(error?.code == .empty)
    #expect(try open().head.position == 0)
  }

  @Test func theOutboxRemembersWhatIsPublished() async throws {
    let store = try open()
    _ = try await store.append(["one", "two"], to: "a", expecting: .any)
    #expect(try await store.published() == 0)
    try await store.markPublished(2)
    #expect(try await store.published() == 2)
  }
}

extension StoreWriter {
  /// Lets the file grow to so many pages, as a disk of that size would.
  func limitPages(_ count: Int) throws {
    try connection.execute("PRAGMA max_page_count = \(count)")
  }

  func append(_ events: [String], to streamID: String) async throws(EventStoreError)
    -> StoreOutcome
  {
    let encoder = AppendEncoder(TextCodec(), limit: RecordLimit(), readsBack: false)
    let encoded = try encoder(events, of: streamID, metadata: EventMetadata())
    return try await perform(.append(streamID: streamID, expecting: .any, encoded))
  }
}

@Suite struct SQLiteSnapshotTests {
  private let folder: TemporaryFolder
  private let store: TextStore

  init() throws {
    folder = try TemporaryFolder()
    store = try TextStore(path: folder.file("store.sqlite"), codec: TextCodec())
  }

  private func snapshot(_ appended: AppendResult, _ text: String) -> Snapshot {
    Snapshot(
      version: appended.version, sequenceNumber: appended.last.sequenceNumber, schemaVersion: 3,
      payload: Array(text.utf8))
  }

  @Test func theNewestSnapshotIsKept() async throws {
    let first = try await store.append(["a", "b"], to: "s", expecting: .any)
    let second = try await store.append(["c"], to: "s", expecting: .any)
    try await store.save(snapshot(second, "newer"), of: "s")
    try await store.save(snapshot(first, "older"), of: "s")
    #expect(try await store.snapshot(of: "s") == snapshot(second, "newer"))
    #expect(try await store.snapshot(of: "t") == nil)
    // Of an event that is another stream's, or has another version.
    let other = try await store.append(["x"], to: "t", expecting: .any)
    try await store.save(snapshot(other, "wrong"), of: "s")
    try await store.save(snapshot(second, "wrong"), of: "t")
    #expect(try await store.snapshot(of: "s") == snapshot(second, "newer"))
    #expect(try await store.snapshot(of: "t") == nil)
  }

  /// Nothing is left of a removed stream's state, in the file or in its log.
  @Test func aRemovedStreamsSnapshotIsErased() async throws {
    let appended = try await store.append(["a"], to: "s", expecting: .any)
    try await store.save(snapshot(appended, "a secret state"), of: "s")
    let removal = try #require(try await store.remove("s"))
    #expect(await store.waitForErasure(of: removal, atMost: .seconds(60)))
    #expect(try await store.snapshot(of: "s") == nil)
    try await store.save(snapshot(appended, "a secret state"), of: "s")
    #expect(try await store.snapshot(of: "s") == nil)
    for file in ["store.sqlite", "store.sqlite-wal"] {
      let data = try Data(contentsOf: URL(filePath: folder.file(file)))
      #expect(data.range(of: Data("secret".utf8)) == nil, "\(file)")
    }
  }

  @Test func aStoreFromBeforeSnapshotsGetsTheirTable() async throws {
    let path = folder.file("old.sqlite")
    do {
      let old = try TextStore(path: path, codec: TextCodec())
      _ = try await old.append(["a"], to: "s", expecting: .any)
      await old.close()
    }
    do {
      let connection = try SQLiteConnection(path: path, mode: .readWrite)
      try connection.execute(
        """
        DROP TABLE idempotency_keys; DROP TABLE erasures; DROP TABLE snapshots; ALTER TABLE events DROP COLUMN metadata; DROP INDEX large_streams;
        ALTER TABLE streams DROP COLUMN bytes; PRAGMA user_version = 1
        """)
    }
    #expect { try SQLiteEventLog(path: path) } throws: { error in
      let error = error as? StoreOpenError
      return error?.code == .older && error?.found == 1
    }
    let store = try TextStore(path: path, codec: TextCodec())
    #expect(try await SQLiteEventLog(path: path).head() == 1)
    let appended = try await store.append(["b"], to: "s", expecting: .exact(1))
    try await store.save(snapshot(appended, "two"), of: "s")
    #expect(try await store.snapshot(of: "s")?.version == 2)
  }

  private func isTooLarge(_ error: any Error) -> Bool {
    guard case .streamTooLarge? = error as? EventStoreError else { return false }
    return true
  }

  @Test func aStreamGrowsUpToItsLimit() async throws {
    var options = TextStore.Options(partitionCount: 4)
    options.streamLimit = StreamLimit(events: 5, bytes: 20)
    let store = try TextStore(
      path: folder.file("limits.sqlite"), codec: TextCodec(), options: options)
    _ = try await store.append(["a", "b", "c", "d"], to: "many", expecting: .any)
    await #expect {
      _ = try await store.append(["e", "f"], to: "many", expecting: .exact(4))
    } throws: {
      guard case .streamTooLarge(let refusal)? = $0 as? EventStoreError else { return false }
      return refusal.events == 6 && refusal.bytes == 6 && refusal.limit == options.streamLimit
    }
    _ = try await store.append(["e"], to: "many", expecting: .exact(4))
    let text = String(repeating: "x", count: 20)
    await #expect(throws: EventStoreError.self) {
      _ = try await store.append([text + "x"], to: "large", expecting: .any)
    }
    _ = try await store.append([text], to: "large", expecting: .exact(0))
    // A conflict is told before the size is; and nothing of the refused is in the store.
    await #expect {
      _ = try await store.append([text], to: "large", expecting: .exact(0))
    } throws: {
      guard case .conflict? = $0 as? EventStoreError else { return false }
      return true
    }
    #expect(store.head.position == 6)
    // A stream that begins anew has nothing yet.
    try await store.remove("large")
    _ = try await store.append([text], to: "large", expecting: .exact(0))
  }

  @Test func aStoreFromBeforeSizesKnowsThem() async throws {
    let path = folder.file("sizes.sqlite")
    let text = String(repeating: "x", count: 300_000)
    do {
      let old = try TextStore(path: path, codec: TextCodec())
      _ = try await old.append(["gone", "gone"], to: "a", expecting: .any)
      try await old.remove("a")
      _ = try await old.append(["12345", "12345"], to: "a", expecting: .any)
      _ = try await old.append([text], to: "b", expecting: .any)
      await old.close()
    }
    do {
      let connection = try SQLiteConnection(path: path, mode: .readWrite)
      try connection.execute(
        """
        DROP TABLE idempotency_keys; DROP TABLE erasures; DROP INDEX large_streams; ALTER TABLE streams DROP COLUMN bytes;
        UPDATE events SET type = 'eventually.erased', payload = x'' WHERE type = '';
        PRAGMA user_version = 3
        """)
    }
    var options = TextStore.Options()
    options.streamLimit = StreamLimit(bytes: 12)
    let store = try TextStore(path: path, codec: TextCodec(), options: options)
    #expect(store.size(ofLargeStream: "b") == 300_000 && store.size(ofLargeStream: "a") == 0)
    await #expect {
      _ = try await store.append(["123"], to: "a", expecting: .any)
    } throws: { isTooLarge($0) }
    await #expect {
      _ = try await store.append([""], to: "b", expecting: .any)
    } throws: { isTooLarge($0) }
    _ = try await store.append(["12"], to: "a", expecting: .exact(2))
    try await store.remove("b")
    #expect(store.size(ofLargeStream: "b") == 0)
  }
}
