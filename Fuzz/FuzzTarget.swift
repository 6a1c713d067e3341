import Eventually
import Foundation

@testable import EventuallyKafka
@testable import EventuallyServer
@testable import Orders

/// Code that reads bytes from outside, with what has to hold for whatever the bytes are: it ends with a value or an error,
/// and a value that it accepts can be written and is read back as what it was.
enum FuzzTarget: String, CaseIterable, Sendable {
  /// A JSON document, passed over and read value by value.
  case json
  /// An event's payload; the first byte chooses its type.
  case event
  /// The body of a command, and what an order makes of it; the first byte chooses the command.
  case command
  /// A snapshot of an order's state.
  case snapshot
  /// A time.
  case timestamp
  /// An amount of money.
  case money
  /// A file of invoices.
  case csv
  /// The headers of a record on the wire: position, id, metadata; and its key.
  case wire
  /// An event of the feed, and what stands in a request's target: tokens, addresses.
  case http

  /// Something that has to hold does not.
  struct Failure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) {
      self.description = description
    }
  }

  /// Lets the code have the bytes.
  /// - Throws: ``Failure``. A crash is a failure too.
  func run(_ bytes: [UInt8]) throws {
    switch self {
    case .json: try Self.json(bytes)
    case .event: try Self.event(bytes)
    case .command: try Self.command(bytes)
    case .snapshot: try Self.snapshot(bytes)
    case .timestamp: try Self.timestamp(bytes)
    case .money: try Self.money(bytes)
    case .csv: try Self.csv(bytes)
    case .wire: try Self.wire(bytes)
    case .http: try Self.http(bytes)
    }
  }

  private static func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw Failure(what()) }
  }

  /// What `body` gives; `nil` where it refuses.
  private static func attempt<Value>(_ body: () throws -> Value) throws -> Value? {
    do {
      return try body()
    } catch let failure as Failure {
      throw failure
    } catch {
      // Whatever was refused was refused with an error: that is all that is asked of it.
      return nil
    }
  }

  // MARK: - JSON

  private static func json(_ bytes: [UInt8]) throws {
    let isSkipped: Void? = try attempt {
      var reader = JSONReader(bytes.span)
      try reader.skip()
      try reader.finish()
    }
    // One level that is read value by value is none that is passed over.
    let isWalked: Void? = try attempt { try walk(bytes, 0) }
    try require(
      isSkipped == nil || isWalked != nil, "it is passed over, but can't be read value by value")
    if isSkipped != nil {
      try require(String(validating: bytes, as: UTF8.self) != nil, "it is no UTF-8")
      try require(bytes.first != 0xEF, "it begins with a byte order mark")
    }
  }

  private static func walk(_ bytes: [UInt8], _ depth: Int) throws {
    var reader = JSONReader(bytes.span)
    switch bytes.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) {
    case UInt8(ascii: "{"):
      try reader.beginObject()
      var names: Set<[UInt8]> = []
      while let key = try reader.nextKey() {
        try require(
          names.insert(Array(reader.name(key).utf8)).inserted, "there are two members of one name")
        let value = reader.slice(try reader.skip())
        if depth < 20 { try walk(value, depth + 1) }
      }
    case UInt8(ascii: "["):
      try reader.beginArray()
      while try reader.nextElement() {
        let value = reader.slice(try reader.skip())
        if depth < 20 { try walk(value, depth + 1) }
      }
    case UInt8(ascii: "\""):
      let text = try reader.string()
      var writer = JSONWriter()
      writer.string(text)
      var again = JSONReader(writer.bytes.span)
      try require(
        try again.string().hasSameBytes(as: text), "a string is written as another one")
    case UInt8(ascii: "n"):
      try require(try reader.stringOrNull() == nil, "null is not null")
    default:
      var number = JSONReader(bytes.span)
      if let value = try attempt({ try number.integer() }),
        try attempt({ try number.finish() }) != nil
      {
        let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(
          in: .whitespacesAndNewlines)
        // 2.0 and 2e3 are whole numbers too: what is nearest to the text is nearest to the number.
        let isPlain = !text.contains { ".eE".contains($0) }
        try require(
          isPlain ? Int64(text) == value : Double(text) == Double(value),
          "\(text) is read as \(value)")
      }
      try reader.skip()
    }
    try reader.finish()
  }

  // MARK: - Orders

  private static let types = [
    "OrderCreated", "OrderItemAdded", "OrderCompleted", "OrderCancelled", "OrderCancelled.v2",
    "OrderMoved",
  ]
  private static let header = OrderHeader(
    customer: "c", country: "X", kind: .adjustment, time: Timestamp(microseconds: 0))

  private static func event(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let payload = Array(bytes.dropFirst())
    let codec = OrderEventCodec()
    let type = types[Int(first) % types.count]
    guard let event = try attempt({ try codec.decode(type: type, payload: payload.span) }) else {
      return
    }
    try readsBack(event)
    switch event {
    case .created: try project([event])
    case .itemAdded: try project([.created(header), event, .completed])
    case .completed, .cancelled: try project([.created(header), event])
    }
  }

  private static func readsBack(_ event: OrderEvent) throws {
    let codec = OrderEventCodec()
    var written: [UInt8] = []
    codec.encode(event, into: &written)
    do {
      try ReadBack(codec).check(
        event, at: 0, type: codec.type(of: event), payload: written.span)
    } catch {
      throw Failure("accepted, but unreadable: \(error)")
    }
  }

  /// Applies events to an order and projects them into all read models, and takes the order back.
  private static func project(_ events: [OrderEvent]) throws {
    let state: Order.State
    do {
      state = try Order().fold(events)
    } catch {
      throw Failure("accepted, but not applied: \(error)")
    }
    var snapshot: [UInt8] = []
    OrderStateCodec().encode(state, into: &snapshot)
    try require(
      attempt { try OrderStateCodec().decode(snapshot.span) } == state,
      "a state is not read back from its snapshot")
    for model in [OrdersReadModel(), SalesReadModel(), CustomersReadModel()]
      as [any ReadModel<OrderEvent>]
    {
      let rows = Rows()
      do {
        for (offset, event) in events.enumerated() {
          let number = UInt64(offset) + 1
          try model.project(
            Persisted(
              streamID: "o",
              position: EventPosition(
                partition: 0, partitionOffset: number, sequenceNumber: number, version: number),
              id: EventID(time: header.time), time: header.time, event: event), into: rows)
        }
        try model.forget("o", in: rows)
      } catch {
        throw Failure("accepted, but not projected into \(model.name): \(error)")
      }
    }
  }

  private static let commands = ["create", "addItem", "complete", "cancel", "commands", "other"]

  private static func command(_ bytes: [UInt8]) throws {
    let routes = Shop().components.lazy.compactMap { $0 as? Commands<Order> }.first
    guard let routes else { throw Failure("the sample has no commands") }
    guard let first = bytes.first else { return }
    let body = Array(bytes.dropFirst())
    let name = commands[Int(first) % commands.count]
    let parsed = try attempt { () -> [Order.Command] in
      if name == "commands" { return try routes.list(body.span) }
      guard let command = routes.commands.first(where: { $0.name == name }) else { return [] }
      return [try command.make(body, "")]
    }
    guard let parsed else { return }
    let order = Order()
    var events: [OrderEvent] = []
    if case .create? = parsed.first {} else { events = [.created(header)] }
    for command in parsed {
      let state: Order.State
      do {
        state = try order.fold(events)
      } catch {
        throw Failure("accepted, but not applied: \(error)")
      }
      guard let more = try attempt({ try order.handle(command, id: "o", state: state) }) else {
        break
      }
      for event in more { try readsBack(event) }
      events += more
    }
    if !events.isEmpty { try project(events) }
  }

  private static func snapshot(_ bytes: [UInt8]) throws {
    let codec = OrderStateCodec()
    guard let state = try attempt({ try codec.decode(bytes.span) }) else { return }
    var written: [UInt8] = []
    codec.encode(state, into: &written)
    try require(attempt { try codec.decode(written.span) } == state, "it is not read back")
  }

  // MARK: - Values

  private static func timestamp(_ bytes: [UInt8]) throws {
    guard let time = Timestamp(utf8: bytes.span) else { return }
    try require(Timestamp(time.description) == time, "\(time) is not read back")
    try require(time.description.utf8.count <= 27, "\(time) is too long")
    try require(time.description.hasPrefix(time.utcDay), "\(time) is not on \(time.utcDay)")
  }

  private static func money(_ bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let amount = Money(text) else { return }
    try require(Money(amount.description) == amount, "\(text) is read as \(amount)")
    try require(Money((-amount).description) == -amount, "-(\(text)) is not read back")
    try require(attempt { try amount.adding(-amount) } == .zero, "\(amount) has no opposite")
    // These may be refused, and must not trap.
    _ = try attempt { try amount.adding(amount) }
    for quantity in [Quantity.range.lowerBound, -1, 0, 3, Quantity.range.upperBound] {
      guard let quantity = Quantity(quantity) else { throw Failure("no quantity \(quantity)") }
      _ = try attempt { try amount.times(quantity) }
    }
  }

  // MARK: - Files, records and requests

  private static func csv(_ bytes: [UInt8]) throws {
    func items(_ chunk: Int) throws -> [CSVReader.Item] {
      var reader = CSVReader()
      var items: [CSVReader.Item] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        reader.read(rest.prefix(chunk)) { items.append($0) }
        rest = rest.dropFirst(chunk)
      }
      reader.finish { items.append($0) }
      // Every line is accounted for.
      let lines = items.reduce(0) { sum, item in
        if case .row(let row) = item { sum + row.lineCount } else { sum + 1 }
      }
      try require(
        lines == reader.lines, "\(lines) lines are told of, and \(reader.lines) dealt with")
      return items
    }
    let whole = try items(.max)
    try require(try items(1) == whole, "in other chunks, it has other rows")
    let rows = whole.compactMap { item -> CSVReader.Row? in
      if case .row(let row) = item { row } else { nil }
    }
    guard let first = rows.first,
      let layout = try attempt({ try OnlineRetailLayout(header: first.fields) })
    else { return }
    for row in rows.dropFirst() {
      guard let invoice = try attempt({ try layout.read(row) }) else { continue }
      try add(invoice.item)
    }
  }

  /// Adds a line to an order, which may refuse it.
  private static func add(_ line: OrderLine) throws {
    let order = Order()
    guard let state = try attempt({ try order.fold([.created(header)]) }),
      let events = try attempt({ try order.handle(.addItem(line), id: "o", state: state) })
    else { return }
    for event in events { try readsBack(event) }
  }

  private static func wire(_ bytes: [UInt8]) throws {
    if let position = EventPosition(partition: 3, wire: bytes.span) {
      var written: [UInt8] = []
      position.appendWire(to: &written)
      try require(
        EventPosition(partition: 3, wire: written.span) == position, "\(position) is not read back")
    }
    if let id = EventID(utf8: bytes.span) {
      var written: [UInt8] = []
      id.append(to: &written)
      try require(EventID(utf8: written.span) == id, "\(id) is not read back")
    }
    if let metadata = try attempt({ try EventMetadata(json: bytes.span) }) {
      try require(
        attempt { try EventMetadata(json: metadata.json.span) } == metadata,
        "\(metadata) is not read back")
    }
    if let texts = try attempt({ try EventMetadata.texts(bytes.span) }) {
      var json = JSONWriter()
      EventMetadata.write(texts, &json)
      try require(
        attempt { try EventMetadata.texts(json.bytes.span) } == texts, "\(texts) are not read back")
    }
    for count: Partition in [1, 12, 10_000] {
      let partition = Partitioner(count: count).partition(of: bytes.span)
      try require((0..<count).contains(partition), "the key is in partition \(partition)")
    }
  }

  private static func http(_ bytes: [UInt8]) throws {
    if let record = try attempt({ try RecordJSON.record(bytes.span) }) {
      var json = JSONWriter()
      RecordJSON.write(record, &json)
      try require(
        attempt { try RecordJSON.record(json.bytes.span) } == record, "a record is not read back")
    }
    _ = try attempt { try StoreSummary(json: bytes.span) }
    let text = String(decoding: bytes, as: UTF8.self)
    if let token = ConsistencyToken(text) {
      try require(ConsistencyToken(token.description) == token, "\(token) is not read back")
    }
    if let endpoint = HTTPEndpoint(text) {
      try require(!endpoint.base.hasSuffix("/"), "\(endpoint.base) ends with a slash")
    }
    _ = ListenAddress(text)
    if let key = IdempotencyKeyHeader.key(text) {
      let escaped = key.flatMap { "\"\\".contains($0) ? "\\\($0)" : "\($0)" }
      try require(
        IdempotencyKeyHeader.key("\"\(String(escaped))\"") == key, "\(key) is not read back")
    }
  }
}
