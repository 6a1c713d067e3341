import Eventually
import EventuallySQLite
import Foundation
import Testing

@testable import Orders

@Suite struct SalesTotalsTests {
  /// The tables of sales with rows at the ends of their range, whose sums SQLite's `sum` has no integer for.
  private func withSums(
    _ revenues: [Int64], _ body: (SQLiteRowReader) throws -> Void
  ) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let connection = try SQLiteConnection(path: path, mode: .create)
    for (table, key) in [
      ("sales_by_day", "day TEXT"), ("sales_by_country", "country TEXT"),
      ("sales_by_product", "sku TEXT, description TEXT"),
    ] {
      try connection.execute(
        "CREATE TABLE \(table) (\(key), revenue INTEGER, units INTEGER, orders INTEGER)")
    }
    for (index, revenue) in revenues.enumerated() {
      for table in ["sales_by_day", "sales_by_country"] {
        try connection.execute(
          "INSERT INTO \(table) VALUES ('\(index)', \(revenue), \(revenue), 1)")
      }
      try connection.execute(
        "INSERT INTO sales_by_product VALUES ('s\(index % 3)', 'd\(index)', \(revenue), \(revenue), 1)"
      )
    }
    try body(SQLiteRowReader(connection))
  }

  @Test func sumsBeyond64BitsAreExact() throws {
    let most = Money.maximum.tenThousandths
    try withSums(Array(repeating: most, count: 6)) { database in
      let totals = try SalesQueries.totals(database)
      for sums in [totals.days, totals.countries, totals.products] {
        #expect(sums.revenueText == "2400000000000000.00")
        #expect(sums.units == Int128(most) * 6)
        #expect(sums.orders == 6)
      }
    }
    try withSums(Array(repeating: -most, count: 6) + [-1, -12_345, most]) { database in
      let totals = try SalesQueries.totals(database)
      #expect(totals.days.revenueText == "-2000000000000001.2346")
      #expect(totals.products.units == Int128(most) * -5 - 12_346)
    }
  }

  @Test func productsComeInTheOrderOfTheirRevenue() throws {
    let most = Money.maximum.tenThousandths
    // s0: a little more than s2, both beyond 64 bits; s1 below zero.
    try withSums([most, -most, most, most, -most, most, 1, -1, 0, most, -most, most]) {
      let products = try SalesQueries.products($0, limit: 10)
      let names = products.map { answer -> String in
        if case .product(let product) = answer.subject { return product.sku }
        return ""
      }
      #expect(names == ["s0", "s2", "s1"])
      #expect(products[0].totals.revenue == Int128(most) * 3 + 1)
      #expect(products[2].totals.revenueText == "-1200000000000000.0001")
      #expect(products[0].totals.orders == 4)
    }
  }

  @Test func noRowsAreNothing() throws {
    try withSums([]) { database in
      let totals = try SalesQueries.totals(database)
      #expect(totals.days.revenueText == "0.00")
      #expect(totals.products.units == 0)
    }
  }

  @Test(
    arguments: [
      (-1, "-0.0001"), (0, "0.00"), (12_345, "1.2345"), (-25_500, "-2.55"),
    ] as [(Int64, String)]) func amountsAreWrittenAsMoneyIs(amount: Int64, text: String) throws
  {
    try withSums([amount]) { database in
      let totals = try SalesQueries.totals(database)
      #expect(totals.days.revenueText == text)
      #expect(Money(tenThousandths: amount).description == text)
    }
  }
}
