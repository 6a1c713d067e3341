public import Eventually
import Foundation
import HTTPTypes

/// A part of a list, for queries: ``APIRequest/page(of:in:where:orderedBy:limit:)`` makes it.
///
/// It is answered as an array; where more rows follow, the header `Link` has the address of the next page.
public struct Page<Row: Codable & Sendable>: Codable, Sendable {
  /// The rows of this page.
  public var rows: [Row]
  /// Where the next page begins; `nil` at the end.
  public var next: PageCursor?

  /// A page.
  public init(_ rows: [Row], next: PageCursor? = nil) {
    self.rows = rows
    self.next = next
  }

  /// Reads an array of rows.
  public init(from decoder: any Decoder) throws {
    rows = try decoder.singleValueContainer().decode([Row].self)
  }

  /// Writes the rows as an array.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rows)
  }
}

/// A page of rows of any type.
protocol AnyPage {
  var next: PageCursor? { get }
}

extension Page: AnyPage {}

/// A place between two rows of a list in some order: what the row before it has in the columns of the order, and in those of its key.
public struct PageCursor: Sendable, Hashable {
  /// The columns of the row before the place.
  public var values: [ColumnValue]

  /// The place after a row with these columns.
  public init(_ values: [ColumnValue]) {
    self.values = values
  }

  /// A cursor as a client sends it back.
  init?(_ text: String) {
    var base64 = text.replacing("-", with: "+").replacing("_", with: "/")
    base64 += String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
    guard let data = Data(base64Encoded: base64), let values = try? Self.values([UInt8](data))
    else { return nil }
    self.values = values
  }

  private static func values(_ json: [UInt8]) throws -> [ColumnValue] {
    var reader = JSONReader(json.span)
    var values: [ColumnValue] = []
    try reader.beginArray()
    while try reader.nextElement() {
      let value = reader.slice(try reader.skip())
      var reader = JSONReader(value.span)
      switch value.first {
      case UInt8(ascii: "\""): values.append(.text(try reader.string()))
      case UInt8(ascii: "n"): values.append(.null)
      default: values.append(.integer(try reader.integer()))
      }
    }
    try reader.finish()
    return values
  }

  /// What a client sends back.
  var text: String {
    var json = JSONWriter()
    json.beginArray()
    for value in values {
      switch value {
      case .integer(let number): json.integer(number)
      case .text(let text): json.string(text)
      case .null: json.null()
      }
    }
    json.endArray()
    return Data(json.bytes).base64EncodedString().replacing("+", with: "-")
      .replacing("/", with: "_").replacing("=", with: "")
  }
}

extension [API.Parameter] {
  /// The parameters of a query that is answered in pages.
  public static var page: [API.Parameter] { [.limit, .cursor] }
}

extension API.Parameter {
  /// The parameter that ``APIRequest/cursor(of:)`` reads.
  public static let cursor = API.Parameter.query(
    "cursor", "Where the page begins, as the header Link of the page before has it",
    .string(pattern: "^[A-Za-z0-9_-]{1,4000}$").example("WzUwMCwiZXZlIl0"))
}

extension APIRequest {
  /// Where the page begins that is asked for, by the parameter `cursor`; `nil` for the first.
  /// - Parameter columns: the columns of the order, and those of the key.
  /// - Throws: an answer 422 where the parameter is no such place.
  public func cursor(of columns: [TableColumn]) throws -> PageCursor? {
    guard let text = try parameter("cursor") else { return nil }
    guard let cursor = PageCursor(text), cursor.values.count == columns.count,
      zip(cursor.values, columns).allSatisfy({ $0.fits($1) })
    else {
      throw RequestError(
        kind: .invalid,
        "the parameter 'cursor' must be as the header Link of the page before has it",
        parameter: "cursor")
    }
    return cursor
  }

