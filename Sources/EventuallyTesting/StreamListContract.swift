package import Eventually

/// What a store must tell of whoever looks for streams.
package struct StreamListContract<Store: EventStore>: Sendable where Store.StreamID == String {
  /// Makes an empty store.
  let makeStore: @Sendable () async throws -> (store: Store, log: any StreamList)
  /// Events of one type, a different one for each number.
  let event: @Sendable (Int) -> Store.Event
  /// The name of that type.
  let type: String

  package init(
    makeStore: @escaping @Sendable () async throws -> (store: Store, log: any StreamList),
    event: @escaping @Sendable (Int) -> Store.Event, type: String
  ) {
    self.makeStore = makeStore
    self.event = event
    self.type = type
  }

  /// - Throws: ``ScenarioFailure`` with what was seen.
  package func check() async throws {
    let (store, log) = try await makeStore()
    func ids(_ from: String, _ limit: Int = 100) async throws -> [String] {
      try await log.streams(from: from, limit: limit).map(\.streamID)
    }
    func numbers(
      _ range: ClosedRange<UInt64>, _ filter: EventFilter = EventFilter()
    ) async throws -> [UInt64] {
      try await log.events(in: range, filter).map(\.sequenceNumber)
    }
    try require(try await ids("").isEmpty, "an empty store has streams")
    try require(try await log.sequenceNumber(near: .now()) == 0, "an empty store has events")

    let before = Timestamp.now()
    // By their bytes: upper case first, and what is beyond ASCII last.
    let sorted = ["B", "a", "a/1", "a/10", "a/2", "b", "z", "é", "\u{10FFFF}"]
    var last: [String: UInt64] = [:]
    for (number, id) in (sorted.reversed() + sorted).enumerated() {
      try await EventMetadata.$current.withValue(
        EventMetadata(correlationID: number % 2 == 0 ? "even" : nil)
      ) {
        let result = try await store.append([event(number)], to: id, expecting: .any)
        last[id] = result.last.sequenceNumber
      }
    }
    let count = UInt64(sorted.count * 2)
    let everything = try await ids("")
    try require(everything == sorted, "\(everything)")
    let later = try await ids("a/")
    try require(later == Array(sorted[2...]), "\(later)")
    let two = try await ids("a/1", 2)
    try require(two == ["a/1", "a/10"], "\(two)")
    try require(try await ids("a\u{0}").count <= sorted.count, "U+0000 is no id")

    let heads = try await log.streams(named: ["a/10", "none", "é", "x\u{0}"])
    try require(Set(heads.map(\.streamID)) == ["a/10", "é"], "\(heads)")
    for head in heads {
      try require(
        head.last.version == 2 && head.last.type == type && head.bytes > 0
          && head.last.sequenceNumber == last[head.streamID] && head.last.time >= before
          && head.partition == Partitioner(count: log.partitionCount).partition(of: head.streamID),
        "\(head)")
    }

    let all = Array((1...count).reversed())
    let found = try await numbers(1...count)
    try require(found == all, "\(found)")
    try require(try await numbers(3...5, EventFilter(type: type)) == [5, 4, 3], "a range")
    try require(
      try await numbers(1...count, EventFilter(type: "other")).isEmpty, "another type")
    let lasts = try await numbers(1...count, EventFilter(isLast: true))
    try require(lasts == last.values.sorted(by: >), "\(lasts)")
    let correlated = try await log.events(in: 1...4, EventFilter(readsCorrelation: true))
    try require(
      correlated.map(\.correlationID) == [nil, "even", nil, "even"], "\(correlated)")
    try require(
      try await log.events(in: 1...4, EventFilter()).allSatisfy { $0.correlationID == nil },
      "metadata that nobody asked for")
    try require(try await log.sequenceNumber(near: .now()) == count, "the last event's time")
    try require(
      try await log.sequenceNumber(near: Timestamp(microseconds: 0)) == 0, "before the first")

    // A stream that was removed is none, until it begins anew.
    _ = try await store.remove("a/1", expecting: .any)
    try require(!(try await ids("").contains("a/1")), "a removed stream is there")
    try require(try await log.streams(named: ["a/1"]).isEmpty, "a removed stream is there")
    let left = try await numbers(1...count + 1)
    try require(left.count == Int(count) - 2, "\(left)")
    _ = try await store.append([event(99)], to: "a/1", expecting: .any)
    try require(try await ids("a/1", 1) == ["a/1"], "the stream that began anew")
    try require(
      try await log.streams(named: ["a/1"]).first?.last.version == 1, "the first version")
    try require(
      try await numbers(count + 1...count + 2, EventFilter(isLast: true)) == [count + 2],
      "the last event")
  }
}
