public import Eventually

/// What every event store must do. Each check makes a store of its own.
///
/// ```swift
/// @Test(arguments: EventStoreContract(
///   makeStore: { InMemoryEventStore<String, Int>() }, streamID: { "stream-\($0)" }, event: { $0 }
/// ).checks)
/// func isAnEventStore(_ check: ContractCheck) async throws { try await check.run() }
/// ```
public struct EventStoreContract<Store: EventStore>: Sendable where Store.Event: Equatable {
  private let makeStore: @Sendable () async throws -> Store
  let streamID: @Sendable (Int) -> Store.StreamID
  let event: @Sendable (Int) -> Store.Event
  private let unreadable: (@Sendable () -> Store.Event)?

  /// - Parameters:
  ///   - makeStore: makes an empty store.
  ///   - streamID: names of streams, a different one for each number.
  ///   - event: events, a different one for each number.
  ///   - unreadable: an event that the store's codec does not read back as it was; left out for a store that encodes
  ///     nothing.
  public init(
    makeStore: @escaping @Sendable () async throws -> Store,
    streamID: @escaping @Sendable (Int) -> Store.StreamID,
    event: @escaping @Sendable (Int) -> Store.Event,
    unreadable: (@Sendable () -> Store.Event)? = nil
  ) {
    self.makeStore = makeStore
    self.unreadable = unreadable
    self.streamID = streamID
    self.event = event
  }

  /// All checks.
  public var checks: [ContractCheck] {
    [
      check("a stream's events come back in order, with versions from 1", order),
      check("an append tells where its last event is", positions),
      check("an append at another version than expected is refused, and changes nothing", conflict),
      check("an append without events is refused", empty),
      check("a stream and the log can be read from any place", selection),
      check("of appends that expect the same version, one passes", race),
      check("many appends at once leave no gap and lose nothing", load),
      check("a removed stream is gone, and begins again at version 1", removal),
      check("events have ids of their own", identity),
      check("what is bound to the task is kept with its events", metadata),
    ] + keyChecks + byteChecks + readBackChecks
  }

  /// Three names of one look, which `==` of strings takes for one.
  static var alike: [String] { ["\u{1EC7}", "\u{1EB9}\u{302}", "e\u{323}\u{302}"] }

  /// For stores whose streams are named by strings.
  private var byteChecks: [ContractCheck] {
    guard let names = Self.alike as? [Store.StreamID] else { return [] }
    return [
      check("streams are told apart by the bytes of their names") { try await bytes($0, names) },
      check("an append to a stream whose name has U+0000 is refused", zeroInName),
    ]
  }

  /// Not each database has text with it.
  @Sendable private func zeroInName(_ store: Store) async throws {
    for text in ["\u{0}", "a\u{0}b"] {
      guard let name = text as? Store.StreamID else { continue }
      for key in [nil, IdempotencyKey("k")] {
        do {
          if let key {
            _ = try await store.append(
              [event(1)], to: name, expecting: .any, idempotencyKey: key)
          } else {
            _ = try await store.append([event(1)], to: name, expecting: .any)
          }
        } catch EventStoreError.invalid {
          continue
        }
        throw ScenarioFailure("an append to a stream whose name has U+0000 passed")
      }
    }
    try require(try await entries(store).isEmpty, "a refused append left something")
  }

  @Sendable private func bytes(_ store: Store, _ names: [Store.StreamID]) async throws {
    for (number, name) in names.enumerated() {
      let appended = try await store.append([event(number)], to: name, expecting: .exact(0))
      try require(appended.version == 1, "stream \(number) begins at version \(appended.version)")
    }
    func found(_ name: Store.StreamID) async throws -> [Store.Event] {
      var events: [Store.Event] = []
      for try await persisted in store.stream(name, .all) { events.append(persisted.event) }
      return events
    }
    for (number, name) in names.enumerated() {
      let events = try await found(name)
      try require(events == [event(number)], "stream \(number) has \(events)")
    }
    _ = try await store.remove(names[1])
    let left = (try await found(names[0]), try await found(names[1]), try await found(names[2]))
    try require(
      left == ([event(0)], [], [event(2)]), "after the removal of the second there are \(left)")
  }

