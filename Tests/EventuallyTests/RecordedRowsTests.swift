import Testing

@testable import Eventually

/// Rows are recorded as they were and as they are, whatever is done to them on the way.
@Suite struct RecordedRowsTests {
  private struct NumberRow: ReadModelRow {
    static let schema = TableSchema("numbers", key: [.text("name")], values: [.integer("n")])
    var key: String
    var n: Int64
    var values: [ColumnValue] { [.integer(n)] }

    init(_ key: String, _ n: Int64) { (self.key, self.n) = (key, n) }

    init(key: String, values: [ColumnValue]) throws {
      self.key = key
      n = try values.integer(0, of: Self.schema)
    }
  }

  /// A table in memory, which counts what is written to it and takes no row named "refused".
  private final class Base: RowStorage, TableStorage {
    var rows: [[ColumnValue]: [ColumnValue]]
    var saved = 0

    init(_ rows: [String: Int64] = [:]) {
      self.rows = Dictionary(
        uniqueKeysWithValues: rows.map { ([.text($0.key)], [.integer($0.value)]) })
    }

    func table(_ schema: TableSchema) -> any TableStorage { self }
    func load(_ key: [ColumnValue]) -> [ColumnValue]? { rows[key] }

    func save(_ key: [ColumnValue], _ values: [ColumnValue]?) throws {
      if key == [.text("refused")] { throw RowError(table: "numbers", reason: "refused") }
      saved += 1
      rows[key] = values
    }
  }

  private func text(_ changes: [RowChange]) -> [String] {
    func text(_ values: [ColumnValue]?) -> String {
      guard let values else { return "-" }
      return values.map { if case .integer(let n) = $0 { "\(n)" } else { "?" } }.joined()
    }
    return changes.map { change in
      guard case .text(let name) = change.key[0] else { return "?" }
      return "\(name) \(text(change.before)) \(text(change.after))"
    }
  }

  @Test(arguments: [false, true]) func whatIsWrittenIsNotedOnceForEachRow(isWriting: Bool) throws {
    let base = Base(["a": 1, "b": 2, "c": 3, "read": 9])
    let recorded = RecordedRows(over: base, isWriting: isWriting)
    let rows = Rows(over: recorded)
    #expect(try rows.row(NumberRow.self, "read")?.n == 9)
    try rows.put(NumberRow("a", 5))
    try rows.delete(NumberRow.self, "b")
    try rows.put(NumberRow("new", 7))
    try rows.save()
    // Rows that were forgotten are read from what was recorded.
    rows.clear()
    #expect(try rows.row(NumberRow.self, "a")?.n == 5)
    #expect(try rows.row(NumberRow.self, "b") == nil)
    try rows.update(NumberRow.self, "a") { $0?.n += 1 }
    try rows.put(NumberRow("c", 3))
    try rows.put(NumberRow("gone", 1))
    try rows.save()
    try rows.delete(NumberRow.self, "gone")
    try rows.save()
    #expect(text(recorded.changes) == ["a 1 6", "b 2 -", "new - 7", "c 3 3", "gone - -"])
    #expect(base.saved == (isWriting ? 7 : 0))
    #expect(base.rows[[.text("a")]] == [.integer(isWriting ? 6 : 1)])
  }

  @Test func whatTheStorageRefusesIsNoChange() throws {
    let recorded = RecordedRows(over: Base(), isWriting: true)
    let rows = Rows(over: recorded)
    try rows.put(NumberRow("refused", 1))
    #expect(throws: RowError.self) { try rows.save() }
    #expect(recorded.changes.isEmpty)
  }
}
