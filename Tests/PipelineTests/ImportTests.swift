import Eventually
import Foundation
import Testing

@testable import EventuallyServer
@testable import Orders

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
    "1/1/-5 8:26", "1/1/+5 8:26", "1/1/5 8:26", "1/1/195 8:26", "1/1/19955 8:26", "12/1/2010",
    "12/1/2010  8:26", " 12/1/2010 8:26", "12/1/2010 8:2", "12/1/2010 8:26:3", "12/1/2010 8/26",
    "12:1:2010 8:26", "13/1/2010 8:26", "2/29/2011 8:26", "12/1/2010 24:00", "12/1/0000 8:26",
    "१/1/2010 8:26", "12/1/2010 8:26 PM", "", "/// :",
  ])
  func aDateIsReadStrictlyOrNotAtAll(text: String) {
    #expect(OnlineRetailLayout.time(text) == nil)
  }

  @Test(arguments: [
    (0, "", "invoice number"), (0, "a b", "invoice number"), (1, "", "stock code"),
    (3, "six", "quantity"), (3, "1.5", "quantity"), (3, "9223372036854775807", "quantity"),
    (3, "-9223372036854775808", "quantity"), (3, "1000001", "quantity"), (4, "yesterday", "date"),
    (4, "9999-12-31T23:59:59-00:01", "date"), (5, "", "price"),
    (5, "922337203685477.5807", "price"),
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
  fileprivate func row(_ invoice: String, _ line: Int) -> InvoiceRow {
    InvoiceRow(
      line: line, invoice: invoice, customer: nil, country: "X",
      time: Timestamp(microseconds: 0),
      item: OrderLine(sku: "s", description: "", quantity: 1, unitPrice: .zero))
  }

  /// Whatever the order of rows, every row comes out once, in its invoice and in order.
  @Test func everyRowComesOutOnce() throws {
    var state: UInt64 = .random(in: .min ... .max)
    let seed = state
    var window = InvoiceWindow(limit: 5)
    var closed: [[InvoiceRow]] = []
    for line in 1...5000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let invoice = "\(line / 20 + Int(state >> 33) % 3)"
      closed += try window.add(row(invoice, line))
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

  @Test func theInvoiceThatWasTouchedLongestAgoIsClosedFirst() throws {
    var window = InvoiceWindow(limit: 2)
    #expect(try window.add(row("a", 1)).isEmpty)
    #expect(try window.add(row("b", 2)).isEmpty)
    #expect(try window.add(row("a", 3)).isEmpty)
    #expect(try window.add(row("c", 4)).map { $0.map(\.line) } == [[2]])
    #expect(window.drain()?.map(\.line) == [1, 3])
    #expect(window.drain()?.map(\.line) == [4])
    #expect(window.drain() == nil)
  }
}

extension InvoiceWindowTests {
  @Test func anInvoiceHasNoMoreRowsThanAnOrder() throws {
    var window = InvoiceWindow()
    for line in 1...Order.maximumLines { _ = try window.add(row("a", line)) }
    #expect(throws: OnlineRetailLayout.Rejection.self) { try window.add(row("a", 0)) }
    #expect(try window.add(row("b", 0)).isEmpty)
    #expect(window.drain()?.count == Order.maximumLines)
  }

  /// Those that were not touched for longest are closed before their time; of one invoice, rows are refused.
  @Test func openInvoicesHoldNoMoreBytesThanAllowed() throws {
    let size = row("a", 1).size
    var window = InvoiceWindow(limit: 100, byteLimit: 3 * size)
    for (line, invoice) in ["a", "b", "c"].enumerated() {
      #expect(try window.add(row(invoice, line)).isEmpty)
    }
    #expect(try window.add(row("b", 3)).map { $0.map(\.line) } == [[0]])
    #expect(try window.add(row("b", 4)).map { $0.map(\.line) } == [[2]])
    #expect(throws: OnlineRetailLayout.Rejection.self) { try window.add(row("b", 5)) }
    #expect(window.drain()?.map(\.line) == [1, 3, 4])
  }
}

@Suite struct OrderDraftTests {
  private func draft(_ invoice: String, _ lines: [(Quantity, String)]) async -> OrderDraft {
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

  /// What contradicts an invoice's first row is not taken for it in silence.
  @Test func aRowOfAnotherCustomerCountryOrTimeIsRefused() async {
    func row(_ line: Int, _ change: (inout InvoiceRow) -> Void = { _ in }) -> InvoiceRow {
      var row = InvoiceRow(
        line: line, invoice: "1", customer: "17850", country: "X",
        time: Timestamp(microseconds: 0),
        item: OrderLine(sku: "s", description: "", quantity: 1, unitPrice: .zero))
      change(&row)
      return row
    }
    let draft = await OrderDraft(invoice: [
      row(2), row(3) { $0.customer = "13047" }, row(4) { $0.customer = nil },
      row(5) { $0.country = "Y" }, row(6) { $0.time = Timestamp(microseconds: 3_600_000_001) },
      row(7) { $0.time = Timestamp(microseconds: -60_000_000) },
      row(8) { $0.time = Timestamp("0001-01-01T00:00:00Z") ?? $0.time },
    ])
    #expect(draft.rows.map(\.line) == [2, 7])
    #expect(draft.refused.map(\.row.line) == [3, 4, 5, 6, 8])
    #expect(draft.refused[0].reason.contains("line 2"))
    #expect(draft.refused[0].reason.contains("'17850', here '13047'"))
    #expect(draft.refused[2].reason.contains("country"))
    #expect(draft.refused[3].reason.contains("time"))
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
