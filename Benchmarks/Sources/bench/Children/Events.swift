import Eventually
import Orders

/// The events that are measured with. All of them follow from numbers.
enum Events {
  /// As long as the payload that the C programs write.
  static let line = OrderEvent.itemAdded(
    OrderLine(
      sku: "85123A",
      description:
        "WHITE HANGING HEART T-LIGHT HOLDER, packed with care, to be left with the neighbour",
      quantity: 6, unitPrice: Money(tenThousandths: 25_500)))

  /// How many events an order has.
  static let perOrder = 20
  /// 2026-01-01T00:00:00Z
  private static let start = Timestamp(microseconds: 1_767_225_600_000_000)
  private static let countries = ["United Kingdom", "Germany", "France", "Norway", "Japan"]

  static func orderID(_ number: Int) -> String { "order-\(number)" }

  /// An order: created, eighteen lines, completed.
  static func order(_ number: Int) -> [OrderEvent] {
    var random = Random(seed: UInt64(number))
    var events: [OrderEvent] = [
      .created(
        OrderHeader(
          customer: "\(12_000 + random.next() % 4_000)",
          country: countries[Int(random.next() % 5)], kind: .sale,
          time: Timestamp(microseconds: start.microseconds + Int64(number % 50_000) * 500_000_000)))
    ]
    for _ in 0..<(perOrder - 2) {
      let product = random.next() % 4_000
      events.append(
        .itemAdded(
          OrderLine(
            sku: "\(20_000 + product)", description: "CERAMIC TEAPOT IN COLOUR \(product % 97)",
            quantity: Quantity(Int64(random.next() % 12 + 1)) ?? 1,
            unitPrice: Money(tenThousandths: Int64(40 + product % 1_500) * 100))))
    }
    events.append(.completed)
    return events
  }
}

/// SplitMix64, as in the C programs.
struct Random: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
