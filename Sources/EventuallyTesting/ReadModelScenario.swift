public import Eventually

/// What a read model makes of events, as a test says it.
///
/// ```swift
/// try ReadModelScenario(Balances())
///   .given("account-1", .opened, .deposited(10))
///   .given("account-2", .opened)
///   .then(BalanceRow.self, "account-1", BalanceRow(key: "account-1", balance: 10))
/// ```
public struct ReadModelScenario<Model: ReadModel>: Sendable {
  private let model: Model
  private var entries: [LogEntry<String, Model.Event>] = []
  private var versions: [ByteKey: Version] = [:]

  /// A scenario without events.
  public init(_ model: Model) {
    self.model = model
  }

  /// Events of a stream, appended at a time.
  public func given(
    _ streamID: String, _ events: Model.Event..., at time: Timestamp = Timestamp(microseconds: 0)
  ) -> ReadModelScenario {
    given(streamID, events, at: time)
  }

  /// Events of a stream, appended at a time.
  public func given(
    _ streamID: String, _ events: [Model.Event], at time: Timestamp = Timestamp(microseconds: 0)
  ) -> ReadModelScenario {
    var scenario = self
    for event in events {
      scenario.versions[ByteKey(streamID), default: 0] += 1
      scenario.entries.append(
        .event(
          Persisted(
            streamID: streamID, position: scenario.next(scenario.versions[ByteKey(streamID)] ?? 0),
            id: EventID(time: time), time: time, event: event)))
    }
    return scenario
  }

  /// A stream is erased.
  public func removed(_ streamID: String) -> ReadModelScenario {
    var scenario = self
    scenario.versions[ByteKey(streamID)] = nil
    scenario.entries.append(
      .removed(streamID, id: EventID(time: Timestamp(microseconds: 0)), at: scenario.next(0)))
    return scenario
  }

  private func next(_ version: Version) -> EventPosition {
    let sequence = UInt64(entries.count) + 1
    return EventPosition(
      partition: 0, partitionOffset: sequence, sequenceNumber: sequence, version: version)
  }

  /// The rows that the events lead to.
  ///
  /// Where streams were removed, the rows must be those to which the other streams' events alone lead: what `forget` leaves behind,
  /// a read model that is built anew does not have.
  /// - Throws: what the read model throws, and ``ScenarioFailure`` where `forget` leaves something.
  public func rows() throws -> Rows {
    let rows = try rows(of: entries)
    let left = entriesThatAreLeft
    if left.count < entries.count { try compare(rows, with: try self.rows(of: left)) }
    return rows
  }

  private func rows(of entries: [LogEntry<String, Model.Event>]) throws -> Rows {
    let rows = Rows()
    for entry in entries { try model.take(entry, into: rows) }
    return rows
  }

  /// The entries without removals, and without what came before them in the same streams.
  private var entriesThatAreLeft: [LogEntry<String, Model.Event>] {
    var removed: [ByteKey: Int] = [:]
    for (index, entry) in entries.enumerated() {
      if case .removed(let streamID, _, _) = entry { removed[ByteKey(streamID)] = index }
    }
    return entries.enumerated().filter { index, entry in
      guard let streamID = entry.streamID else { return true }
      return removed[ByteKey(streamID)].map { index > $0 } ?? true
    }.map(\.element)
  }

  private func compare(_ found: Rows, with expected: Rows) throws {
    for type in model.tables {
      let (found, expected) = (try Self.lines(type, found), try Self.lines(type, expected))
      try require(
        found == expected,
        "'forget' must leave the rows that there would be had the stream never been. In the table '\(type.schema.name)' it leaves "
          + "\(found.subtracting(expected).sorted()), and should leave \(expected.subtracting(found).sorted())"
      )
    }
  }

  private static func lines<Row: ReadModelRow>(_ type: Row.Type, _ rows: Rows) throws -> Set<String>
  {
    Set(try rows.list(type).map { "\($0)" })
  }

  /// What a query finds in the rows that the events lead to.
  public func query<Answer>(_ query: (any SQLRows) throws -> Answer) throws -> Answer {
    try query(MemoryRowReader(try rows()))
  }

  /// The row with a key is this one; `nil` where there must be none.
  public func then<Row: ReadModelRow>(
    _ type: Row.Type, _ key: Row.Key, _ expected: Row?
  ) throws {
    let found = try rows().row(type, key)
    try require(
      found == expected,
      "the row \(key) of '\(Row.schema.name)': expected \(text(expected)), found \(text(found))")
  }

  /// The table has exactly these rows.
  public func thenAll<Row: ReadModelRow>(_ expected: [Row]) throws {
    let rows = try rows()
    let found = try rows.list(Row.self)
    let areThere = try expected.allSatisfy { try rows.row(Row.self, $0.key) == $0 }
    try require(
      found.count == expected.count && areThere,
      "the table '\(Row.schema.name)': expected \(expected), found \(found)")
  }

  /// The events can't be projected.
  public func thenFails() throws {
    do {
      _ = try rows()
    } catch {
      return
    }
    throw ScenarioFailure("expected an error, and all events were projected")
  }

  private func text(_ row: (some ReadModelRow)?) -> String { row.map { "\($0)" } ?? "none" }
}
