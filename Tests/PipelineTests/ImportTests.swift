import Eventually
import Foundation
import Orders
import Testing

@testable import OrdersApp

@Suite struct CSVReaderTests {
  private func read(_ text: String, portion: Int = .max) -> [CSVReader.Row] {
    var reader = CSVReader()
    var rows: [CSVReader.Row] = []
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      reader.read(rest.prefix(portion)) { rows.append($0) }
      rest = rest.dropFirst(portion)
    }
    reader.finish { rows.append($0) }
    return rows
  }

  /// The same rows come out however the bytes are cut.
  @Test(arguments: [1, 2, 3, 7, Int.max]) func readsQuotesAndLineEnds(portion: Int) {
    let text = "\u{FEFF}a,b\r\n1,\"x,\"\"y\"\"\n z\"\n\n,\r\n\"\",é\nlast"
    let rows = read(text, portion: portion)
    #expect(
      rows == [
        .init(line: 1, fields: ["a", "b"]), .init(line: 2, fields: ["1", "x,\"y\"\n z"]),
        .init(line: 5, fields: ["", ""]), .init(line: 6, fields: ["", "é"]),
        .init(line: 7, fields: ["last"]),
      ])
  }

  @Test func takesWhatIsNotUTF8ForLatin1() {
    var reader = CSVReader()
    var rows: [CSVReader.Row] = []
    reader.read([0x50, 0xA3, 0x31, 0x0A]) { rows.append($0) }
    #expect(rows.map(\.fields) == [["P£1"]])
  }
}

@Suite struct OnlineRetailLayoutTests {
  private let header = [
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID",
    "Country",
  ]

  private func read(_ fields: [String]) throws -> InvoiceRow {
    try OnlineRetailLayout(header: header).read(CSVReader.Row(line: 2, fields: fields))
  }

  private let good = [
    "536365", "85123A", "A, B", "6", "2010-12-01 08:26:00", "2.55", "17850.0", "United Kingdom",
  ]

  @Test func readsARow() throws {
    let row = try read(good)
    #expect(row.invoice == "536365")
    #expect(row.customer == "17850")
    #expect(row.item.unitPrice == Money("2.55"))
    #expect(row.time == Timestamp("2010-12-01T08:26:00Z"))
    #expect(OnlineRetailLayout.time("12/1/2010 8:26") == row.time)
    #expect(OnlineRetailLayout.time("12/1/10 8:26") == row.time)
  }

  @Test(arguments: [
    (0, "", "invoice number"), (0, "a b", "invoice number"), (1, "", "stock code"),
    (3, "six", "quantity"), (3, "1.5", "quantity"), (4, "yesterday", "date"), (5, "", "price"),
    (5, "2.55555", "price"), (7, "", "country"),
  ])
  func aBrokenRowIsRefusedWithTheReason(column: Int, text: String, word: String) {
    var fields = good
    fields[column] = text
    let error = #expect(throws: OnlineRetailLayout.Rejection.self) { try read(fields) }
    #expect(error?.reason.contains(word) == true)
  }

  @Test func aRowWithTooFewFieldsIsRefused() {
    #expect(throws: OnlineRetailLayout.Rejection.self) { try read(Array(good.dropLast())) }
  }

  @Test func aHeaderThatLacksAColumnIsRefusedByName() {
    let error = #expect(throws: Failure.self) {
      try OnlineRetailLayout(header: header.filter { $0 != "UnitPrice" })
    }
    #expect(error?.description.contains("'UnitPrice'") == true)
  }
}

@Suite struct InvoiceWindowTests {
  private func row(_ invoice: String, _ line: Int) -> InvoiceRow {
    InvoiceRow(
      line: line, invoice: invoice, customer: nil, country: "X",
      time: Timestamp(microseconds: 0),
      item: OrderLine(sku: "s", description: "", quantity: 1, unitPrice: .zero))
  }