  private var readBackChecks: [ContractCheck] {
    guard let unreadable else { return [] }
    return [
      check("an event that can't be read back is refused, and takes no other append down") {
        try await readBack($0, unreadable())
      }
    ]
  }

  func check(
    _ description: String, _ body: @escaping @Sendable (Store) async throws -> Void
  ) -> ContractCheck {
    ContractCheck(description) { [makeStore] in try await body(try await makeStore()) }
  }

  func events(
    _ store: Store, _ stream: Int, _ select: ReadRange = .all
  ) async throws -> [Persisted<Store.StreamID, Store.Event>] {
    var events: [Persisted<Store.StreamID, Store.Event>] = []
    for try await event in store.stream(streamID(stream), select) { events.append(event) }
    return events
  }

  func entries(
    _ store: Store, _ select: ReadRange = .all
  ) async throws -> [LogEntry<Store.StreamID, Store.Event>] {
    var entries: [LogEntry<Store.StreamID, Store.Event>] = []
    for try await entry in store.streamAll(select) { entries.append(entry) }
    return entries
  }

  @Sendable private func order(_ store: Store) async throws {
    try require(try await events(store, 1).isEmpty, "a stream that never was has events")
    _ = try await store.append((1...3).map(event), to: streamID(1), expecting: .exact(0))
    _ = try await store.append([event(9)], to: streamID(2), expecting: .any)
    _ = try await store.append([event(4)], to: streamID(1), expecting: .exact(3))
    let found = try await events(store, 1)
    try require(found.map(\.event) == (1...4).map(event), "found \(found.map(\.event))")
    try require(found.map(\.version) == [1, 2, 3, 4], "versions \(found.map(\.version))")
    try require(found.allSatisfy { $0.streamID == streamID(1) }, "events of other streams")
  }

  @Sendable private func positions(_ store: Store) async throws {
    let first = try await store.append([event(1), event(2)], to: streamID(1), expecting: .any)
    let second = try await store.append([event(3)], to: streamID(2), expecting: .any)
    try require(first.version == 2 && first.last.sequenceNumber == 2, "\(first)")
    try require(second.version == 1 && second.last.sequenceNumber == 3, "\(second)")
    let last = try await events(store, 2).last
    try require(last?.position == second.last, "\(String(describing: last)) is not at \(second)")
  }

  @Sendable private func conflict(_ store: Store) async throws {
    _ = try await store.append([event(1), event(2)], to: streamID(1), expecting: .exact(0))
    for expected: Version in [0, 1, 3] {
      do {
        _ = try await store.append([event(3)], to: streamID(1), expecting: .exact(expected))
        throw ScenarioFailure("an append at version 2 passed that expected \(expected)")
      } catch EventStoreError.conflict(let conflict) {
        try require(
          conflict.expected == expected && conflict.actual == 2, "the conflict says \(conflict)")
      }
    }
    try require(try await entries(store).count == 2, "a refused append left something")
  }

  @Sendable private func empty(_ store: Store) async throws {
    do {
      _ = try await store.append([], to: streamID(1), expecting: .any)
    } catch EventStoreError.invalid {
      return
    }
    throw ScenarioFailure("it passed")
  }