  /// The page that a request asks for, by the parameters `limit` and `cursor`: the query lists `.page` among its parameters.
  ///
  /// Rows that are added or removed meanwhile neither repeat nor hide others. A database finds the page's beginning fast where the order is
  /// that of the key.
  /// - Parameters:
  ///   - type: its table is read.
  ///   - rows: what the query has.
  ///   - conditions: all of them hold for each row.
  ///   - order: by these columns in turn, then by the key.
  ///   - limit: how many rows a page has where the request does not say.
  public func page<Row: CodableRow>(
    of type: Row.Type, in rows: any RowReader, where conditions: [RowCondition] = [],
    orderedBy order: [RowOrder] = [], limit: Int = 20
  ) throws -> Page<Row> {
    let limit = try self.limit(default: limit)
    let place = try cursor(of: Row.schema.columns(of: order))
    var found = try rows.rows(
      type, where: conditions, orderedBy: order, after: place?.values, limit: limit + 1)
    guard found.count > limit else { return Page(found) }
    found.removeLast()
    return Page(found, next: try found.last.map { PageCursor(try $0.place(in: order)) })
  }

  private func queryParts(without names: Set<String>) -> [String] {
    (query ?? "").split(separator: "&").filter { part in
      let key = part.prefix { $0 != "=" }
      return PercentEncoding.decode(key, plusIsSpace: true).map { !names.contains($0) } ?? true
    }.map(String.init)
  }

  /// The target of this request without some parameters of the query.
  func target(without names: Set<String>) -> String {
    let parts = queryParts(without: names)
    return parts.isEmpty ? String(pathOnly) : "\(pathOnly)?\(parts.joined(separator: "&"))"
  }

  /// The address of this request with another value of a parameter of the query, as the header `Link` has it.
  func link(_ name: String, _ value: String) -> String {
    let parts = queryParts(without: [name]) + ["\(name)=\(PercentEncoding.encode(value))"]
    let target = "\(pathOnly)?\(parts.joined(separator: "&"))"
    // What may stand in a target need not in a link.
    let plain = target.utf8.map { byte in
      (0x21...0x7E).contains(byte) && !"<>\"\\^`{|}".utf8.contains(byte)
        ? String(Unicode.Scalar(byte))
        : "%" + (byte < 16 ? "0" : "")
          + String(byte, radix: 16, uppercase: true)
    }
    return "<\(plain.joined())>; rel=\"next\""
  }
}

extension JSONResponse {
  /// A page of a list that a query reads with SQL of its own: an array, and the address of the next page where there is one.
  /// - Parameters:
  ///   - elements: those from the page's beginning on: at least one more than `limit` where there are so many.
  ///   - limit: how many the page has.
  ///   - request: what is answered.
  ///   - cursor: the place after an element.
  ///   - write: writes an element.
  public static func page<Element>(
    _ elements: [Element], _ limit: Int, of request: APIRequest,
    _ cursor: (Element) -> PageCursor, _ write: (Element, inout JSONWriter) -> Void
  ) -> JSONResponse {
    let page = elements.prefix(limit)
    let response = JSONResponse { json in
      json.beginArray()
      for element in page { write(element, &json) }
      json.endArray()
    }
    return response.linked(
      to: elements.count > limit ? page.last.map(cursor) : nil, of: request)
  }

  /// The answer with the address of the next page of a list, where there is one.
  /// - Parameters:
  ///   - next: where the next page begins.
  ///   - request: what is answered.
  public func linked(to next: PageCursor?, of request: APIRequest) -> JSONResponse {
    next.map { linked(to: request.link("cursor", $0.text)) } ?? self
  }

  func linked(to link: String?) -> JSONResponse {
    guard let link, let name = HTTPField.Name("Link") else { return self }
    var response = self
    response.headers[name] = link
    return response
  }
}

extension ColumnValue {
  fileprivate func fits(_ column: TableColumn) -> Bool {
    switch (self, column.kind) {
    case (.null, _), (.integer, .integer), (.text, .text): true
    default: false
    }
  }
}
