import Eventually
import Foundation
import Orders
import Testing

@Suite struct MoneyTests {
  @Test(
    arguments: [
      ("2.55", 25_500, "2.55"), ("0.001", 10, "0.001"), ("-11062.06", -110_620_600, "-11062.06"),
      ("12", 120_000, "12.00"), ("0.0", 0, "0.00"), ("-0.5", -5000, "-0.50"),
      ("1.23450000", 12_345, "1.2345"), ("922337203685477.5807", .max, "922337203685477.5807"),
    ] as [(String, Int64, String)])
  func readsAndWrites(text: String, parts: Int64, written: String) {
    #expect(Money(text)?.tenThousandths == parts)
    #expect(Money(tenThousandths: parts).description == written)
  }

  @Test(arguments: [
    "", "-", ".", ".5", "1.", "1.23456", "1e3", "1,5", " 1", "1 ", "+1", "--1", "1.2.3", "١",
    "922337203685477.5808", "99999999999999999999",
  ])
  func refuses(text: String) {
    #expect(Money(text) == nil)
  }

  @Test func overflowIsAnError() {
    let most = Money(tenThousandths: .max)
    #expect(throws: AmountOverflow.self) { try most.adding(Money(tenThousandths: 1)) }
    #expect(throws: AmountOverflow.self) { try most.times(2) }
  }

  @Test func theSmallestAmountIsWritten() {
    #expect(Money(tenThousandths: .min).description == "-922337203685477.5808")
  }
}

let sale = OrderHeader(
  customer: "17850", country: "United Kingdom", kind: .sale,
  time: Timestamp(microseconds: 1_291_191_960_000_000))

func line(
  _ sku: String = "85123A", _ quantity: Int64 = 6, _ price: String = "2.55"
) -> OrderLine {
  OrderLine(
    sku: sku, description: "WHITE \"HEART\" LÄMP", quantity: quantity,
    unitPrice: Money(price) ?? .zero)
}

@Suite struct OrderTests {
  private func given(_ events: [OrderEvent]) throws -> AggregateRoot<Order> {
    let state = try Order().fold(events)
    return AggregateRootBuilder(Order()).build(
      id: "1", state: state, version: UInt64(events.count))
  }

  @Test func anOrderFromItsPlacingToItsCompletion() async throws {
    var root = AggregateRootBuilder(Order()).build(id: "536365")
    try await root.handle(.create(sale))
    try await root.handle(.addItem(line()))
    try await root.handle(.addItem(line("71053", 2, "3.399")))
    try await root.handle(.complete)
    #expect(root.state.status == .completed)
    #expect(root.state.total.description == "22.098")
    #expect(
      root.uncommitted == [
        .created(sale), .itemAdded(line()), .itemAdded(line("71053", 2, "3.399")), .completed,
      ])
  }

  @Test(
    arguments: [
      ([], .addItem(line()), .unknown("1")), ([], .complete, .unknown("1")),
      ([], .cancel(), .unknown("1")), ([.created(sale)], .create(sale), .alreadyExists("1")),
      ([.created(sale)], .complete, .empty("1")),
      (
        [.created(sale), .itemAdded(line()), .completed], .addItem(line()),
        .notOpen("1", .completed)
      ),
      ([.created(sale), .itemAdded(line()), .completed], .cancel(), .notOpen("1", .completed)),
      ([.created(sale), .cancelled(reason: "x")], .complete, .notOpen("1", .cancelled)),
      ([.created(sale)], .addItem(line("x", 1_000_000_000, "1000000")), .amountTooLarge),
    ] as [([OrderEvent], Order.Command, OrderError)])
  func illegalTransitionsAreRefused(
    events: [OrderEvent], command: Order.Command, expected: OrderError
  ) async throws {
    var root = try given(events)
    await #expect(throws: expected) { try await root.handle(command) }
    #expect(root.uncommitted.isEmpty)
  }

  @Test(
    arguments: [
      (.sale, line("x", 0, "1"), false), (.sale, line("x", -1, "1"), false),
      (.sale, line("x", 1, "-1"), false), (.sale, line("x", 1, "0"), true),
      (.return, line("x", 1, "1"), false), (.return, line("x", -1, "1"), true),
      (.return, line("x", -1, "-1"), false), (.adjustment, line("x", 1, "-11062.06"), true),
      (.adjustment, line("x", -10, "0"), true), (.adjustment, line("x", 0, "1"), false),
      (.sale, line("", 1, "1"), false),
    ] as [(OrderKind, OrderLine, Bool)])
  func theKindDecidesWhichLinesFit(kind: OrderKind, line: OrderLine, fits: Bool) async throws {
    var header = sale
    header.kind = kind
    var root = try given([.created(header)])
    let events = try? await root.handle(.addItem(line))
    #expect((events != nil) == fits)
  }

  @Test(arguments: ["", "a b", "ä", "a/b", String(repeating: "x", count: 65)])
  func someIdsNameNoOrder(id: String) async {
    var root = AggregateRootBuilder(Order()).build(id: id)
    await #expect(throws: OrderError.invalidID(id)) { try await root.handle(.create(sale)) }
  }

  @Test func anOrderHasItsLimitOfLines() async throws {
    let events =
      [OrderEvent.created(sale)] + Array(repeating: .itemAdded(line()), count: Order.maximumLines)
    var root = try given(events)
    await #expect(throws: OrderError.tooManyLines("1")) { try await root.handle(.addItem(line())) }
  }
}

