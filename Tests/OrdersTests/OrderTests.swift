import Eventually
import Foundation
import Orders
import Testing

@Suite struct MoneyTests {
  @Test(
    arguments: [
      ("2.55", 25_500, "2.55"), ("0.001", 10, "0.001"), ("-11062.06", -110_620_600, "-11062.06"),
      ("12", 120_000, "12.00"), ("0.0", 0, "0.00"), ("-0.5", -5000, "-0.50"),
      ("1.23450000", 12_345, "1.2345"),
      ("400000000000000", 4_000_000_000_000_000_000, "400000000000000.00"),
      ("-400000000000000.0000", -4_000_000_000_000_000_000, "-400000000000000.00"),
    ] as [(String, Int64, String)])
  func readsAndWrites(text: String, parts: Int64, written: String) {
    #expect(Money(text)?.tenThousandths == parts)
    #expect(Money(tenThousandths: parts).description == written)
  }

  @Test(arguments: [
    "", "-", ".", ".5", "1.", "1.23456", "1e3", "1,5", " 1", "1 ", "+1", "--1", "1.2.3", "١",
    "400000000000000.0001", "-400000000000000.0001", "922337203685477.5807",
    "922337203685477.5808", "99999999999999999999", "-99999999999999999999",
  ])
  func refuses(text: String) {
    #expect(Money(text) == nil)
  }

  @Test func aSumOrProductBeyondTheRangeIsAnError() throws {
    for most in [Money.maximum, -Money.maximum] {
      #expect(throws: AmountOverflow.self) { try most.adding(most) }
      #expect(throws: AmountOverflow.self) { try most.times(2) }
      #expect(throws: AmountOverflow.self) { try most.times(-1_000_000) }
      #expect(try most.times(-1) == -most)
      #expect(try most.adding(-most) == .zero)
      #expect(most.magnitude == .maximum)
    }
    #expect(throws: AmountOverflow.self) { try Money.maximum.adding(Money(tenThousandths: 1)) }
  }

  @Test func noAmountIsBeyondTheRange() {
    #expect(Money(tenThousandths: .min) == -Money.maximum)
    #expect(Money(tenThousandths: .max) == Money.maximum)
    #expect(Money(exactly: .min) == nil)
    #expect(Money(exactly: Money.maximum.tenThousandths + 1) == nil)
    #expect(Money(exactly: Money.maximum.tenThousandths) == .maximum)
  }
}

@Suite struct QuantityTests {
  @Test(arguments: [0, 1, -1, 1_000_000, -1_000_000]) func isInItsRange(value: Int64) throws {
    let quantity = try #require(Quantity(value))
    #expect(quantity.value == value)
    #expect((-quantity).value == -value)
  }

  @Test(arguments: [1_000_001, -1_000_001, .max, .min]) func isNotOutsideOfIt(value: Int64) {
    #expect(Quantity(value) == nil)
  }
}

@Suite struct CountTests {
  @Test func aSumBeyondTheRangeIsAnError() throws {
    #expect(throws: AmountOverflow.self) { try Count.maximum.adding(1) }
    #expect(throws: AmountOverflow.self) { try (-Count.maximum).adding(-1) }
    #expect(try Count.maximum.adding(-.maximum) == 0)
    #expect(Count(exactly: .min) == nil)
    #expect(Count(exactly: .max) == nil)
    #expect(Count(1_000_000 as Quantity) == 1_000_000)
  }
}

let sale = OrderHeader(
  customer: "17850", country: "United Kingdom", kind: .sale,
  time: Timestamp(microseconds: 1_291_191_960_000_000))