  @Sendable private func readBack(_ store: Store, _ unreadable: Store.Event) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<8 {
        group.addTask {
          for number in 0..<20 {
            _ = try await store.append([event(number)], to: streamID(caller), expecting: .any)
            do {
              _ = try await store.append(
                [event(number), unreadable, event(number)], to: streamID(100), expecting: .exact(0))
              throw ScenarioFailure("it passed")
            } catch EventStoreError.unreadable(let failure) {
              try require(failure.index == 1, "the error names the index \(failure.index), not 1")
            }
          }
        }
      }
      try await group.waitForAll()
    }
    try require(try await events(store, 100).isEmpty, "a refused append left something")
    let sequences = try await entries(store).map(\.position.sequenceNumber)
    try require(sequences == Array(1...160), "the store has \(sequences.count) events, not 160")
    let next = try await store.append([event(1)], to: streamID(100), expecting: .exact(0))
    try require(next.last.sequenceNumber == 161, "the next append is at \(next.last)")
  }

  @Sendable private func selection(_ store: Store) async throws {
    for number in 1...6 {
      _ = try await store.append([event(number)], to: streamID(number % 2), expecting: .any)
    }
    let stream = try await events(store, 0, .from(2)).map(\.event)
    try require(stream == [event(4), event(6)], "from version 2: \(stream)")
    let log = try await entries(store, .from(5)).map(\.position.sequenceNumber)
    try require(log == [5, 6], "from sequence number 5: \(log)")
    try require(try await entries(store, .from(7)).isEmpty, "there is something behind the end")
  }

  @Sendable private func race(_ store: Store) async throws {
    for round in 0..<20 {
      let passed = await withTaskGroup(of: Bool.self) { group in
        for caller in 0..<8 {
          group.addTask {
            do {
              _ = try await store.append(
                [event(caller)], to: streamID(1), expecting: .exact(Version(round)))
              return true
            } catch {
              return false
            }
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      try require(passed == 1, "\(passed) of 8 passed")
    }
    let versions = try await events(store, 1).map(\.version)
    try require(versions == Array(1...20), "versions \(versions)")
  }

  @Sendable private func load(_ store: Store) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<8 {
        group.addTask {
          for number in 0..<50 {
            _ = try await store.append(
              [event(number), event(number + 1)], to: streamID(caller % 5), expecting: .any)
          }
        }
      }
      try await group.waitForAll()
    }
    let log = try await entries(store)
    let sequences = log.map(\.position.sequenceNumber)
    try require(sequences == Array(1...800), "\(sequences.count) events, not 1 to 800 in order")
    for stream in 0..<5 {
      let versions = try await events(store, stream).map(\.version)
      try require(
        versions == Array(1...UInt64(versions.count)), "stream \(stream) has \(versions)")
    }
    var last: [Partition: UInt64] = [:]
    for entry in log {
      let position = entry.position
      try require(
        position.partitionOffset == last[position.partition, default: 0] + 1,
        "partition \(position.partition) has \(position.partitionOffset) after \(last[position.partition, default: 0])"
      )
      last[position.partition] = position.partitionOffset
    }
  }

  @Sendable private func removal(_ store: Store) async throws {
    _ = try await store.append([event(1), event(2)], to: streamID(1), expecting: .any)
    _ = try await store.append([event(3)], to: streamID(2), expecting: .any)
    do throws(EventStoreError) {
      try await store.remove(streamID(1), expecting: .exact(1))
      throw .unavailable("a stream was removed that was at another version", cause: nil)
    } catch {
      guard case .conflict(let conflict) = error else { throw error }
      let left = try await events(store, 1).count
      try require(
        conflict.expected == 1 && conflict.actual == 2 && left == 2,
        "the removal at another version is refused with \(conflict), and \(left) events are left")
    }
    let removal = try await store.remove(streamID(1), expecting: .exact(2))
    try require(
      removal?.sequenceNumber == 4 && removal?.version == 0,
      "the removal is at \(String(describing: removal))")
    let nothing = try await store.remove(streamID(7))
    try require(nothing == nil, "the removal of nothing is at \(String(describing: nothing))")
    try require(try await events(store, 1).isEmpty, "its events are there still")
    let again = try await store.append([event(4)], to: streamID(1), expecting: .exact(0))
    try require(again.version == 1, "it begins again at \(again.version)")
    let log = try await entries(store)
    try require(
      log.map(\.position.sequenceNumber) == Array(1...5),
      "sequence numbers \(log.map(\.position.sequenceNumber))")
    for (index, entry) in log.enumerated() {
      switch (index, entry) {
      case (0, .erased), (1, .erased), (2, .event), (4, .event): break
      case (3, .removed(let removed, _, _)) where removed == streamID(1): break
      default: throw ScenarioFailure("entry \(index + 1) of the log is \(entry)")
      }
    }
  }

  @Sendable private func identity(_ store: Store) async throws {
    for number in 0..<50 {
      _ = try await store.append([event(1), event(1)], to: streamID(number % 3), expecting: .any)
    }
    var ids: Set<EventID> = []
    for case .event(let event) in try await entries(store) {
      try require(ids.insert(event.id).inserted, "two events have the id \(event.id)")
    }
    try require(ids.count == 100, "\(ids.count) of 100 events")
  }

  @Sendable private func metadata(_ store: Store) async throws {
    let bound = EventMetadata(
      correlationID: "c \"1\"", causationID: "x", traceParent: "t", additional: ["user": "ä"])
    try await EventMetadata.$current.withValue(bound) {
      _ = try await store.append([event(1)], to: streamID(1), expecting: .any)
    }
    _ = try await store.append([event(2)], to: streamID(1), expecting: .any)
    var found = try await events(store, 1).map(\.metadata)
    try require(
      found.count == 2 && found[0].traceParent != nil, "kept \(found) of \(bound), and nothing")
    // Where a tracer is at work, the trace is that of the append.
    for index in found.indices { found[index].traceParent = nil }
    var expected = bound
    expected.traceParent = nil
    try require(found[0] == expected, "kept \(found[0]) of \(expected)")
    try require(found[1].isEmpty, "an event has what was bound to another: \(found[1])")
  }
}

