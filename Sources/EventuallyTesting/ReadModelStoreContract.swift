public import Eventually

/// A read model for contracts: how often each word came. It fails on the word `poison`.
public struct WordCounts: ReadModel {
  /// Words.
  public typealias Event = String
  /// `word-counts`.
  public let name = "word-counts"
  /// The version of its table.
  public let schemaVersion = 1
  /// Its table.
  public let tables: [any ReadModelRow.Type] = [WordCountRow.self]

  struct Poisoned: Error {}

  /// The read model.
  public init() {}

  /// Counts a word.
  public func project(_ event: Persisted<String, String>, into rows: Rows) throws {
    try rows.update(WordCountRow.self, event.event) { row in
      row = WordCountRow(key: event.event, count: (row?.count ?? 0) + 1)
    }
    if event.event == "poison" { throw Poisoned() }
  }

  /// Counts are not taken back.
  public func forget(_ streamID: String, in rows: Rows) throws {}
}

/// How often a word came.
public struct WordCountRow: ReadModelRow {
  /// The word.
  public var key: String
  /// How often it came.
  public var count: Int64

  /// A count.
  public init(key: String, count: Int64) {
    self.key = key
    self.count = count
  }

  /// The table.
  public static let schema = TableSchema(
    "word_counts", key: [.text("word")], values: [.integer("count")])

  /// The columns after the word.
  public var values: [ColumnValue] { [.integer(count)] }

  /// A row from its columns.
  public init(key: String, values: [ColumnValue]) throws {
    self.init(key: key, count: try values.integer(0, of: Self.schema))
  }
}

/// What every store of a read model's rows and checkpoints must do. Each check makes a store of ``WordCounts`` of its own.
public struct ReadModelStoreContract<Store: ReadModelStore<String>>: Sendable {
  private let makeStore: @Sendable () async throws -> Store
  private let count: @Sendable (Store, String) async throws -> Int64
  private let rejected: (@Sendable (Store) async throws -> [RejectedRecord])?

  /// - Parameters:
  ///   - makeStore: makes a store of ``WordCounts`` without rows, for at least four partitions.
  ///   - count: how often a word came, as the store's rows say; 0 where there is no row.
  ///   - rejected: the records that were kept without being applied; left out for a store that does not tell.
  public init(
    makeStore: @escaping @Sendable () async throws -> Store,
    count: @escaping @Sendable (Store, String) async throws -> Int64,
    rejected: (@Sendable (Store) async throws -> [RejectedRecord])? = nil
  ) {
    self.rejected = rejected
    self.makeStore = makeStore
    self.count = count
  }

  /// All checks.
  public var checks: [ContractCheck] {
    [
      check("rows and checkpoint move together", together),
      check("each lease has a higher epoch, and begins where the last one came to", leases),
      check("a lease that was fenced applies nothing, and the others go on", fenced),
      check("the same delivery is applied once", once),
      check("where an event can't be projected, nothing is applied", poison),
      check("the events of a parked stream are kept, and others go on", parking),
      check("an event that can't be decoded is parked at once, and others go on", unreadable),
      check("rows are told apart by the bytes of their keys", rowBytes),
      check("parked streams are told apart by the bytes of their names", streamBytes),
      check("a removal takes a stream's parked events along, and it begins anew", removal),
    ] + rejectedChecks
  }

  private var rejectedChecks: [ContractCheck] {
    guard let rejected else { return [] }
    return [
      check("a removal takes along the rejected records that have the stream's id as their key") {
        try await removalOfRejected($0, rejected)
      }
    ]
  }

  /// A delivery of the removal of the stream that ``delivery(_:_:stream:)`` makes events of.
  private func removed(_ lease: PartitionLease) -> Delivery<String> {
    var delivery = delivery(lease, [""])
    delivery.entries = delivery.entries.map {
      .removed($0.streamID ?? "", id: $0.eventID, at: $0.position)
    }
    return delivery
  }

  @Sendable private func removal(_ store: Store) async throws {
    let first = try await store.claim([0], owner: "one")[0]
    let bad = delivery(first, ["poison", "a"])
    let failure = ProjectionFailure(
      position: bad.entries[0].position, streamID: bad.entries[0].streamID ?? "",
      reason: "poisoned")
    let parked = try await store.apply([bad], parking: [failure]).parked
    try require(parked == 2, "\(parked) of 2 are parked")
    let second = try await store.claim([0], owner: "one")[0]
    let outcome = try await store.apply([removed(second)], parking: [])
    try require(outcome == ApplyOutcome(), "\(outcome)")
    let third = try await store.claim([0], owner: "one")[0]
    let anew = try await store.apply([delivery(third, ["b"])], parking: []).parked
    try require(anew == 0, "what comes after the removal is parked")
    let counts = (try await count(store, "a"), try await count(store, "b"))
    try require(counts == (0, 1), "counts \(counts)")
  }

