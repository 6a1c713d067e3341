import Eventually
import EventuallyTesting
import Foundation
import Testing

@Suite struct CodableRowTests {
  private enum Kind: String, Codable, CaseIterable { case saving, current }

  private struct Address: Codable, Equatable {
    var street: String
    var number: Double
  }

  private struct Account: CodableRow {
    static let table = "accounts"
    static let indexes = [["owner"]]
    var id: String
    var owner: String?
    var balance: Int64 = 0
    var small: UInt8 = 7
    var isOpen = true
    var kind = Kind.current
    var opened = Timestamp(microseconds: 1)
    var token = UUID(uuidString: "6F9619FF-8B86-D011-B42D-00C04FC964FF") ?? UUID()
    var tags: [String] = []
    var address: Address?
    var key: String { id }
  }

  private struct Stock: CodableRow {
    struct Key: Codable, Hashable {
      var sku: String
      var shelf: Int
    }
    static let table = "stock"
    var key: Key
    var units = 0
  }

  @Test func columnsAreTheProperties() {
    #expect(
      Account.schema
        == TableSchema(
          "accounts", key: [.text("id")],
          values: [
            .text("owner"), .integer("balance"), .integer("small"), .integer("isOpen"),
            .text("kind"), .text("opened"), .text("token"), .text("tags"), .text("address"),
          ], indexes: [["owner"]]))
    #expect(
      Stock.schema
        == TableSchema(
          "stock", key: [.text("sku"), .integer("shelf")], values: [.integer("units")]))
  }

  @Test func aRowComesBackAsItWas() throws {
    var full = Account(id: "a-1", owner: "Eve", balance: .min, small: 255, isOpen: false)
    full.tags = ["b", "a", "\"\u{0}é"]
    full.address = Address(street: "Elm", number: .infinity)
    full.kind = .saving
    for row in [Account(id: "cafe\u{301}"), full] {
      let columns = try row.values
      #expect(columns.count == Account.schema.values.count)
      #expect(try Account(key: row.key, values: columns) == row)
    }
    #expect(try Account(id: "a").values[0] == .null)
    #expect(try full.values[4] == .text("saving"))
    #expect(try full.values[5] == .text("1970-01-01T00:00:00.000001Z"))

    let stock = Stock(key: Stock.Key(sku: "x", shelf: 3), units: 4)
    #expect(try Stock.columns(of: stock.key) == [.text("x"), .integer(3)])
    #expect(try stock.values == [.integer(4)])
    #expect(try Stock(key: stock.key, values: stock.values) == stock)
  }

  private struct Seats: CodableRow {
    static let table = "seats"
    var screening: String
    var taken: Set<String> = []
    var key: String { screening }
  }

  /// Else a read model that is built anew, in another process, would differ.
  @Test func aSetIsTheSameTextInWhicheverOrderItsElementsCome() throws {
    let names = (1...50).map { "seat-\($0)" }
    let text = "[" + names.map { "\"\($0)\"" }.sorted().joined(separator: ",") + "]"
    #expect(try Seats(screening: "a", taken: Set(names)).values == [.text(text)])
    let row = try Seats(key: "a", values: [.text(text)])
    #expect(row.taken == Set(names))
  }

  @Test func keysDifferWhereTheirBytesDo() {
    let (one, two) = (
      Stock.Key(sku: "caf\u{e9}", shelf: 1), Stock.Key(sku: "cafe\u{301}", shelf: 1)
    )
    #expect(one == two)
    #expect(!Stock.isSame(one, two))
    #expect(Stock.isSame(one, one))
  }

  @Test func aColumnThatDoesNotFitIsAnErrorThatNamesIt() throws {
    var columns = try Account(id: "a").values
    columns[2] = .integer(256)
    let small = #expect(throws: RowError.self) { try Account(key: "a", values: columns) }
    #expect(
      String(describing: small).contains("'small' holds integer(256)"),
      "\(String(describing: small))")
    columns[2] = .integer(1)
    columns[3] = .integer(2)
    let bool = #expect(throws: RowError.self) { try Account(key: "a", values: columns) }
    #expect(String(describing: bool).contains("'isOpen'"), "\(String(describing: bool))")
    columns[3] = .integer(0)
    columns[7] = .text("[1")
    #expect(throws: RowError.self) { try Account(key: "a", values: columns) }
    #expect(throws: RowError.self) { try Account(key: "a", values: []) }
  }

  private struct Unordered: CodableRow {
    static let table = "unordered"
    var name: String
    var id: String
    var key: String { id }
  }

  @Test func aKeyThatIsNotTheFirstPropertyIsRefused() {
    let error = #expect(throws: RowError.self) {
      try Unordered(key: "1", values: [.text("2")])
    }
    #expect(
      String(describing: error).contains("is not its key"), "\(String(describing: error))")
  }

  @Test func aReadModelOfPlainRowsCounts() throws {
    struct Totals: ReadModel {
      let name = "totals"
      let schemaVersion = 1
      let tables: [any ReadModelRow.Type] = [Stock.self]
      func project(_ event: Persisted<String, Counter.Event>, into rows: Rows) throws {
        guard case .added(let number) = event.event else { return }
        let key = Stock.Key(sku: event.streamID, shelf: number % 2)
        try rows.update(Stock.self, key) { row in
          row = Stock(key: key, units: (row?.units ?? 0) + number)
        }
      }
      func forget(_ streamID: String, in rows: Rows) {}
    }
    let rows = Rows()
    for (index, number) in [1, 2, 3].enumerated() {
      try Totals().project(
        Persisted(
          streamID: "x",
          position: EventPosition(
            partition: 0, partitionOffset: UInt64(index) + 1, sequenceNumber: UInt64(index) + 1,
            version: UInt64(index) + 1), id: EventID(high: 0, low: 0), time: .example,
          event: .added(number)), into: rows)
    }
    #expect(
      try rows.list(Stock.self).sorted { $0.key.shelf < $1.key.shelf } == [
        Stock(key: Stock.Key(sku: "x", shelf: 0), units: 2),
        Stock(key: Stock.Key(sku: "x", shelf: 1), units: 4),
      ])
  }
}
