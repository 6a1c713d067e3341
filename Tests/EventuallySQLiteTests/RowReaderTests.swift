import Eventually
import EventuallySQLite
import EventuallyTesting
import Foundation
import Testing

/// Queries answer the same in memory and in a database.
@Suite struct RowReaderTests {
  enum Place: String, CaseIterable, Sendable { case memory, database }

  struct Row: CodableRow, Equatable {
    struct Key: Codable, Hashable, Sendable {
      var owner: String
      var number: Int
    }
    static let table = "accounts"
    static let indexes = [["city"]]
    var key: Key
    var city: String?
    var balance: Int64
    var isOpen: Bool
    var order: UUID?
  }

  struct Tag: CodableRow, Equatable {
    static let table = "tags"
    var number: Int
    var key: Int { number }
  }

  /// Reads the same rows where a test says.
  private func reading<Result>(
    _ place: Place, _ all: [Row], tags: [Tag] = [], _ body: (any RowReader) throws -> Result
  ) throws -> Result {
    func put(_ rows: Rows) throws {
      for row in all.shuffled() { try rows.put(row) }
      for tag in tags { try rows.put(tag) }
    }
    switch place {
    case .memory:
      let rows = Rows()
      try put(rows)
      return try body(MemoryRowReader(rows))
    case .database:
      let folder = try TemporaryFolder()
      let connection = try SQLiteConnection(path: folder.file("rows.sqlite"), mode: .create)
      for schema in [Row.schema, Tag.schema] {
        let columns = (schema.key + schema.values).map {
          "\"\($0.name)\" \($0.kind == .integer ? "INTEGER" : "TEXT")"
        }
        let key = schema.key.map { "\"\($0.name)\"" }.joined(separator: ", ")
        try connection.execute(
          "CREATE TABLE \(schema.name) (\(columns.joined(separator: ", ")), PRIMARY KEY (\(key))) WITHOUT ROWID"
        )
      }
      try connection.write {
        for row in all.shuffled() {
          let values = try Row.columns(of: row.key) + row.values
          let marks = values.map { _ in "?" }.joined(separator: ", ")
          let insert = try connection.statement("INSERT INTO accounts VALUES (\(marks))")
          insert.bind(values)
          try insert.run()
        }
        for tag in tags {
          try connection.run("INSERT INTO tags VALUES (?)", .integer(Int64(tag.number)))
        }
      }
      return try body(SQLiteRowReader(connection))
    }
  }

  private static func row(
    _ owner: String, _ number: Int, _ city: String?, _ balance: Int64, open: Bool = true
  ) -> Row {
    Row(
      key: Row.Key(owner: owner, number: number), city: city, balance: balance, isOpen: open)
  }

  /// Page after page comes to the same as all at once, in every order and whatever the size of a page.
  @Test(arguments: Place.allCases) func pagesTogetherAreTheList(place: Place) throws {
    var all = some
    for number in 0..<12 {
      let city = number % 3 == 0 ? nil : "c\(number % 2)"
      all.append(Self.row("p\(number % 4)", number, city, Int64(number % 5), open: number % 2 == 0))
    }
    try reading(place, all) { reader in
      for order in [
        [], [.ascending("city")], [.descending("city")], [.descending("balance")],
        [.ascending("balance"), .descending("city")],
        [.descending("isOpen"), .ascending("balance")],
      ] as [[RowOrder]] {
        let whole = try reader.rows(Row.self, orderedBy: order)
        for size in [1, 2, 5, 100] {
          var pages: [Row] = []
          var cursor: [ColumnValue]?
          repeat {
            let page = try reader.rows(
              Row.self, where: [], orderedBy: order, after: cursor, limit: size)
            pages += page
            cursor = try page.last.map { row in
              let columns = try Row.columns(of: row.key) + row.values
              let named = Row.schema.key + Row.schema.values
              return try order.map { order in
                columns[try #require(named.firstIndex { $0.name == order.column })]
              } + Row.columns(of: row.key)
            }
          } while cursor != nil && pages.count <= all.count
          #expect(pages == whole, "\(place) \(order) by \(size)")
        }
        #expect(throws: RowError.self) {
          try reader.rows(Row.self, where: [], orderedBy: order, after: [.null], limit: 1)
        }
      }
    }
  }

  private let some = [
    row("ada", 2, "Bern", 5), row("ada", 10, nil, 7, open: false), row("bob", 1, "Bern", 5),
    row("eve", 1, "é", -3), row("eve", 2, "e\u{301}", 7), row("zoe", 1, "", 0),
  ]

  @Test(arguments: Place.allCases) func findsRowsByKey(_ place: Place) throws {
    try reading(place, some, tags: [Tag(number: 3), Tag(number: -1)]) { reader throws in
      #expect(try reader.row(Row.self, Row.Key(owner: "ada", number: 10)) == some[1])
      #expect(try reader.row(Row.self, Row.Key(owner: "ada", number: 3)) == nil)
      #expect(try reader.row(Tag.self, 3) == Tag(number: 3))
      #expect(try reader.rows(Tag.self).map(\.number) == [-1, 3])
      #expect(try reader.rows(Tag.self, where: [.equals("number", 3)]) == [Tag(number: 3)])
    }
  }

