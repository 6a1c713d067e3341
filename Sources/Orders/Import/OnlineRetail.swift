import EventuallyServer
import Eventually

/// A row of the Online Retail layout: one line of one invoice.
struct InvoiceRow: Sendable, Equatable {
  var line: Int
  var invoice: String
  var customer: String?
  var country: String
  var time: Timestamp
  var item: OrderLine

  /// About how many bytes of memory it takes.
  var size: Int {
    128 + invoice.utf8.count + (customer?.utf8.count ?? 0) + country.utf8.count
      + item.sku.utf8.count + item.description.utf8.count
  }
}

/// The layout of the public data set Online Retail, and of its successor Online Retail II.
struct OnlineRetailLayout {
  /// A row that can't be read.
  struct Rejection: Error, Equatable {
    var reason: String
  }

  private enum Column: Int, CaseIterable {
    case invoice, sku, description, quantity, date, price, customer, country

    var names: [String] {
      switch self {
      case .invoice: ["InvoiceNo", "Invoice"]
      case .sku: ["StockCode"]
      case .description: ["Description"]
      case .quantity: ["Quantity"]
      case .date: ["InvoiceDate"]
      case .price: ["UnitPrice", "Price"]
      case .customer: ["CustomerID", "Customer ID"]
      case .country: ["Country"]
      }
    }
  }

  private let places: [Int]
  private let count: Int

  /// A layout from a file's first row; its columns may come in any order.
  init(header: [String]) throws(Failure) {
    var places: [Int] = []
    for column in Column.allCases {
      guard let place = header.firstIndex(where: { column.names.contains($0) }) else {
        let expected = Column.allCases.map { $0.names[0] }.joined(separator: ",")
        throw Failure(
          "the first line lacks the column '\(column.names[0])': it must name the columns "
            + "\(expected), and names \(header.joined(separator: ",").prefix(200))")
      }
      places.append(place)
    }
    self.places = places
    count = header.count
  }

  /// Reads a row.
  func read(_ row: CSVReader.Row) throws(Rejection) -> InvoiceRow {
    guard row.fields.count == count else {
      throw Rejection(reason: "has \(row.fields.count) fields, not \(count)")
    }
    func field(_ column: Column) -> String { row.fields[places[column.rawValue]] }
    let invoice = field(.invoice)
    guard Order.isValid(id: invoice) else {
      throw Rejection(reason: "the invoice number '\(invoice.prefix(80))' can't name an order")
    }
    guard let quantity = Int64(field(.quantity)).flatMap(Quantity.init) else {
      throw Rejection(
        reason: "the quantity '\(field(.quantity).prefix(80))' is no whole number from "
          + "\(Quantity.range.lowerBound) to \(Quantity.range.upperBound)")
    }
    guard let price = Money(field(.price)) else {
      throw Rejection(
        reason: "the price '\(field(.price).prefix(80))' is no number with at most four decimals")
    }
    guard let time = Self.time(field(.date)) else {
      throw Rejection(reason: "the date '\(field(.date).prefix(80))' can't be read")
    }
    let country = field(.country)
    guard !country.isEmpty else { throw Rejection(reason: "the country is missing") }
    guard !field(.sku).isEmpty else { throw Rejection(reason: "the stock code is missing") }
    return InvoiceRow(
      line: row.line, invoice: invoice, customer: Self.customer(field(.customer)),
      country: country, time: time,
      item: OrderLine(
        sku: field(.sku), description: field(.description), quantity: quantity, unitPrice: price))
  }

  /// A customer's number, which some exports write as a fraction: `17850.0`.
  private static func customer(_ text: String) -> String? {
    let number = text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    return number.isEmpty ? nil : number
  }

  /// `2010-12-01 08:26:00`, or `12/1/2010 8:26` as other exports have it: month, day, year, of which two digits are
  /// meant in this century, hour and minute, and perhaps seconds.
  static func time(_ text: String) -> Timestamp? {
    if let time = Timestamp(text) { return time }
    let halves = text.split(separator: " ", omittingEmptySubsequences: false)
    guard halves.count == 2 else { return nil }
    let date = numbers(halves[0], "/", digits: [1...2, 1...2, 4...4])
    let shortDate = numbers(halves[0], "/", digits: [1...2, 1...2, 2...2])
    let time = numbers(halves[1], ":", digits: [1...2, 2...2])
    let longTime = numbers(halves[1], ":", digits: [1...2, 2...2, 2...2])
    guard let day = date ?? shortDate, let clock = longTime ?? time else { return nil }
    return Timestamp(
      year: date == nil ? 2000 + day[2] : day[2], month: day[0], day: day[1], hour: clock[0],
      minute: clock[1], second: clock.count == 3 ? clock[2] : 0)
  }

  /// The numbers between separators; `nil` where they are not as many, or do not have as many digits and nothing else.
  private static func numbers(
    _ text: Substring, _ separator: Character, digits: [ClosedRange<Int>]
  ) -> [Int]? {
    let parts = text.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.count == digits.count else { return nil }
    var numbers: [Int] = []
    for (part, range) in zip(parts, digits) {
      guard range.contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let number = Int(part)
      else { return nil }
      numbers.append(number)
    }
    return numbers
  }
}