  /// Whatever the order of rows, every row comes out once, in its invoice and in order.
  @Test func everyRowComesOutOnce() {
    var state: UInt64 = .random(in: .min ... .max)
    let seed = state
    var window = InvoiceWindow(limit: 5)
    var closed: [[InvoiceRow]] = []
    for line in 1...5000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let invoice = "\(line / 20 + Int(state >> 33) % 3)"
      if let rows = window.add(row(invoice, line)) { closed.append(rows) }
    }
    while let rows = window.drain() { closed.append(rows) }
    #expect(closed.flatMap { $0.map(\.line) }.sorted() == Array(1...5000), "seed \(seed)")
    for rows in closed {
      #expect(Set(rows.map(\.invoice)).count == 1)
      #expect(rows.map(\.line) == rows.map(\.line).sorted())
    }
    // Rows of an invoice that are near each other stay together.
    #expect(Set(closed.map { $0[0].invoice }).count == closed.count, "seed \(seed)")
  }

  @Test func theInvoiceThatWasTouchedLongestAgoIsClosedFirst() {
    var window = InvoiceWindow(limit: 2)
    #expect(window.add(row("a", 1)) == nil)
    #expect(window.add(row("b", 2)) == nil)
    #expect(window.add(row("a", 3)) == nil)
    #expect(window.add(row("c", 4))?.map(\.line) == [2])
    #expect(window.drain()?.map(\.line) == [1, 3])
    #expect(window.drain()?.map(\.line) == [4])
    #expect(window.drain() == nil)
  }
}

@Suite struct OrderDraftTests {
  private func draft(_ invoice: String, _ lines: [(Int64, String)]) async -> OrderDraft {
    await OrderDraft(
      invoice: lines.enumerated().map { offset, line in
        InvoiceRow(
          line: offset + 2, invoice: invoice, customer: nil, country: "X",
          time: Timestamp(microseconds: 0),
          item: OrderLine(
            sku: "s", description: "", quantity: line.0, unitPrice: Money(line.1) ?? .zero))
      })
  }

  private func kind(_ draft: OrderDraft) -> OrderKind? {
    guard case .created(let header)? = draft.events.first else { return nil }
    return header.kind
  }

  @Test func theKindFollowsFromNumberAndSigns() async {
    #expect(kind(await draft("536365", [(6, "2.55"), (1, "0")])) == .sale)
    #expect(kind(await draft("C536379", [(-1, "27.50")])) == .return)
    #expect(kind(await draft("A563185", [(1, "-11062.06")])) == .adjustment)
    #expect(kind(await draft("536589", [(-10, "0.0")])) == .adjustment)
  }

  @Test func aRefusedRowDoesNotTakeTheOthersDown() async {
    let draft = await draft("1", [(6, "2.50"), (0, "1"), (1, "999999999")])
    #expect(draft.refused.map(\.row.line) == [3, 4])
    #expect(draft.rows.map(\.line) == [2])
    #expect(draft.events.count == 3)
    #expect(draft.total == Money("15.00"))
  }

  @Test func anInvoiceWithoutARowThatFitsIsNoOrder() async {
    let draft = await draft("1", [(0, "1")])
    #expect(draft.events.isEmpty)
    #expect(draft.refused.count == 1)
  }
}

@Suite struct RejectedRowsTests {
  @Test func replacesItsOwnFileAndNothingElse() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path()
    defer { try? FileManager.default.removeItem(atPath: path) }
    func content() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
    try RejectedRows(path: path).add(line: 7, reason: "a \"reason\"")
    #expect(try content() == "line,reason\n7,\"a \"\"reason\"\"\"\n")
    _ = try RejectedRows(path: path)
    #expect(!FileManager.default.fileExists(atPath: path))
    try Data("InvoiceNo,StockCode\n".utf8).write(to: URL(filePath: path))
    #expect(throws: Failure.self) { try RejectedRows(path: path) }
    #expect(try content() == "InvoiceNo,StockCode\n")
  }
}

@Suite struct OrderGeneratorTests {
  @Test func theSameSeedGivesTheSameLegalOrders() throws {
    for number in 1...300 {
      let events = OrderGenerator(seed: 5).events(number)
      #expect(events == OrderGenerator(seed: 5).events(number))
      let state = try Order().fold(events)
      #expect(state.status != .open)
    }
    #expect(OrderGenerator(seed: 5).events(1) != OrderGenerator(seed: 6).events(1))
  }
}
