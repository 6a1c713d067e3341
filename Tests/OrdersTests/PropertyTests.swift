import Eventually
import EventuallyTesting
import Foundation
import Orders
import Testing

/// Makes commands up, most of them nearly right, with values from the ends of what their types can hold.
private struct Commands {
  var random: SeededRandom

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &random)]
  }

  mutating func text(_ limit: Int) -> String {
    pick([
      "", "a", "x \"y\" \\ \n\u{0}\u{1F}", "é", "e\u{301}", "😀", "\u{FEFF}bom", "\u{FFFF}",
      "\u{2028}",
      String(repeating: "z", count: limit), String(repeating: "z", count: limit + 1),
      String(repeating: "ä", count: limit / 2), "\u{1b}]0;x\u{7}", "null", "</script>",
    ])
  }

  mutating func time() -> Timestamp {
    let range = Timestamp.range
    return Timestamp(
      microseconds: pick([
        .min, .max, range.lowerBound, range.upperBound, range.lowerBound + 1, 0, -1, 1,
        Int64.random(in: range, using: &random), Int64.random(in: .min ... .max, using: &random),
      ]))
  }

  mutating func quantity() -> Quantity {
    let range = Quantity.range
    return Quantity(
      pick([
        range.lowerBound, range.upperBound, 0, 1, -1, 2, -3,
        Int64.random(in: range, using: &random),
      ])) ?? 0
  }

  mutating func price() -> Money {
    let most = Order.maximumLineTotal.tenThousandths
    return Money(
      tenThousandths: pick([
        .min, .max, 0, 1, -1, most, -most, most + 1, 100, 12_345,
        Int64.random(in: -most...most, using: &random),
        Int64.random(in: .min ... .max, using: &random),
      ]))
  }

  mutating func command() -> Order.Command {
    switch Int.random(in: 0..<20, using: &random) {
    case 0...2:
      .create(
        OrderHeader(
          customer: pick([nil, text(100)]), country: text(100), kind: pick(OrderKind.allCases),
          time: time()))
    case 3: .complete
    case 4: .cancel(reason: text(200))
    default:
      .addItem(
        OrderLine(
          sku: text(100), description: text(1000), quantity: quantity(), unitPrice: price()))
    }
  }
}

