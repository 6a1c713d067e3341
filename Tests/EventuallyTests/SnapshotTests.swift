import Eventually
import Testing

/// Counts as text.
private struct CountCodec: SnapshotCodec {
  struct Broken: Error {}
  var schemaVersion = 1

  func encode(_ state: Int, into bytes: inout [UInt8]) { bytes += Array("\(state)".utf8) }

  func decode(_ payload: Span<UInt8>) throws -> Int {
    let text = payload.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    guard let count = Int(text) else { throw Broken() }
    return count
  }
}

/// Says what it is told to.
private final class FixedSnapshots: SnapshotStore {
  struct Refused: Error {}
  let fixed: Snapshot?
  let saved = Locked<[Snapshot]>([])
  let refuses: Bool

  init(_ fixed: Snapshot?, refuses: Bool = false) {
    self.fixed = fixed
    self.refuses = refuses
  }

  func snapshot(of streamID: String) -> Snapshot? { fixed }

  func save(_ snapshot: Snapshot, of streamID: String) throws(EventStoreError) {
    if refuses { throw .unavailable("refused", cause: nil) }
    saved.withLock { $0.append(snapshot) }
  }
}

private final class FailureCount: Sendable {
  let value = Locked(0)
}

@Suite struct SnapshotTests {
  private let store = InMemoryEventStore<String, Counter.Event>()
  private let failures = FailureCount()

  private func repository(
    _ snapshots: (any SnapshotStore<String>)? = nil, codec: CountCodec = CountCodec(),
    every interval: UInt64 = 10
  ) -> Repository<Counter, InMemoryEventStore<String, Counter.Event>> {
    let failures = failures
    return Repository(
      Counter(), store: store,
      snapshots: Snapshots(in: snapshots ?? store, codec: codec, every: interval) { _ in
        failures.value.withLock { $0 += 1 }
      })
  }

  private func add(_ count: Int) async throws {
    for _ in 0..<count {
      _ = try await repository().execute([.add(1)], on: "one")
    }
  }

  @Test func aSnapshotIsTakenEverySoManyEvents() async throws {
    try await add(9)
    #expect(store.snapshot(of: "one") == nil)
    try await add(1)
    #expect(store.snapshot(of: "one")?.version == 10)
    try await add(19)
    #expect(store.snapshot(of: "one")?.version == 20)
    let root = try await repository().get("one")
    #expect(root.state == 29 && root.version == 29)
    #expect(failures.value.withLock { $0 } == 0)
  }

  /// A stream that was long before there were snapshots gets one when it is loaded.
  @Test func aLongStreamGetsOneWhenItIsLoaded() async throws {
    _ = try await Repository(Counter(), store: store).execute(
      Array(repeating: .add(2), count: 35), on: "one")
    #expect(store.snapshot(of: "one") == nil)
    #expect(try await repository().get("one").state == 70)
    #expect(store.snapshot(of: "one")?.version == 35)
  }

  /// What is loaded comes from the snapshot, not from the events before it.
  @Test func eventsBeforeASnapshotAreNotRead() async throws {
    try await add(12)
    let snapshot = try #require(store.snapshot(of: "one"))
    var other = snapshot
    other.payload = Array("1000".utf8)
    #expect(try await repository(FixedSnapshots(other)).get("one").state == 1002)
  }

  @Test func aSnapshotThatDoesNotFitIsPassedOver() async throws {
    try await add(12)
    let snapshot = try #require(store.snapshot(of: "one"))
    func state(_ change: (inout Snapshot) -> Void) async throws -> Int {
      var other = snapshot
      other.payload = Array("1000".utf8)
      change(&other)
      return try await repository(FixedSnapshots(other)).get("one").state
    }
    #expect(try await state { $0.schemaVersion = 2 } == 12)
    #expect(try await state { $0.sequenceNumber = 11 } == 12)
    #expect(try await state { $0.version = 11 } == 12)
    #expect(try await state { $0.version = 99 } == 12)
    #expect(failures.value.withLock { $0 } == 0)
    #expect(try await state { $0.payload = Array("?".utf8) } == 12)
    #expect(failures.value.withLock { $0 } == 1)
  }

  @Test func aSnapshotThatCannotBeSavedFailsNothing() async throws {
    let snapshots = FixedSnapshots(nil, refuses: true)
    let result = try await repository(snapshots).execute(
      Array(repeating: .add(1), count: 10), on: "one")
    #expect(result.root.state == 10 && failures.value.withLock { $0 } == 1)
  }

  /// A stream that is removed takes its snapshot with it, and a late one of what it was is refused.
  @Test func aRemovedStreamIsNotRemembered() async throws {
    try await add(12)
    let old = try #require(store.snapshot(of: "one"))
    try await repository().remove("one")
    #expect(store.snapshot(of: "one") == nil)
    #expect(try await repository().get("one").version == 0)
    try await add(15)
    let new = try #require(store.snapshot(of: "one"))
    #expect(new.sequenceNumber != old.sequenceNumber)
    store.save(old, of: "one")
    #expect(store.snapshot(of: "one") == new)
    #expect(try await repository().get("one").state == 15)
    // Even where the store still had it.
    #expect(try await repository(FixedSnapshots(old)).get("one").state == 15)
  }
}

@Suite struct UpcastTests {
  /// Knows the third form only.
  private struct NewestCodec: EventCodec {
    let contentType = "text/plain"
    func type(of event: String) -> String { "Said.v3" }
    func encode(_ event: String, into bytes: inout [UInt8]) { bytes += Array(event.utf8) }

    func decode(type: String, payload: Span<UInt8>) throws -> String {
      guard type == "Said.v3" else { throw UnknownEventType(type: type) }
      return payload.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
  }

  private let codec = UpcastingCodec(
    NewestCodec(),
    [
      Upcast("Said", from: 2) { $0.withUnsafeBufferPointer { Array($0) } + Array("!".utf8) },
      Upcast("Said", from: 1) { $0.withUnsafeBufferPointer { Array("<".utf8) + Array($0) } },
      Upcast(from: EventTypeName("Uttered"), to: EventTypeName("Said", version: 2)) {
        $0.withUnsafeBufferPointer { Array($0) }
      },
    ])

  @Test(arguments: [
    ("Said", "<a!"), ("Said.v2", "a!"), ("Said.v3", "a"), ("Uttered", "a!"),
  ])
  func oldFormsAreUpcastStepByStep(_ type: String, _ expected: String) throws {
    #expect(try codec.decode(type: type, payload: Array("a".utf8).span) == expected)
  }

  @Test(arguments: ["Said.v4", "Said.v1", "Sung"]) func unknownFormsAreReported(_ type: String) {
    #expect(throws: UnknownEventType.self) {
      try codec.decode(type: type, payload: Array("a".utf8).span)
    }
  }

  @Test func newEventsBearTheNewestVersion() {
    #expect(codec.type(of: "a") == EventTypeName("Said", version: 3).description)
    #expect(EventTypeName("Said").description == "Said")
  }

  @Test func aCodableStateNeedsNoCodecOfItsOwn() throws {
    struct Account: Codable, Equatable, Sendable {
      var owner: String?
      var balances: [String: Int]
    }
    let codec = JSONSnapshotCodec<Account>(schemaVersion: 3)
    let account = Account(owner: "Eve", balances: ["b": -1, "a": .max])
    var bytes: [UInt8] = []
    try codec.encode(account, into: &bytes)
    #expect(codec.schemaVersion == 3)
    #expect(try codec.decode(bytes.span) == account)
    #expect(throws: DecodingError.self) { try codec.decode([UInt8]("{".utf8).span) }
  }
}
