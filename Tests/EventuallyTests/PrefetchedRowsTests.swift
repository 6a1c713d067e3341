import EventuallyTesting
import Testing

@testable import Eventually

private struct OwnRow: ReadModelRow {
  static let schema = TableSchema(
    "own", key: [.text("id")], values: [.integer("n"), .text("t")], indexes: [["t", "n"]],
    isShared: false)
  var key: String
  var n: Int64 = 0
  var t = ""
  var values: [ColumnValue] { [.integer(n), .text(t)] }

  init(key: String, n: Int64 = 0, t: String = "") { (self.key, self.n, self.t) = (key, n, t) }

  init(key: String, values: [ColumnValue]) throws {
    self.key = key
    n = try values.integer(0, of: Self.schema)
    t = try values.text(1, of: Self.schema)
  }
}

private struct SumRow: ReadModelRow {
  static let schema = TableSchema("sums", key: [.text("id")], values: [.integer("n")])
  var key: String
  var n: Int64
  var values: [ColumnValue] { [.integer(n)] }

  init(key: String, n: Int64) { (self.key, self.n) = (key, n) }

  init(key: String, values: [ColumnValue]) throws {
    self.key = key
    n = try values.integer(0, of: Self.schema)
  }
}

@Suite struct PrefetchedRowsTests {
  typealias Row = PrefetchedRows.Row
  private let known = PrefetchedRows(limit: .init(bytes: 20))

  private func own(_ rows: [Row]) -> PrefetchedRows.TableRows {
    .init(schema: OwnRow.schema, rows: rows)
  }

  private func sums(_ rows: [Row]) -> PrefetchedRows.TableRows {
    .init(schema: SumRow.schema, rows: rows)
  }

  private func pass(_ body: (Rows) throws -> Void) throws {
    known.beginPass()
    let rows = Rows(over: known)
    try body(rows)
    try rows.save()
  }