  @Sendable private func removalOfRejected(
    _ store: Store, _ rejected: @Sendable (Store) async throws -> [RejectedRecord]
  ) async throws {
    let lease = try await store.claim([0], owner: "one")[0]
    _ = try await store.apply([delivery(lease, ["a"])], parking: [])
    let keys = ["s-0", "s-1", "s-0 and more", "s-0"]
    try await store.keep(
      keys.enumerated().map { index, key in
        RejectedRecord(
          partition: Partition(index % 2), offset: Int64(index), reason: "test",
          key: Array(key.utf8), value: Array("value".utf8), size: 5)
      })
    let next = try await store.claim([0], owner: "one")[0]
    _ = try await store.apply([removed(next)], parking: [])
    let left = try await rejected(store).map { String(decoding: $0.key, as: UTF8.self) }.sorted()
    try require(left == ["s-0 and more", "s-1"], "\(left) are left")
  }

  private func check(
    _ description: String, _ body: @escaping @Sendable (Store) async throws -> Void
  ) -> ContractCheck {
    ContractCheck(description) { [makeStore] in try await body(try await makeStore()) }
  }

  private func delivery(
    _ lease: PartitionLease, _ words: [String], stream: String = "s"
  ) -> Delivery<String> {
    let entries = words.enumerated().map { offset, word in
      let sequence = (lease.position ?? 0) + UInt64(offset) + 1
      let time = Timestamp(microseconds: 0)
      return LogEntry.event(
        Persisted(
          streamID: "\(stream)-\(lease.partition)",
          position: EventPosition(
            partition: lease.partition, partitionOffset: sequence, sequenceNumber: sequence,
            version: sequence), id: EventID(time: time), time: time, event: word))
    }
    return Delivery(
      partition: lease.partition, epoch: lease.epoch, after: lease.position, entries: entries,
      nextOffset: nil)
  }

  private func position(_ store: Store, _ partition: Partition) async throws -> UInt64? {
    try await store.claim([partition], owner: "contract")[0].position
  }

  @Sendable private func together(_ store: Store) async throws {
    let leases = try await store.claim([0, 1], owner: "one")
    let outcome = try await store.apply(
      [delivery(leases[0], ["a", "b", "a"]), delivery(leases[1], ["a"])], parking: [])
    try require(outcome == ApplyOutcome(), "\(outcome)")
    let counts = (try await count(store, "a"), try await count(store, "b"))
    try require(counts == (3, 1), "counts \(counts)")
    let positions = (try await position(store, 0), try await position(store, 1))
    try require(positions == (3, 1), "positions \(positions)")
  }

  @Sendable private func leases(_ store: Store) async throws {
    let first = try await store.claim([2], owner: "one")[0]
    try require(first.position == nil, "a partition that nothing was applied of is at \(first)")
    _ = try await store.apply([delivery(first, ["a", "a"])], parking: [])
    let second = try await store.claim([2], owner: "two")[0]
    try require(second.epoch > first.epoch, "\(second.epoch) after \(first.epoch)")
    try require(second.position == 2, "it begins after \(String(describing: second.position))")
  }

  @Sendable private func fenced(_ store: Store) async throws {
    let old = try await store.claim([0, 1], owner: "one")
    _ = try await store.claim([0], owner: "two")
    let outcome = try await store.apply(
      [delivery(old[0], ["a"]), delivery(old[1], ["b"])], parking: [])
    try require(outcome.fenced.map(\.partition) == [0], "fenced: \(outcome.fenced)")
    let counts = (try await count(store, "a"), try await count(store, "b"))
    try require(counts == (0, 1), "counts \(counts)")
    try require(try await position(store, 0) == nil, "the checkpoint moved")
  }

  @Sendable private func once(_ store: Store) async throws {
    let lease = try await store.claim([0], owner: "one")[0]
    _ = try await store.apply([delivery(lease, ["a"])], parking: [])
    let again = try await store.apply([delivery(lease, ["a"])], parking: [])
    try require(again.fenced.count == 1, "it was applied again")
    try require(try await count(store, "a") == 1, "it counts twice")
  }