@Suite struct PropertyTests {
  /// Whatever an order accepts is written and read back, is applied, and is in all read models.
  @Test func whateverAnOrderAcceptsCanBeReadBackAndProjected() async throws {
    let seed = UInt64.random(in: 0 ... .max)
    var commands = Commands(random: SeededRandom(seed: seed))
    let codec = OrderEventCodec()
    let readBack = ReadBack(codec)
    let models: [any ReadModel<OrderEvent>] = [
      OrdersReadModel(), SalesReadModel(), CustomersReadModel(),
    ]
    let rows = models.map { _ in Rows() }
    var kinds: [String: Int] = [:]
    for number in 0..<400 {
      let id = "order-\(number)"
      var root = AggregateRootBuilder(Order()).build(id: id)
      for _ in 0..<commands.pick([3, 10, 60]) {
        let events: [OrderEvent]
        do {
          events = try await root.handle(commands.command())
        } catch {
          kinds["\(error)", default: 0] += 1
          continue
        }
        for event in events {
          var bytes: [UInt8] = []
          codec.encode(event, into: &bytes)
          #expect(throws: Never.self, "seed \(seed) \(event)") {
            try readBack.check(event, at: 0, type: codec.type(of: event), payload: bytes.span)
          }
          let version = UInt64(number)
          let persisted = Persisted(
            streamID: id,
            position: EventPosition(
              partition: 0, partitionOffset: version, sequenceNumber: version, version: version),
            id: EventID(time: sale.time), time: sale.time, event: event)
          for (model, rows) in zip(models, rows) {
            #expect(throws: Never.self, "seed \(seed) \(model.name) \(event)") {
              try model.project(persisted, into: rows)
            }
          }
          kinds[codec.type(of: event), default: 0] += 1
        }
      }
      var snapshot: [UInt8] = []
      OrderStateCodec().encode(root.state, into: &snapshot)
      let state = try OrderStateCodec().decode(snapshot.span)
      #expect(state == root.state, "seed \(seed)")
    }
    for type in ["OrderCreated", "OrderItemAdded", "OrderCompleted", "OrderCancelled.v2"] {
      #expect(kinds[type, default: 0] > 0, "seed \(seed): never \(type) in \(kinds)")
    }
    // And all of it can be taken back.
    for (model, rows) in zip(models, rows) {
      for number in 0..<400 { try model.forget("order-\(number)", in: rows) }
      let left = try dump(rows, model.tables)
      #expect(left.isEmpty, "seed \(seed) \(model.name): \(left.prefix(3))")
    }
  }

  /// Bytes that are nearly an event: what decodes is within the limits, and is written and read back.
  @Test func whateverDecodesCanBeWrittenAndReadBack() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededRandom(seed: seed)
    let codec = OrderEventCodec()
    let readBack = ReadBack(codec)
    let numbers = [
      "0", "-0", "1", "-1", "1000000", "1000001", "9223372036854775807", "-9223372036854775808",
      "1.0",
      "01", "9223372036854775808", "null", "\"1\"",
    ]
    let amounts = [
      "0", "1", "-1", "0.0001", "100000000", "100000000.0001", "-400000000000000",
      "922337203685477.5807",
      "-922337203685477.5808", "1.", "1e3", "+1", "",
    ]
    let times = [
      "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.999999Z",
      "9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01",
      "2026-01-01T24:00:00Z", "2026-01-01T00:00:00+23:59", "2026-01-01T00:00:00.123456789Z",
    ]
    var decoded = 0
    for _ in 0..<20_000 {
      func one(_ choices: [String]) -> String {
        choices[Int.random(in: 0..<choices.count, using: &random)]
      }
      let isLine = Bool.random(using: &random)
      let json =
        isLine
        ? #"{"sku":"A","quantity":\#(one(numbers)),"unitPrice":"\#(one(amounts))"}"#
        : #"{"country":"X","kind":"sale","time":"\#(one(times))"}"#
      var bytes = Array(json.utf8)
      if Int.random(in: 0..<4, using: &random) == 0 {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        bytes[index] = UInt8.random(in: 0...255, using: &random)
      }
      let event: OrderEvent
      do {
        event = try codec.decode(
          type: isLine ? "OrderItemAdded" : "OrderCreated", payload: bytes.span)
      } catch {
        continue
      }
      decoded += 1
      var written: [UInt8] = []
      codec.encode(event, into: &written)
      #expect(throws: Never.self, "seed \(seed) \(json)") {
        try readBack.check(event, at: 0, type: codec.type(of: event), payload: written.span)
      }
      if case .itemAdded(let line) = event {
        #expect(try line.total.magnitude <= Order.maximumLineTotal, "seed \(seed) \(json)")
      }
    }
    #expect(decoded > 1000, "seed \(seed)")
  }

  private enum Note: NamedEvent, Equatable {
    case written(text: String, number: Int64, at: Double?)
    case erased

    var eventType: String {
      switch self {
      case .written: "Written"
      case .erased: "Erased"
      }
    }
  }

  @Test func theCodecForCodableEventsReadsBackWhatItWrites() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var commands = Commands(random: SeededRandom(seed: seed))
    let codec = JSONEventCodec<Note>()
    let readBack = ReadBack(codec)
    for _ in 0..<500 {
      let event = Note.written(
        text: commands.text(50), number: commands.pick([.min, .max, 0, -1, 1 << 53 + 1]),
        at: commands.pick([nil, 0.1, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1e22]))
      for event in [event, .erased] {
        var bytes: [UInt8] = []
        try codec.encode(event, into: &bytes)
        #expect(throws: Never.self, "seed \(seed) \(event)") {
          try readBack.check(event, at: 0, type: codec.type(of: event), payload: bytes.span)
        }
      }
    }
  }
}
