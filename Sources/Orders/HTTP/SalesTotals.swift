import Eventually

/// Sums over rows of **sales**. Each row is in the range of its type, but their sum may be beyond 64 bits, where a
/// database's `sum` fails. So the upper and the lower 32 bits are summed each on their own, which no table is large enough to overflow.
struct SalesTotals: Sendable, Equatable {
  /// In ten-thousandths.
  var revenue: Int128
  var units: Int128
  var orders: Int128

  /// The columns that ``init(sums:from:)`` reads, of a query that groups rows or takes them all.
  static let sums = ["revenue", "units", "orders"].map {
    "coalesce(\(sum("\($0) >> 32")), 0) AS \($0)_high, coalesce(\(sum("\($0) & 4294967295")), 0) AS \($0)_low"
  }.joined(separator: ", ")

  /// PostgreSQL's sum of integers is no integer by itself.
  private static func sum(_ terms: String) -> String { "CAST(sum(\(terms)) AS bigint)" }

  /// The largest revenue first, for `ORDER BY` beside ``sums``.
  static let byRevenue = "\(high) DESC, \(low) DESC"
  private static let high =
    "\(sum("revenue >> 32")) + (\(sum("revenue & 4294967295")) >> 32)"
  private static let low = "\(sum("revenue & 4294967295")) & 4294967295"
  /// Only what comes after a place in the order of ``byRevenue`` and then of `sku`, of which the three values are bound.
  static let afterPlace = "HAVING (-(\(high)), -(\(low)), sku) > (-?, -?, ?)"

  /// The two numbers by which ``byRevenue`` orders.
  var revenueHalves: (high: Int64, low: Int64) {
    (Int64(clamping: revenue >> 32), Int64(revenue & 0xFFFF_FFFF))
  }

  /// The sums of a group of rows.
  init(sums row: any SQLRow, from column: Int) {
    func sum(_ column: Int) -> Int128 {
      Int128(row.integer(column)) << 32 + Int128(row.integer(column + 1))
    }
    revenue = sum(column)
    units = sum(column + 2)
    orders = sum(column + 4)
  }

  /// The figures of one row.
  init(_ row: any SQLRow, from column: Int) {
    revenue = Int128(row.integer(column))
    units = Int128(row.integer(column + 1))
    orders = Int128(row.integer(column + 2))
  }

  func write(_ json: inout JSONWriter, withOrders: Bool = true) {
    json.beginObject()
    writeMembers(&json, withOrders: withOrders)
    json.endObject()
  }

  func writeMembers(_ json: inout JSONWriter, withOrders: Bool) {
    json.key("revenue")
    json.string(revenueText)
    json.key("units")
    json.integer(units)
    if withOrders {
      json.key("orders")
      json.integer(orders)
    }
  }

  /// The revenue with two to four decimals.
  var revenueText: String {
    let (whole, rest) = revenue.magnitude.quotientAndRemainder(dividingBy: UInt128(Money.scale))
    let fraction = Money(tenThousandths: Int64(rest)).description.dropFirst()
    return "\(revenue < 0 ? "-" : "")\(whole)\(fraction)"
  }
}
