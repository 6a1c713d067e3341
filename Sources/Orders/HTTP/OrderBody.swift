public import Eventually
public import EventuallyServer
public import HTTPTypes

/// Orders as the HTTP interface reads and writes them. It is not how events are stored: either may change without the other.
package enum OrderBody {
  static let kind = Schema.named(
    "OrderKind", .string(values: OrderKind.allCases.map(\.rawValue)))
  static let status = Schema.named(
    "OrderStatus", .string(values: ["open", "completed", "cancelled"]))
  static let headerSchema = Schema.named(
    "OrderHeader",
    .object([
      .required("country", .string(minimum: 1, maximum: 100).example("France")),
      .optional(
        "customer", .oneOf([.string(minimum: 1, maximum: 100), .null]).example("marie")),
      .optional("kind", kind), .optional("time", .string(format: "date-time")),
    ]))
  static let lineSchema = Schema.named(
    "OrderLine",
    .object([
      .required("sku", .string(minimum: 1, maximum: 100).example("T1")),
      .optional("description", .string(maximum: 1000).example("TEAPOT")),
      .required("quantity", .integer(Quantity.range).example(2)),
      .required(
        "unitPrice", .string(pattern: "^-?[0-9]{1,8}([.][0-9]{1,4})?$").example("12.495")),
    ]))
  static let cancellationSchema = Schema.named(
    "Cancellation",
    .object([
      .optional("reason", .string(minimum: 1, maximum: 200).example("out of stock"))
    ]))
  static let orderSchema = Schema.named(
    "Order",
    .object([
      .required("id", .string(pattern: IDRule.orders.pattern).example("tea-1")),
      .required("version", .integer(1...(1 << 62)).example(2)),
      .required("status", status), .required("country", .string(minimum: 1).example("France")),
      .optional("customer", .string(minimum: 1).example("marie")),
      .required("kind", kind), .required("time", .string(format: "date-time")),
      .optional("cancellation", .string(minimum: 1)),
      .required("total", .string(minimum: 1).example("24.99")),
      .required("items", .array(lineSchema)),
    ]))
  static let exampleHeader = OrderHeader(
    customer: "marie", country: "France", kind: .sale,
    time: Timestamp(microseconds: 1_795_435_200_000_000))
  static let exampleLine = OrderLine(
    sku: "T1", description: "TEAPOT", quantity: 2, unitPrice: Money(tenThousandths: 124_950))
  /// An open order with one line.
  static let example: API.Example = [
    "id": "tea-1", "version": 2, "status": "open", "country": "France", "customer": "marie",
    "kind": "sale", "time": "2026-11-23T12:00:00Z", "total": "24.99",
    "items": [["sku": "T1", "description": "TEAPOT", "quantity": 2, "unitPrice": "12.495"]],
  ]

  // MARK: - Reading

  /// Reads a header from an object.
  static func header(_ bytes: Span<UInt8>, defaultTime: Timestamp) throws -> OrderHeader {
    var header = OrderHeader(customer: nil, country: "", kind: .sale, time: defaultTime)
    var hasCountry = false
    var reader = JSONReader(bytes)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "customer") {
        header.customer = try reader.stringOrNull()
      } else if reader.isKey(key, "country") {
        header.country = try reader.string()
        hasCountry = true
      } else if reader.isKey(key, "kind") {
        guard let kind = OrderKind(rawValue: try reader.string()) else {
          throw InvalidMember("kind", "is none of sale, return, adjustment")
        }
        header.kind = kind
      } else if reader.isKey(key, "time") {
        guard let time = Timestamp(try reader.string()) else {
          throw InvalidMember(
            "time", "is no time such as 2026-11-23T12:00:00Z, of the years 1 to 9999 in UTC")
        }
        header.time = time
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
    guard hasCountry else { throw InvalidMember("country", "is missing") }
    return header
  }

  /// Reads a line from an object.
  static func line(_ bytes: Span<UInt8>) throws -> OrderLine {
    var sku: String?
    var description = ""
    var quantity: Quantity?
    var price: Money?
    var reader = JSONReader(bytes)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "sku") {
        sku = try reader.string()
      } else if reader.isKey(key, "description") {
        description = try reader.string()
      } else if reader.isKey(key, "quantity") {
        let number = try reader.integer()
        quantity = Quantity(number)
        guard quantity != nil else {
          throw InvalidMember(
            "quantity",
            "must be from \(Quantity.range.lowerBound) to \(Quantity.range.upperBound), not \(number)"
          )
        }
      } else if reader.isKey(key, "unitPrice") {
        price = Money(try reader.string())
        guard price != nil else {
          throw InvalidMember(
            "unitPrice", "is no decimal number with at most four decimals, in quotes")
        }
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
    guard let sku else { throw InvalidMember("sku", "is missing") }
    guard let quantity else { throw InvalidMember("quantity", "is missing") }
    guard let price else { throw InvalidMember("unitPrice", "is missing") }
    return OrderLine(sku: sku, description: description, quantity: quantity, unitPrice: price)
  }

  /// Reads the reason from a cancellation; `nil` where there is none, or no body at all.
  static func reason(_ bytes: Span<UInt8>) throws -> String? {
    if bytes.isEmpty { return nil }
    var reason: String?
    var reader = JSONReader(bytes)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "reason") {
        reason = try reader.string()
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
    return reason
  }

  // MARK: - Writing

  /// Writes the members of a header.
  static func write(_ header: OrderHeader, _ json: inout JSONWriter) {
    if let customer = header.customer {
      json.key("customer")
      json.string(customer)
    }
    json.key("country")
    json.string(header.country)
    json.key("kind")
    json.string(header.kind.rawValue)
    json.key("time")
    json.plainString { header.time.append(to: &$0) }
  }

  /// Writes the members of a line.
  static func write(_ line: OrderLine, _ json: inout JSONWriter) {
    json.key("sku")
    json.string(line.sku)
    json.key("description")
    json.string(line.description)
    json.key("quantity")
    json.integer(line.quantity.value)
    json.key("unitPrice")
    json.plainString { line.unitPrice.append(to: &$0) }
  }

  /// The body of `POST /orders/{id}/commands` that leads to some events.
  package static func commands(for events: [OrderEvent]) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("commands")
    json.beginArray()
    for event in events {
      json.beginObject()
      switch event {
      case .created(let header):
        json.key("create")
        json.beginObject()
        write(header, &json)
      case .itemAdded(let line):
        json.key("addItem")
        json.beginObject()
        write(line, &json)
      case .completed:
        json.key("complete")
        json.beginObject()
      case .cancelled(let reason):
        json.key("cancel")
        json.beginObject()
        json.key("reason")
        json.string(reason)
      }
      json.endObject()
      json.endObject()
    }
    json.endArray()
    json.endObject()
    return json.bytes
  }
}

