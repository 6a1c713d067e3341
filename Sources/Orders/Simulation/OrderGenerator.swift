import Eventually
/// Makes up orders. The order with a number is the same for the same seed, whatever else is generated.
package struct OrderGenerator: Sendable {
  package let seed: UInt64

  package init(seed: UInt64) {
    self.seed = seed
  }

  private static let countries = [
    "United Kingdom", "United Kingdom", "United Kingdom", "United Kingdom", "Germany", "France",
    "Spain", "Netherlands", "Norway", "Portugal", "Italy", "Belgium", "Sweden", "Japan",
  ]
  private static let colours = ["RED", "BLUE", "IVORY", "PINK", "GREEN", "SILVER", "BLACK"]
  private static let materials = ["CERAMIC", "WOODEN", "GLASS", "METAL", "PAPER", "COTTON"]
  private static let things = [
    "LANTERN", "TEAPOT", "CANDLE HOLDER", "LUNCH BOX", "PHOTO FRAME", "CUSHION COVER",
    "CAKE STAND", "DOORMAT", "WALL CLOCK", "JAM JAR", "STORAGE TIN", "BUNTING",
  ]
  /// 2026-01-01T00:00:00Z
  private static let start = Timestamp(microseconds: 1_767_225_600_000_000)

  /// The id of an order.
  package func id(_ number: Int) -> String { "S\(seed)-\(number)" }

  /// The events of an order.
  package func events(_ number: Int) -> [OrderEvent] {
    var random = SeededRandom(seed: seed &* 0x1_0000_0001 &+ UInt64(number))
    // The first numbers of neighbouring seeds are alike.
    for _ in 0..<3 { _ = random.next() }
    let isReturn = Int.random(in: 0..<100, using: &random) < 3
    let isKnown = Int.random(in: 0..<100, using: &random) < 85
    let customer = Int.random(in: 12_000..<16_000, using: &random)
    let header = OrderHeader(
      customer: isKnown ? String(customer) : nil,
      country: Self.countries.randomElement(using: &random) ?? Self.countries[0],
      kind: isReturn ? .return : .sale,
      time: Timestamp(
        microseconds: Self.start.microseconds + Int64(number % 1_000_000_000) * 97_000_000))
    let count = Int.random(in: 1...(isReturn ? 3 : 40), using: &random)
    var events: [OrderEvent] = [.created(header)]
    for _ in 0..<count { events.append(.itemAdded(line(isReturn, &random))) }
    let isCancelled = Int.random(in: 0..<100, using: &random) < 2
    events.append(isCancelled ? .cancelled(reason: "out of stock") : .completed)
    return events
  }

  private func line(_ isReturn: Bool, _ random: inout SeededRandom) -> OrderLine {
    let colour = Int.random(in: 0..<Self.colours.count, using: &random)
    let material = Int.random(in: 0..<Self.materials.count, using: &random)
    let thing = Int.random(in: 0..<Self.things.count, using: &random)
    let product = (colour * Self.materials.count + material) * Self.things.count + thing
    let quantities: [Quantity] = [1, 1, 2, 3, 4, 6, 8, 12, 24]
    let quantity = quantities.randomElement(using: &random) ?? 1
    return OrderLine(
      sku: String(20_000 + product),
      description: "\(Self.colours[colour]) \(Self.materials[material]) \(Self.things[thing])",
      quantity: isReturn ? -quantity : quantity,
      unitPrice: Money(tenThousandths: Int64(40 + product * 37 % 1500) * 100))
  }
}