  /// Reads a row to find the key of the next one.
  @Test func whatIsMissingIsAskedForUntilNothingIs() throws {
    func project(_ rows: Rows) throws {
      guard let row = try rows.row(OwnRow.self, "a") else { return }
      try rows.update(SumRow.self, row.t) { $0 = SumRow(key: row.t, n: ($0?.n ?? 0) + 1) }
    }
    try pass(project)
    #expect(known.missing.map(\.keys) == [[[.text("a")]]])
    #expect(known.takeChanges(shared: true, isLast: true).isEmpty)
    known.insert(own([Row(key: [.text("a")], values: [.integer(0), .text("b")])]))
    try pass(project)
    #expect(known.missing.map(\.keys) == [[[.text("b")]]])
    known.insert(sums([Row(key: [.text("b")], values: nil)]))
    try pass(project)
    #expect(known.missing.isEmpty)
    #expect(known.takeChanges(shared: false, isLast: true).isEmpty)
    #expect(
      known.takeChanges(shared: true, isLast: true).flatMap(\.rows) == [
        Row(key: [.text("b")], values: [.integer(1)])
      ])
  }

  /// What a transaction has saved is saved again where another pass comes to something else, be it to what was there before.
  @Test func aPassAfterASaveSavesWhatDiffers() throws {
    known.insert(
      own(["a", "b", "c"].map { Row(key: [.text($0)], values: [.integer(0), .text("")]) }))
    try pass { rows in
      for key in ["a", "b", "c"] { try rows.put(OwnRow(key: key, n: 1)) }
      try rows.delete(OwnRow.self, "b")
    }
    #expect(known.takeChanges(shared: false, isLast: true).flatMap(\.rows).count == 3)
    try pass { rows in
      #expect(try rows.row(OwnRow.self, "a")?.n == 0)
      try rows.put(OwnRow(key: "a", n: 2))
      try rows.put(OwnRow(key: "c", n: 1))
    }
    let changes = known.takeChanges(shared: false, isLast: true).flatMap(\.rows)
    #expect(
      Set(changes) == [
        Row(key: [.text("a")], values: [.integer(2), .text("")]),
        Row(key: [.text("b")], values: [.integer(0), .text("")]),
      ])
    known.committed()
    try pass { rows in
      let found = try ["a", "b"].map { try rows.row(OwnRow.self, $0)?.n }
      #expect(found == [2, 0])
    }
    #expect(known.missing.isEmpty)
    #expect(known.takeChanges(shared: false, isLast: true).isEmpty)
  }

  /// What a row was does not matter to one that is put in its place.
  @Test func whatIsPutIsNotAskedFor() throws {
    try pass { rows in
      try rows.put(OwnRow(key: "a", n: 1))
      try rows.update(OwnRow.self, "a") { $0?.n += 1 }
      try rows.delete(OwnRow.self, "b")
      try rows.put(SumRow(key: "s", n: 1))
    }
    // Of shared rows others may know more.
    #expect(known.missing.map(\.keys) == [[[.text("s")]]])
    known.insert(sums([Row(key: [.text("s")], values: nil)]))
    try pass { rows in
      try rows.put(OwnRow(key: "a", n: 3))
      try rows.put(OwnRow(key: "b", n: 4))
      try rows.delete(OwnRow.self, "c")
    }
    #expect(known.missing.isEmpty)
    // Another pass may leave them as they were.
    #expect(known.takeChanges(shared: false, isLast: false).isEmpty)
    try pass { rows in
      try rows.put(OwnRow(key: "a", n: 5))
      try rows.delete(OwnRow.self, "c")
    }
    #expect(
      Set(known.takeChanges(shared: false, isLast: true).flatMap(\.rows)) == [
        Row(key: [.text("a")], values: [.integer(5), .text("")]),
        Row(key: [.text("c")], values: nil),
      ])
    known.committed()
    try pass { rows in
      let found = try ["a", "c"].map { try rows.row(OwnRow.self, $0)?.n }
      #expect(found == [5, nil])
      _ = try rows.row(OwnRow.self, "b")
    }
    #expect(known.missing.map(\.keys) == [[[.text("b")]]])
  }

  /// What is not there was answered rightly before it was known.
  @Test func aPassIsRightAboutWhatIsNotThere() throws {
    func project(_ rows: Rows) throws {
      try rows.update(OwnRow.self, "a") { $0 = $0 ?? OwnRow(key: "a", n: 1) }
      try rows.update(SumRow.self, "s") { $0 = SumRow(key: "s", n: ($0?.n ?? 0) + 1) }
    }
    try pass(project)
    #expect(known.missing.count == 2)
    let none = own([Row(key: [.text("a")], values: nil)])
    #expect(
      !known.confirm([none, sums([Row(key: [.text("s")], values: [.integer(7)])])]))
    #expect(known.missing.isEmpty)
    try pass(project)
    #expect(known.missing.isEmpty)
    #expect(known.confirm([none]))
    #expect(
      known.takeChanges(shared: false, isLast: true).flatMap(\.rows) == [
        Row(key: [.text("a")], values: [.integer(1), .text("")])
      ])
    #expect(
      known.takeChanges(shared: true, isLast: true).flatMap(\.rows) == [
        Row(key: [.text("s")], values: [.integer(8)])
      ])
  }

  /// One that was put and taken back is as the database has it.
  @Test func whatIsTakenBackIsLoadedWhenItIsAskedFor() throws {
    known.insert(own([Row(key: [.text("a")], values: [.integer(7), .text("")])]))
    try pass { rows in
      rows.isIsolating = true
      rows.beginEntry()
      try rows.put(OwnRow(key: "a", n: 1))
      try rows.put(OwnRow(key: "b", n: 1))
      rows.revertEntry()
      let found = try ["a", "b"].map { try rows.row(OwnRow.self, $0)?.n }
      #expect(found == [7, nil])
    }
    #expect(known.missing.map(\.keys) == [[[.text("b")]]])
    #expect(known.takeChanges(shared: false, isLast: true).isEmpty)
  }

  /// Batches of random changes lead to the same rows as without a database, whatever is known and whenever others change shared rows.
  @Test(arguments: 0..<200 as Range<UInt64>) func theDatabaseIsAsRowsInMemoryAre(seed: UInt64)
    throws
  {
    var random = SeededRandom(seed: seed)
    var database: [String: [[ColumnValue]: [ColumnValue]]] = ["own": [:], "sums": [:]]
    let expected = Rows()
    func select(_ keys: PrefetchedRows.TableKeys) -> PrefetchedRows.TableRows {
      .init(
        schema: keys.schema,
        rows: keys.keys.map { Row(key: $0, values: database[keys.schema.name]?[$0]) })
    }
    func save(_ changes: [PrefetchedRows.TableRows]) {
      for table in changes {
        for row in table.rows { database[table.schema.name]?[row.key] = row.values }
      }
    }
    for _ in 0..<12 {
      let steps = (0..<Int.random(in: 1...8, using: &random)).map { _ in
        (
          Int.random(in: 0..<5, using: &random), Int.random(in: 0..<4, using: &random),
          Int64.random(in: 0..<9, using: &random)
        )
      }
      func project(_ rows: Rows) throws {
        for (step, key, n) in steps {
          let key = "\(key)"
          switch step {
          case 0: try rows.put(OwnRow(key: key, n: n))
          case 1: try rows.delete(OwnRow.self, key)
          case 2: try rows.update(OwnRow.self, key) { $0?.n += n }
          case 3: try rows.update(SumRow.self, key) { $0 = SumRow(key: key, n: ($0?.n ?? 0) + n) }
          default:
            // What is written follows from what others may change.
            let sum = try rows.row(SumRow.self, key)?.n ?? 0
            if sum % 2 == 0 { try rows.put(OwnRow(key: key, n: sum)) }
          }
        }
      }
      var isChanged = Bool.random(using: &random)
      while true {
        try pass(project)
        let missing = known.missing
        if !missing.isEmpty {
          guard known.confirm(missing.map(select)) else { continue }
        }
        let shared = known.touchedShared
        if shared.isEmpty { break }
        save(known.takeChanges(shared: false, isLast: false))
        if isChanged {
          let key = "\(Int.random(in: 0..<4, using: &random))"
          let n = Int64.random(in: 0..<9, using: &random)
          database["sums"]?[[.text(key)]] = [.integer(n)]
          try expected.put(SumRow(key: key, n: n))
          isChanged = false
        }
        if known.refresh(shared.map(select)) { break }
      }
      save(known.takeChanges(shared: false, isLast: true))
      save(known.takeChanges(shared: true, isLast: true))
      known.committed()
      known.trim(to: 5)
      try project(expected)
      let (own, sums) = (try expected.all(OwnRow.self), try expected.all(SumRow.self))
      #expect(
        database["own"] == Dictionary(uniqueKeysWithValues: own.map { ([.text($0)], $1.values) }),
        "seed \(seed): \(steps)")
      #expect(
        database["sums"] == Dictionary(uniqueKeysWithValues: sums.map { ([.text($0)], $1.values) }),
        "seed \(seed): \(steps)")
    }
  }

  @Test func sharedRowsAreAGuessUntilTheyAreLoadedUnderTheLock() throws {
    known.insert(
      sums(["a", "b"].map { Row(key: [.text($0)], values: [.integer(1)]) }))
    func project(_ rows: Rows) throws {
      let key = try rows.row(SumRow.self, "a")?.n == 1 ? "a" : "b"
      try rows.update(SumRow.self, key) { $0?.n += 10 }
    }
    try pass(project)
    #expect(known.touchedShared.map(\.keys) == [[[.text("a")]]])
    #expect(known.refresh([sums([Row(key: [.text("a")], values: [.integer(1)])])]))
    #expect(!known.refresh([sums([Row(key: [.text("a")], values: [.integer(2)])])]))
    try pass(project)
    // The guess about "b" is none any more.
    #expect(known.missing.map(\.keys) == [[[.text("b")]]])
    known.insert(sums([Row(key: [.text("b")], values: [.integer(7)])]))
    try pass(project)
    #expect(
      known.takeChanges(shared: true, isLast: true).flatMap(\.rows) == [
        Row(key: [.text("b")], values: [.integer(17)])
      ])
  }

  /// Under the lock, what is known of shared rows is no guess while nobody else has moved a checkpoint.
  @Test func sharedRowsStayKnownWhileNobodyElseChangesAny() throws {
    typealias Mark = PrefetchedRows.Mark
    var marks: [Partition: Mark] = [
      0: Mark(epoch: 1, position: 4), 1: Mark(epoch: 2, position: nil),
    ]
    #expect(!known.lockedShared(at: marks))
    known.insert(sums([Row(key: [.text("a")], values: [.integer(1)])]))
    known.move(0, to: Mark(epoch: 1, position: 9))
    #expect(!known.lockedShared(at: marks), "it is not as it was left")
    known.move(0, to: Mark(epoch: 1, position: 9))
    marks[0]?.position = 9
    #expect(known.lockedShared(at: marks))
    for change in [Mark(epoch: 3, position: nil), Mark(epoch: 2, position: 1)] {
      marks[1] = change
      #expect(!known.lockedShared(at: marks))
      #expect(known.lockedShared(at: marks))
    }
    marks[2] = Mark(epoch: 1, position: nil)
    #expect(!known.lockedShared(at: marks))
    known.clear()
    #expect(!known.lockedShared(at: marks))
  }

  /// Rows that were loaded again are known; others of shared tables may be old.
  @Test func refreshingForgetsOtherSharedRows() throws {
    known.insert(sums(["a", "b"].map { Row(key: [.text($0)], values: [.integer(1)]) }))
    try pass { rows in _ = try rows.row(SumRow.self, "a") }
    #expect(known.refresh([sums([Row(key: [.text("a")], values: [.integer(1)])])]))
    try pass { rows in
      #expect(try rows.row(SumRow.self, "a")?.n == 1)
      _ = try rows.row(SumRow.self, "b")
    }
    #expect(known.missing.map(\.keys) == [[[.text("b")]]])
  }

  @Test func rowsOfABatchsStreamsAreExpectedWhereOthersWereMissing() throws {
    #expect(known.expected(of: ["a"]).isEmpty)
    try pass { rows in
      for key in ["a", "b", "other"] { _ = try rows.row(OwnRow.self, key) }
      _ = try rows.row(SumRow.self, "a")
    }
    known.learn(from: ["a", "b", "b"])
    let expected = known.expected(of: ["a", "c", "c", "\u{0}"]).map { Set($0.keys) }
    #expect(expected == [[[.text("a")], [.text("c")]]])
    known.insert(own(["a", "c"].map { Row(key: [.text($0)], values: nil) }))
    #expect(known.expected(of: ["a", "c"]).isEmpty)
    try pass { rows in _ = try rows.row(OwnRow.self, "other 2") }
    known.learn(from: ["d"])
    #expect(known.expected(of: ["d"]).isEmpty)
  }

  @Test func aRowOfTwoPartitionsIsNotOnesOwn() throws {
    known.insert(own([Row(key: [.text("a")], values: [.integer(1), .text("")])]))
    known.insert(sums([Row(key: [.text("a")], values: [.integer(1)])]))
    let rows = Rows(over: known)
    for round in 0..<2 {
      known.beginPass()
      rows.clear()
      known.partition = 3
      _ = try rows.row(OwnRow.self, "a")
      _ = try rows.row(SumRow.self, "a")
      try rows.releasePartition()
      known.partition = 4
      _ = try rows.row(SumRow.self, "a")
      #expect(throws: RowError.self, "round \(round)") { try rows.row(OwnRow.self, "a") }
    }
  }

  @Test(arguments: [
    (OwnRow(key: "a", t: "\u{0}"), false), (OwnRow(key: "a\u{0}"), false),
    (OwnRow(key: String(repeating: "x", count: 20)), true),
    (OwnRow(key: String(repeating: "x", count: 21)), false),
    (OwnRow(key: "a", t: String(repeating: "x", count: 12)), true),
    (OwnRow(key: "a", t: String(repeating: "x", count: 13)), false),
  ]) private func whatTheDatabaseCantHoldIsAnError(_ row: OwnRow, _ fits: Bool) throws {
    known.insert(own([Row(key: [.text(row.key)], values: nil)]))
    let rows = Rows(over: known)
    try rows.put(row)
    if fits {
      try rows.save()
    } else {
      #expect(throws: RowError.self) { try rows.save() }
    }
  }
}