extension Order: JSONState {
  /// Writes the members of an order.
  public static func write(_ state: State, _ json: inout JSONWriter) {
    json.key("status")
    json.string(state.status.rawValue)
    if let header = state.header { OrderBody.write(header, &json) }
    if let reason = state.cancellation {
      json.key("cancellation")
      json.string(reason)
    }
    json.key("total")
    json.plainString { state.total.append(to: &$0) }
    json.key("items")
    json.beginArray()
    for line in state.lines {
      json.beginObject()
      OrderBody.write(line, &json)
      json.endObject()
    }
    json.endArray()
  }
}

extension IDRule {
  /// Which texts name orders.
  static let orders = IDRule(
    pattern: "^[A-Za-z0-9._-]{1,64}$", "1 to 64 letters, digits, dots, hyphens and underscores",
    example: "tea-1", isValid: Order.isValid)
}

extension OrderError: CommandRefusal {
  /// 404 for an order that is not there, 422 for what no order can be, 409 for what this order can't do now.
  public var status: HTTPStatus {
    switch self {
    case .unknown: .notFound
    case .alreadyExists, .notOpen, .empty, .tooManyLines: .conflict
    case .invalidID, .invalid, .amountTooLarge: .unprocessableContent
    }
  }

  /// The reason for programs.
  public var code: String {
    switch self {
    case .unknown: "unknown-order"
    case .alreadyExists: "already-exists"
    case .notOpen: "not-open"
    case .empty: "empty"
    case .tooManyLines: "too-large"
    case .invalidID, .invalid, .amountTooLarge: "invalid"
    }
  }
}