func line(
  _ sku: String = "85123A", _ quantity: Quantity = 6, _ price: String = "2.55"
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
      ([.created(sale)], .addItem(line("x", 1_000_000, "1000000")), .amountTooLarge),
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

  /// Databases keep no U+0000 in a text: its stream would be parked in each read model.
  @Test func noTextHasAZeroByte() async throws {
    let bad = "a\0b"
    for (customer, country) in [(bad, "France"), (nil, bad)] as [(String?, String)] {
      var header = sale
      (header.customer, header.country) = (customer, country)
      var root = try given([])
      await #expect(throws: OrderError.self) { try await root.handle(.create(header)) }
    }
    var described = line()
    described.description = bad
    for command in [
      .addItem(line(bad)), .addItem(described), .cancel(reason: bad),
    ] as [Order.Command] {
      var root = try given([.created(sale)])
      let error = await #expect(throws: OrderError.self) { try await root.handle(command) }
      #expect("\(try #require(error))".hasSuffix("and no U+0000"))
    }
    described.description = ""
    var root = try given([.created(sale)])
    #expect(try await root.handle(.addItem(described)).count == 1)
  }

  @Test func theLinesOfAnOrderComeToItsLimitTogether() async throws {
    var header = sale
    header.kind = .adjustment
    var root = try given([.created(header)])
    try await root.handle(.addItem(line("a", 1, "99999999.9999")))
    try await root.handle(.addItem(line("b", -1, "0.0001")))
    #expect(root.state.turnover == Order.maximumTurnover)
    for one in [line("c", 1, "0.0001"), line("c", -1, "0.0001"), line("c", 1, "99999999")] {
      await #expect(throws: OrderError.amountTooLarge) { try await root.handle(.addItem(one)) }
    }
    try await root.handle(.addItem(line("c", 1, "0")))
    #expect(root.state.lines.count == 3)
    #expect(root.state.total.description == "99999999.9998")
  }

  /// Orders of old may be beyond the limit: they are read, and take no more.
  @Test func anOrderThatIsBeyondTheLimitIsReadAndTakesNoMore() async throws {
    let most = line("a", 1, "99999999.9999")
    var root = try given([.created(sale), .itemAdded(most), .itemAdded(most), .itemAdded(most)])
    await #expect(throws: OrderError.amountTooLarge) {
      try await root.handle(.addItem(line("b", 1, "1")))
    }
    #expect(try await root.handle(.complete) == [.completed])
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
    .itemAdded(line()), .itemAdded(line("x", -1_000_000, "-0.001")), .completed,
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
      #expect((members["quantity"] as? NSNumber)?.int64Value == line.quantity.value)
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
    ("OrderMoved", "{}"), ("OrderCompleted", ""), ("OrderCompleted", "garbage}{"),
    ("OrderCompleted", "[]"), ("OrderCancelled.v2", #"{"reason":"a","reason":"b"}"#),
    ("OrderCreated", #"{"country":"X","customer":nope,"time":"2026-01-01T00:00:00Z"}"#),
    ("OrderCreated", #"{"country":"X","z":[},"time":"2026-01-01T00:00:00Z"}"#),
    // A year of the store's past that RFC 3339 has no form for.
    ("OrderCreated", #"{"country":"X","time":"0000-12-31T23:00:00Z"}"#),
    ("OrderCreated", #"{"country":"X","time":"0001-01-01T00:00:00+01:00"}"#),
    ("OrderCreated", #"{"country":"X","time":"9999-12-31T23:59:59-00:01"}"#),
    ("OrderItemAdded", #"{"sku":"A","quantity":9223372036854775807,"unitPrice":"0"}"#),
    ("OrderItemAdded", #"{"sku":"A","quantity":-9223372036854775808,"unitPrice":"0"}"#),
    ("OrderItemAdded", #"{"sku":"A","quantity":1000001,"unitPrice":"0"}"#),
    ("OrderItemAdded", #"{"sku":"A","quantity":2,"unitPrice":"50000000.0001"}"#),
    ("OrderItemAdded", #"{"sku":"A","quantity":1,"unitPrice":"-100000000.0001"}"#),
    ("OrderItemAdded", #"{"sku":"A","quantity":1,"quantity":2,"unitPrice":"1"}"#),
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
