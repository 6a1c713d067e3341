import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyServer

/// Rows of read models, browsed, searched and exported.
@Suite(.timeLimit(.minutes(5))) struct RowQueryTests {
  private static let table = TableSchema(
    "lines", key: [.text("order"), .integer("line")], values: [.text("sku"), .integer("cents")],
    indexes: [["sku", "cents"]])

  @Test func statements() {
    func sql(
      _ order: RowQuery.Order?, _ place: [ColumnValue]?, _ dialect: SQLDialect = .sqlite
    ) -> String {
      RowQuery(table: Self.table, dialect: dialect, order: order)
        .rows(after: place, limit: 51).sql
        .replacing(#"SELECT "order", "line", "sku", "cents" FROM "lines" "#, with: "")
    }
    let cents = TableColumn.integer("cents")
    #expect(sql(nil, nil) == #"ORDER BY "order", "line" LIMIT ?"#)
    #expect(
      sql(nil, [.text("o"), .integer(1)])
        == #"WHERE (("order" > ?) OR ("order" = ? AND "line" > ?)) AND "order" >= ? ORDER BY "order", "line" LIMIT ?"#
    )
    #expect(
      sql(.init(column: .text("order"), isDescending: true), [.text("o"), .integer(1)])
        == #"WHERE ((("order" < ? OR "order" IS NULL)) OR ("order" = ? AND "line" > ?)) AND "order" <= ? ORDER BY "order" DESC, "line" LIMIT ?"#
    )
    #expect(
      sql(.init(column: cents), [.null, .text("o"), .integer(1)])
        == #"WHERE (("cents" IS NOT NULL) OR ("cents" IS NULL AND "order" > ?) OR ("cents" IS NULL AND "order" = ? AND "line" > ?)) ORDER BY "cents", "order", "line" LIMIT ?"#
    )
    #expect(
      sql(
        .init(column: cents, isDescending: true), [.integer(5), .text("o"), .integer(1)], .postgres)
        == #"WHERE ((("cents" < ? OR "cents" IS NULL)) OR ("cents" = ? AND "order" > ?) OR ("cents" = ? AND "order" = ? AND "line" > ?)) ORDER BY "cents" DESC NULLS LAST, "order", "line" LIMIT ?"#
    )
    let query = RowQuery(table: Self.table, dialect: .sqlite, order: .init(column: cents))
    #expect(!query.isIndexed && query.indexedColumns == ["order", "sku"])
    #expect(
      RowQuery(table: Self.table, dialect: .sqlite, order: .init(column: .text("sku"))).isIndexed)
    #expect(
      query.place(of: [.text("o"), .integer(1), .null, .integer(7)]) == [
        .integer(7), .text("o"), .integer(1),
      ])
    #expect(query.isPlace([.null, .text("o"), .integer(1)]))
    #expect(!query.isPlace([.text("x"), .text("o"), .integer(1)]) && !query.isPlace([]))
    var cut = RowQuery(table: Self.table, dialect: .sqlite)
    cut.textLimit = 9
    #expect(
      cut.rows(limit: 1).sql.hasPrefix(
        #"SELECT "order", "line", substr("sku", 1, 9), "cents" FROM "lines" ORDER"#))
    let first = RowQuery(table: Self.table, dialect: .sqlite).rows(
      from: .text("o"), skipping: 9, limit: 2)
    #expect(first.sql.hasSuffix(#"WHERE "order" >= ? ORDER BY "order", "line" LIMIT ? OFFSET ?"#))
    #expect(first.values == [.text("o"), .integer(2), .integer(9)])
  }

  /// In both databases: each row once, in the order of memory.
  @Test(arguments: [SQLDialect.sqlite, .postgres]) func pages(dialect: SQLDialect) async throws {
    let place = try await Rows(dialect)
    let source = try await place.source()
    var generator = SeededRandom(seed: 5)
    let schema = OwnerRow.schema
    let all = try await source.read { try $0.rows(OwnerRow.self) }
    #expect(all.count == 40)
    for column in [nil] + schema.columns {
      for isDescending in [false, true] where column != nil || !isDescending {
        var query = RowQuery(table: schema, dialect: dialect)
        query.order = column.map { .init(column: $0, isDescending: isDescending) }
        query.textLimit = 100
        var search = RowSearch(question: .init(query: query))
        search.bounds.rows = Int.random(in: 1...9, using: &generator)
        let found = try await rows(search, in: source).map { "\($0)" }
        let order = column.map {
          isDescending ? RowOrder.descending($0.name) : .ascending($0.name)
        }
        let expected = try await source.read { rows in
          try rows.rows(OwnerRow.self, orderedBy: order.map { [$0] } ?? [])
        }.map { "\(try OwnerRow.columns(of: $0.key) + $0.values)" }
        #expect(found == expected, "\(dialect) \(order as Any)")
      }
    }
  }

  @Test(arguments: [SQLDialect.sqlite, .postgres]) func searches(dialect: SQLDialect) async throws {
    let place = try await Rows(dialect)
    let source = try await place.source()
    func search(
      _ text: String, hidden: Set<String> = [], step: Int = 5_000, rows: Int = 50
    ) async throws -> [String] {
      var search = RowSearch(
        question: .init(
          query: RowQuery(table: OwnerRow.schema, dialect: dialect), search: text, hidden: hidden))
      search.bounds.rows = rows
      search.bounds.step = step
      return try await self.rows(search, in: source).map { row in
        guard case .text(let owner) = row[0] else { return "" }
        return owner
      }
    }
    // By the key, else in any column.
    let threes = ["o3"] + (30..<40).map { "o\($0)" }
    #expect(try await search("o3").sorted() == threes.sorted())
    #expect(try await search("o3", rows: 2).sorted() == threes.sorted())
    #expect(try await search("NAME 17") == ["o17"])
    #expect(try await search("name 1", step: 3, rows: 2).count == 11)
    #expect(try await search("nothing").isEmpty)
    // What is hidden is not found, and its places are not told.
    #expect(try await search("name 17", hidden: ["name"]).isEmpty)
    #expect(try await search("name 1", hidden: ["owner"], step: 3, rows: 2).count == 11)
    #expect(try await search("", hidden: ["owner"], rows: 7).count == 40)
    var hidden = RowSearch(
      question: .init(
        query: RowQuery(table: OwnerRow.schema, dialect: dialect), hidden: ["owner"]))
    hidden.bounds.rows = 3
    let page = try await source.read { [hidden] in try hidden.page(nil, in: $0) }
    #expect(page.next?.values == [.integer(2), .integer(3)])
    // A table that is too large for an order without an index.
    var query = RowQuery(table: OwnerRow.schema, dialect: dialect)
    query.order = .init(column: .integer("cents"))
    var bounded = RowSearch(question: .init(query: query))
    bounded.bounds.unindexed = 39
    await #expect(throws: RequestError.self) {
      try await source.read { [bounded] in try bounded.page(nil, in: $0) }
    }
    bounded.bounds.unindexed = 40
    let whole = try await source.read { [bounded] in try bounded.page(nil, in: $0) }
    #expect(whole.rows.count == 40)
    await #expect(throws: RequestError.self) {
      try await source.read { [bounded] in
        try bounded.page(PageCursor([.integer(0), .text("x")]), in: $0)
      }
    }
  }

  @Test func cells() {
    var csv = CSVWriter()
    csv.line([.text("=1+1"), .text("a,b"), .text("\"x\"\n"), .integer(-5), .null, .text("")])
    for text in ["+1", "-1", "@x", "\tx", "\rx", "x=1", "'=1", "\u{202E}x", "\"\u{301}"] {
      csv.line([.text(text)])
    }
    let lines = String(decoding: csv.bytes, as: UTF8.self)
    #expect(
      lines
        == "'=1+1,\"a,b\",\"\"\"x\"\"\n\",-5,,\r\n'+1\r\n'-1\r\n'@x\r\n'\tx\r\n\"'\rx\"\r\nx=1\r\n'=1\r\n\u{202E}x\r\n\"\"\"\u{301}\"\r\n"
    )
  }

  private func rows(
    _ search: RowSearch, in source: any ReadModelSource
  ) async throws -> [[ColumnValue]] {
    var (found, cursor, pages) = ([[ColumnValue]](), PageCursor?.none, 0)
    repeat {
      let page = try await source.read { [cursor] in try search.page(cursor, in: $0) }
      #expect(page.rows.count <= search.bounds.rows)
      found += page.rows
      cursor = page.next
      pages += 1
    } while cursor != nil && pages < 1_000
    return found
  }

  /// Forty owners.
  private struct Rows {
    private let bank: TestWriter
    private let location: ReadModelLocation
    private let server: PostgresServer?

    init(_ dialect: SQLDialect) async throws {
      bank = try await TestWriter(Bank())
      let accounts = try bank.writer.repository(of: Account.self)
      let customers = try bank.writer.repository(of: Customer.self)
      for number in 0..<40 {
        if number % 3 > 0 {
          _ = try await accounts.execute(
            [.open(owner: "x"), .deposit(number % 5 - 2)], on: "o\(number)")
        }
        _ = try await customers.execute([.register(name: "Name \(number)")], on: "o\(number)")
      }
      server = dialect == .postgres ? try PostgresServer() : nil
      location = server.map { .postgres($0.url()) } ?? .folder("\(bank.folder)/read-models")
    }

    func source() async throws -> any ReadModelSource {
      let definition = try #require(bank.writer.application.readModel("owners"))
      try await build(definition)
      return try await definition.catalog(in: location).reader(
        of: nil, readers: 1, timeLimit: nil)
    }

    private func build<Definition: ReadModelDefinition>(_ definition: Definition) async throws {
      let replay = try await Replay(
        "test", in: definition.catalog(in: location), model: definition.model,
        codec: definition.codec, log: bank.writer.store.log
      ) { nil }
      _ = try await replay.run { _ in }
    }
  }
}
