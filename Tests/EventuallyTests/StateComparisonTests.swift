import Eventually
import Testing

/// Two states are compared in pages, of which neither ends where the other's does.
@Suite struct StateComparisonTests {
  private struct State: ReadModelState {
    var tables: [String: [TableRow]]

    func checkpoints() -> [CheckpointStatus] { [] }
    func unappliedCounts() -> UnappliedCounts { UnappliedCounts() }
    func unapplied() -> [Partition: Set<UInt64>] { [:] }

    func rows(of table: TableSchema, after key: [ColumnValue]?, limit: Int) -> [TableRow] {
      let rows = tables[table.name] ?? []
      return Array(
        rows.drop { row in
          guard let key, row.key != key else { return key != nil && row.key == key }
          return row.key[0].isBefore(key[0])
        }.prefix(limit))
    }
  }

  private static let numbers = TableSchema(
    "numbers", key: [.integer("number")], values: [.text("word")])
  private static let words = TableSchema("words", key: [.text("word")], values: [])

  private static func state(_ numbers: some Sequence<Int64>, _ words: [String] = []) -> State {
    State(tables: [
      "numbers": numbers.map { TableRow(key: [.integer($0)], values: [.text("\($0)")]) },
      "words": words.map { TableRow(key: [.text($0)], values: []) },
    ])
  }

  private func compare(
    _ expected: State, _ found: State, limit: Int = 10
  ) async throws -> StateComparison {
    try await StateComparison(
      expected: expected, found: found, tables: [Self.numbers, Self.words], limit: limit)
  }

  @Test(arguments: [0, 1, 999, 1_000, 1_001, 2_000, 2_500])
  func equalStatesAreEqual(_ count: Int64) async throws {
    let state = Self.state(0..<count, ["a", "b"])
    let compared = try await compare(state, state)
    #expect(compared.differenceCount == 0 && compared.differences.isEmpty)
    #expect(compared.found.rows == Int(count) + 2 && compared.expected.rows == Int(count) + 2)
    #expect(compared.found.text == compared.expected.text)
  }

  @Test func whatIsMissingTooMuchOrOtherIsTold() async throws {
    var found = Self.state((0..<2_500).filter { $0 != 3 && $0 < 2_400 }, ["a", "é", "z"])
    found.tables["numbers"]?[1_500].values = [.null]
    let expected = Self.state((0..<2_500).filter { $0 != 5 }, ["a", "e\u{301}"])
    let compared = try await compare(expected, found, limit: 3)
    // 3 is missing, 5 is too much, 1,501 is other, 2,400 to 2,499 are missing; one of two é is missing, and two words are too much.
    #expect(compared.differenceCount == 1 + 1 + 1 + 100 + 3)
    #expect(
      compared.differences == [
        RowDifference(
          table: "numbers", key: [.integer(3)], expected: [.text("3")], found: nil),
        RowDifference(
          table: "numbers", key: [.integer(5)], expected: nil, found: [.text("5")]),
        RowDifference(
          table: "numbers", key: [.integer(1_501)], expected: [.text("1501")], found: [.null]),
      ])
    #expect(compared.expected.rows == 2_499 + 2 && compared.found.rows == 2_399 + 3)
    #expect(compared.found.text != compared.expected.text)
  }

  @Test func oneSideMayBeEmpty() async throws {
    let (some, none) = (Self.state(0..<1_200), Self.state(0..<0))
    #expect(try await compare(some, none).differenceCount == 1_200)
    #expect(try await compare(none, some).differenceCount == 1_200)
  }
}
