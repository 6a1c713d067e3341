public import Eventually

/// Orders' events as JSON that a person can read, written and read without a detour through strings or
/// dictionaries.
public struct OrderEventCodec: EventCodec {
  /// `application/json`.
  public let contentType = "application/json"

  private static let created = "OrderCreated"
  private static let itemAdded = "OrderItemAdded"
  private static let completed = "OrderCompleted"
  private static let cancelled = "OrderCancelled.v2"

  /// What leads from old forms of events to those that are written now.
  private static let upcasts = UpcastChain([
    // At first nobody was asked why an order was cancelled.
    Upcast("OrderCancelled", from: 1) { _ in cancellation(reason: OrderEvent.unspecified) }
  ])

  /// The codec.
  public init() {}

  /// The name of an event's type.
  public func type(of event: OrderEvent) -> String {
    switch event {
    case .created: Self.created
    case .itemAdded: Self.itemAdded
    case .completed: Self.completed
    case .cancelled: Self.cancelled
    }
  }

  /// Appends an event's JSON.
  public func encode(_ event: OrderEvent, into bytes: inout [UInt8]) {
    var writer = JSONWriter(appendingTo: bytes)
    // The writer has the only copy now, so it appends in place.
    bytes = []
    writer.beginObject()
    switch event {
    case .created(let header): Self.write(header, &writer)
    case .itemAdded(let line): Self.write(line, &writer)
    case .completed: break
    case .cancelled(let reason): Self.write(reason: reason, &writer)
    }
    writer.endObject()
    bytes = writer.bytes
  }

  private static func cancellation(reason: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    write(reason: reason, &writer)
    writer.endObject()
    return writer.bytes
  }

  /// Reads an event's JSON, in whichever version. Members that it does not know are passed over.
  public func decode(type: String, payload: Span<UInt8>) throws -> OrderEvent {
    switch type {
    case Self.itemAdded: return .itemAdded(try Self.line(payload))
    case Self.created: return .created(try Self.header(payload))
    case Self.completed:
      try Self.empty(payload)
      return .completed
    case Self.cancelled: return .cancelled(reason: try Self.reason(payload))
    default:
      guard let upcasted = try Self.upcasts.upcast(type: type, payload: payload) else {
        throw UnknownEventType(type: type)
      }
      return try decode(type: upcasted.type, payload: upcasted.payload.span)
    }
  }

  /// Reads an object of which no member is known.
  static func empty(_ payload: Span<UInt8>) throws {
    var reader = JSONReader(payload)
    try reader.beginObject()
    while try reader.nextKey() != nil { try reader.skip() }
    try reader.finish()
  }

  /// Writes the member of a cancellation.
  static func write(reason: String, _ writer: inout JSONWriter) {
    writer.key("reason")
    writer.string(reason)
  }

  /// Reads the reason from a cancellation's object.
  /// - Parameters:
  ///   - payload: the object's bytes.
  ///   - defaultReason: that of an object that has none; without it, that is an error.
  static func reason(
    _ payload: Span<UInt8>, defaultReason: String? = nil
  ) throws -> String {
    var reader = JSONReader(payload)
    var reason = defaultReason
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "reason") {
        reason = try reader.string()
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
    guard let reason else { throw InvalidMember("reason", "is missing") }
    return reason
  }

  /// Writes the members of a header.
  static func write(_ header: OrderHeader, _ writer: inout JSONWriter) {
    if let customer = header.customer {
      writer.key("customer")
      writer.string(customer)
    }
    writer.key("country")
    writer.string(header.country)
    writer.key("kind")
    writer.string(header.kind.rawValue)
    writer.key("time")
    writer.plainString { header.time.append(to: &$0) }
  }

  /// Writes the members of a line.
  static func write(_ line: OrderLine, _ writer: inout JSONWriter) {
    writer.key("sku")
    writer.string(line.sku)
    writer.key("description")
    writer.string(line.description)
    writer.key("quantity")
    writer.integer(line.quantity.value)
    writer.key("unitPrice")
    writer.plainString { line.unitPrice.append(to: &$0) }
  }

  /// Reads a header from an object.
  /// - Parameters:
  ///   - payload: the object's bytes.
  ///   - defaultTime: the time of a header that has none; without it, that is an error.
  static func header(
    _ payload: Span<UInt8>, defaultTime: Timestamp? = nil
  ) throws -> OrderHeader {
    var reader = JSONReader(payload)
    var customer: String?
    var country: String?
    var kind: String?
    var time: String?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "customer") {
        customer = try reader.stringOrNull()
      } else if reader.isKey(key, "country") {
        country = try reader.string()
      } else if reader.isKey(key, "kind") {
        kind = try reader.string()
      } else if reader.isKey(key, "time") {
        time = try reader.string()
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
    guard let country else { throw InvalidMember("country", "is missing") }
    guard let kind = OrderKind(rawValue: kind ?? OrderKind.sale.rawValue) else {
      throw InvalidMember("kind", "is none of sale, return, adjustment")
    }
    guard let placed = try time.map(timestamp) ?? defaultTime else {
      throw InvalidMember("time", "is missing")
    }
    return OrderHeader(customer: customer, country: country, kind: kind, time: placed)
  }

  private static func timestamp(_ text: String) throws(InvalidMember) -> Timestamp {
    guard let time = Timestamp(text) else {
      throw InvalidMember(
        "time", "is no time such as 2026-11-23T12:00:00Z, of the years 1 to 9999 in UTC")
    }
    return time
  }

  /// Reads a line from an object.
  /// - Throws: ``InvalidMember`` where its quantity is outside of ``Quantity/range``, and ``OrderError/amountTooLarge``
  ///   where its total is beyond ``Order/maximumLineTotal``.
  static func line(_ payload: Span<UInt8>) throws -> OrderLine {
    var reader = JSONReader(payload)
    var sku: String?
    var description = ""
    var quantity: Int64?
    var price: String?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "sku") {
        sku = try reader.string()
      } else if reader.isKey(key, "description") {
        description = try reader.string()
      } else if reader.isKey(key, "quantity") {
        quantity = try reader.integer()
      } else if reader.isKey(key, "unitPrice") {
        price = try reader.string()
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
    guard let sku else { throw InvalidMember("sku", "is missing") }
    guard let quantity else { throw InvalidMember("quantity", "is missing") }
    guard let price else { throw InvalidMember("unitPrice", "is missing") }
    guard let unitPrice = Money(price) else {
      throw InvalidMember(
        "unitPrice", "is no decimal number with at most four decimals, in quotes")
    }
    guard let quantity = Quantity(quantity) else {
      throw InvalidMember(
        "quantity",
        "must be from \(Quantity.range.lowerBound) to \(Quantity.range.upperBound), not \(quantity)"
      )
    }
    let line = OrderLine(
      sku: sku, description: description, quantity: quantity, unitPrice: unitPrice)
    guard line.isWithinLimit else { throw OrderError.amountTooLarge }
    return line
  }
}