extension EventStoreContract where Store: EventSubscriber {
  /// What a store must do that can be subscribed to, beyond ``checks``.
  public var subscriberChecks: [ContractCheck] {
    [
      check("a slow reader loses nothing, and sees what comes meanwhile", slowReader),
      check("a reader that begins now sees only what comes from now on", fromNow),
      check("a reader begins after the position that it names", afterPosition),
    ]
  }

  @Sendable private func slowReader(_ store: Store) async throws {
    for number in 0..<500 {
      _ = try await store.append([event(number)], to: streamID(1), expecting: .any)
    }
    var reader = store.subscribeAll(after: 0).makeAsyncIterator()
    var seen: [UInt64] = []
    while seen.count < 1000, let entry = try await reader.next() {
      seen.append(entry.position.sequenceNumber)
      if seen.count == 10 {
        for number in 0..<500 {
          _ = try await store.append([event(number)], to: streamID(2), expecting: .any)
        }
      }
    }
    try require(seen == Array(1...1000), "saw \(seen.count) entries, up to \(seen.last ?? 0)")
  }

  @Sendable private func fromNow(_ store: Store) async throws {
    _ = try await store.append([event(1), event(2)], to: streamID(1), expecting: .any)
    var reader = store.subscribeAll(after: nil).makeAsyncIterator()
    _ = try await store.append([event(3)], to: streamID(1), expecting: .any)
    let entry = try await reader.next()
    try require(
      entry?.position.sequenceNumber == 3, "the first is \(String(describing: entry))")
  }

  @Sendable private func afterPosition(_ store: Store) async throws {
    _ = try await store.append((1...3).map(event), to: streamID(1), expecting: .any)
    for position: UInt64 in 0...2 {
      var reader = store.subscribeAll(after: position).makeAsyncIterator()
      let entry = try await reader.next()
      try require(
        entry?.position.sequenceNumber == position + 1,
        "after \(position) comes \(String(describing: entry))")
    }
  }
}