@Suite struct OrderEventCodecTests {
  private let codec = OrderEventCodec()

  private func encode(_ event: OrderEvent) -> [UInt8] {
    var bytes: [UInt8] = []
    codec.encode(event, into: &bytes)
    return bytes
  }

  static let events: [OrderEvent] = [
    .created(sale),
    .created(
      OrderHeader(customer: nil, country: "EIRE \\ \n", kind: .adjustment, time: sale.time)),
    .itemAdded(line()), .itemAdded(line("x", .min, "-0.001")), .completed,
    .cancelled(reason: "no \"stock\""),
  ]

  @Test(arguments: events) func readsWhatItWrites(event: OrderEvent) throws {
    let bytes = encode(event)
    #expect(try codec.decode(type: codec.type(of: event), payload: bytes.span) == event)
    // Of events that come often, the type's name fits into a string without an allocation.
    if case .cancelled = event { return }
    #expect(codec.type(of: event).utf8.count <= 15)
  }

  @Test(arguments: events) func writesJSONThatOthersRead(event: OrderEvent) throws {
    let object = try JSONSerialization.jsonObject(with: Data(encode(event)))
    let members = try #require(object as? [String: Any])
    if case .itemAdded(let line) = event {
      #expect(members["sku"] as? String == line.sku)
      #expect(members["description"] as? String == line.description)
      #expect((members["quantity"] as? NSNumber)?.int64Value == line.quantity)
      #expect(members["unitPrice"] as? String == line.unitPrice.description)
    }
  }

  @Test func appendsToWhatIsThere() {
    var bytes = Array("x".utf8)
    codec.encode(.completed, into: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == "x{}")
  }

  @Test func passesOverMembersItDoesNotKnow() throws {
    let bytes = Array(#"{"new":[1,{"a":2}],"sku":"A","quantity":1,"unitPrice":"1.00"}"#.utf8)
    let event = try codec.decode(type: "OrderItemAdded", payload: bytes.span)
    #expect(
      event
        == .itemAdded(
          OrderLine(sku: "A", description: "", quantity: 1, unitPrice: Money("1.00") ?? .zero)))
  }

  @Test(arguments: [
    ("OrderItemAdded", "{}"), ("OrderItemAdded", "[]"), ("OrderItemAdded", ""),
    ("OrderItemAdded", #"{"sku":"A","quantity":1.5,"unitPrice":"1"}"#),
    ("OrderItemAdded", #"{"sku":"A","quantity":1,"unitPrice":1}"#),
    ("OrderItemAdded", #"{"sku":"A","quantity":1,"unitPrice":"1.00001"}"#),
    ("OrderCreated", #"{"country":"X","kind":"gift","time":"2026-01-01T00:00:00Z"}"#),
    ("OrderCreated", #"{"country":"X","time":"yesterday"}"#), ("OrderCreated", #"{"country":"X"}"#),
    ("OrderMoved", "{}"),
  ])
  func refuses(type: String, json: String) {
    let bytes = Array(json.utf8)
    #expect(throws: (any Error).self) { try codec.decode(type: type, payload: bytes.span) }
  }
}

@Suite struct EvolutionTests {
  private let codec = OrderEventCodec()

  @Test func aCancellationOfOldHasAReason() throws {
    let event = try codec.decode(type: "OrderCancelled", payload: Array("{}".utf8).span)
    #expect(event == .cancelled(reason: "unspecified"))
    #expect(codec.type(of: event) == "OrderCancelled.v2")
    #expect(throws: UnknownEventType.self) {
      try codec.decode(type: "OrderCancelled.v3", payload: Array("{}".utf8).span)
    }
    #expect(throws: InvalidMember.self) {
      try codec.decode(type: "OrderCancelled.v2", payload: Array("{}".utf8).span)
    }
  }

  @Test func aStateComesBackFromItsSnapshot() async throws {
    let order = Order()
    let header = OrderHeader(
      customer: nil, country: "Österreich", kind: .return, time: Timestamp(microseconds: 5))
    let line = OrderLine(
      sku: "\"A\"", description: "x", quantity: -3, unitPrice: Money(tenThousandths: 12_345))
    for events in [
      [], [.created(header)], [.created(header), .itemAdded(line), .itemAdded(line)],
      [.created(header), .itemAdded(line), .completed],
      [.created(header), .cancelled(reason: "no\n reason")],
    ] as [[OrderEvent]] {
      let state = try order.fold(events)
      var bytes: [UInt8] = []
      OrderStateCodec().encode(state, into: &bytes)
      #expect(try OrderStateCodec().decode(bytes.span) == state)
    }
  }
}