  @Sendable private func poison(_ store: Store) async throws {
    let leases = try await store.claim([0, 1], owner: "one")
    do {
      _ = try await store.apply(
        [delivery(leases[0], ["a"]), delivery(leases[1], ["b", "poison"])], parking: [])
      throw ScenarioFailure("it was applied")
    } catch let error as ProjectionFailures {
      try require(error.failures.map(\.streamID) == ["s-1"], "\(error)")
    }
    for word in ["a", "b", "poison"] {
      try require(try await count(store, word) == 0, "'\(word)' was counted")
    }
    let outcome = try await store.apply([delivery(leases[0], ["a"])], parking: [])
    try require(outcome == ApplyOutcome(), "the lease is of no use any more: \(outcome)")
  }

  @Sendable private func unreadable(_ store: Store) async throws {
    let leases = try await store.claim([0, 1], owner: "one")
    var bad = delivery(leases[0], ["a", "?", "b"])
    let record = EventRecord(
      id: EventID(time: Timestamp(microseconds: 0)), type: "Text", streamID: "s-0",
      position: bad.entries[1].position, time: Timestamp(microseconds: 0), payload: [63])
    bad.entries[1] = .unreadable(UnreadableEvent(record, reason: "it is not a word"))
    let outcome = try await store.apply([bad, delivery(leases[1], ["c"])], parking: [])
    try require(outcome.parked == 2, "\(outcome.parked) of 2 are parked")
    let counts = (
      try await count(store, "a"), try await count(store, "b"), try await count(store, "c")
    )
    try require(counts == (1, 0, 1), "counts \(counts)")
    let next = try await store.claim([0], owner: "two")[0]
    try require(next.position == 3, "the checkpoint is at \(String(describing: next.position))")
  }

  /// Three words of one look, which `==` of strings takes for one.
  private static var alike: [String] { ["\u{1EC7}", "\u{1EB9}\u{302}", "e\u{323}\u{302}"] }

  @Sendable private func rowBytes(_ store: Store) async throws {
    let lease = try await store.claim([0], owner: "one")[0]
    let words = Self.alike.enumerated().flatMap { number, word in
      Array(repeating: word, count: number + 1)
    }
    _ = try await store.apply([delivery(lease, words)], parking: [])
    for (number, word) in Self.alike.enumerated() {
      let found = try await count(store, word)
      try require(found == number + 1, "word \(number) came \(number + 1) times, not \(found)")
    }
  }

  @Sendable private func streamBytes(_ store: Store) async throws {
    let lease = try await store.claim([0], owner: "one")[0]
    var batch = delivery(lease, ["poison", "a", "b", "c", "d"])
    // The first stream is parked; the second goes on, and the removal of the third is none of the first.
    for (index, stream) in [0, 1, 0, 2, 1].enumerated() {
      guard case .event(var event) = batch.entries[index] else { return }
      event.streamID = Self.alike[stream]
      batch.entries[index] =
        index == 3 ? .removed(event.streamID, id: event.id, at: event.position) : .event(event)
    }
    let failure = ProjectionFailure(
      position: batch.entries[0].position, streamID: Self.alike[0], reason: "poisoned")
    let outcome = try await store.apply([batch], parking: [failure])
    try require(outcome.parked == 2, "\(outcome.parked) of 2 are parked")
    let counts = (
      try await count(store, "a"), try await count(store, "b"), try await count(store, "d")
    )
    try require(counts == (1, 0, 1), "counts \(counts)")
    let next = try await store.claim([0], owner: "two")[0]
    var later = delivery(next, ["e"])
    guard case .event(var event) = later.entries[0] else { return }
    event.streamID = Self.alike[0]
    later.entries[0] = .event(event)
    let parked = try await store.apply([later], parking: []).parked
    try require(parked == 1, "the stream is parked no longer")
  }

  @Sendable private func parking(_ store: Store) async throws {
    let leases = try await store.claim([0, 1], owner: "one")
    let bad = delivery(leases[0], ["a", "poison", "b"])
    guard case .event(let poison) = bad.entries[1] else { return }
    let failure = ProjectionFailure(
      position: poison.position, streamID: poison.streamID, reason: "poisoned")
    let outcome = try await store.apply(
      [bad, delivery(leases[1], ["c"])], parking: [failure])
    try require(outcome.parked == 2, "\(outcome.parked) of 2 were parked")
    let counts = (
      try await count(store, "a"), try await count(store, "b"), try await count(store, "c")
    )
    try require(counts == (1, 0, 1), "counts \(counts)")
    let next = try await store.claim([0], owner: "two")[0]
    try require(next.position == 3, "the checkpoint is at \(String(describing: next.position))")
    let later = try await store.apply([delivery(next, ["d"])], parking: [])
    try require(later.parked == 1, "what comes later is not parked")
  }
}