  @Test(arguments: Place.allCases) func findsRowsByColumns(_ place: Place) throws {
    try reading(place, some) { reader throws in
      func found(_ conditions: RowCondition...) throws -> [Int] {
        try reader.rows(Row.self, where: conditions).compactMap { some.firstIndex(of: $0) }
      }
      #expect(try found() == [0, 1, 2, 3, 4, 5])
      #expect(try found(.equals("city", "Bern")) == [0, 2])
      #expect(try found(.equals("city", "Bern"), .equals("owner", "ada")) == [0])
      #expect(try found(.equals("city", ColumnValue.null)) == [1])
      #expect(try found(.equals("city", String?.none)) == [1])
      #expect(try found(.equals("isOpen", false)) == [1])
      #expect(try found(.equals("city", "")) == [5])
      #expect(try reader.rows(Row.self, where: [.equals("city", "é")]) == [some[3]], "by bytes")
      #expect(try found(.equals("city", "'; DROP TABLE accounts; --")).isEmpty)
    }
  }

  @Test(arguments: Place.allCases) func ordersRows(_ place: Place) throws {
    try reading(place, some) { reader throws in
      func found(_ order: RowOrder..., limit: Int = .max) throws -> [String] {
        try reader.rows(Row.self, orderedBy: order, limit: limit).map {
          "\($0.key.owner)\($0.key.number)"
        }
      }
      #expect(
        try found(.descending("balance"))
          == ["ada10", "eve2", "ada2", "bob1", "zoe1", "eve1"], "ties by key")
      #expect(
        try found(.ascending("city")) == ["ada10", "zoe1", "ada2", "bob1", "eve2", "eve1"])
      #expect(try found(.ascending("number"), .descending("owner"), limit: 2) == ["zoe1", "eve1"])
      #expect(try found(limit: 0).isEmpty && found(limit: -1).isEmpty)
    }
  }

  @Test(arguments: Place.allCases) func refusesWhatTheTableDoesNotHave(_ place: Place) throws {
    try reading(place, some) { reader throws in
      for name in ["town", "City", "city\" --", ""] {
        let error = try #require(throws: RowError.self) {
          try reader.rows(Row.self, where: [.equals(name, "x")])
        }
        #expect(error.reason.contains("owner, number, city, balance, isOpen, order"), "\(error)")
        #expect(throws: RowError.self) {
          try reader.rows(Row.self, orderedBy: [.ascending(name)])
        }
      }
      #expect(throws: RowError.self) { try reader.rows(Row.self, where: [.equals("owner", 5)]) }
      #expect(throws: RowError.self) { try reader.rows(Row.self, where: [.equals("balance", "5")]) }
      #expect(throws: RowError.self) {
        try reader.rows(Row.self, where: [.equals("balance", UInt64.max)])
      }
    }
  }

  @Test func anyQueryAnswersTheSame() throws {
    var random = SeededRandom(seed: 15)
    let texts = ["", "a", "B", "é", "e\u{301}", "zz"]
    var rows: [Row.Key: Row] = [:]
    for _ in 0..<200 {
      let row = Row(
        key: Row.Key(
          owner: texts.randomElement(using: &random) ?? "",
          number: .random(in: -9...9, using: &random)),
        city: Bool.random(using: &random) ? nil : texts.randomElement(using: &random),
        balance: .random(in: -2...2, using: &random), isOpen: .random(using: &random))
      rows[row.key] = row
    }
    let all = Array(rows.values)
    let names = ["owner", "number", "city", "balance", "isOpen"]
    let queries = (0..<200).map { _ -> ([RowCondition], [RowOrder], Int) in
      var conditions: [RowCondition] = []
      if Bool.random(using: &random) {
        conditions.append(.equals("balance", Int.random(in: -2...2, using: &random)))
      }
      if Bool.random(using: &random) {
        conditions.append(.equals("city", texts.randomElement(using: &random)))
      }
      let order = (0..<Int.random(in: 0...3, using: &random)).map { _ -> RowOrder in
        let name = names.randomElement(using: &random) ?? ""
        return Bool.random(using: &random) ? .ascending(name) : .descending(name)
      }
      return (conditions, order, Int.random(in: 0...30, using: &random))
    }
    let answers = try Place.allCases.map { place in
      try reading(place, all) { reader in
        try queries.map { conditions, order, limit in
          try reader.rows(Row.self, where: conditions, orderedBy: order, limit: limit)
        }
      }
    }
    #expect(answers[0].contains { $0.count > 1 })
    for (number, query) in queries.enumerated() {
      #expect(answers[0][number] == answers[1][number], "\(query)")
    }
  }
}
