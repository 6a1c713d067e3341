import Eventually

/// Decides which packets between hosts arrive, where and when. It moves none itself.
package struct PacketRouter {
  package typealias Instant = ContinuousClock.Instant

  /// An IPv4 address.
  package struct Address: Hashable, Sendable, CustomStringConvertible {
    package var bits: UInt32

    package init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
      bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    package var description: String {
      [24, 16, 8, 0].map { "\(bits >> $0 & 0xFF)" }.joined(separator: ".")
    }
  }

  /// A way that packets take, from one address to another.
  package struct Way: Hashable, Sendable {
    package var from: Address
    package var to: Address

    package init(from: Address, to: Address) {
      self.from = from
      self.to = to
    }
  }

  /// A packet for the host of this number.
  package struct Delivery: Equatable {
    package var host: Int
    package var packet: [UInt8]
  }

  private let hosts: [Address: Int]
  private var random: SeededRandom
  /// Nothing arrives that is sent there: it is lost without a word.
  package var cuts: Set<Way> = []
  /// What is cut as soon as a packet of so many bytes has gone one way. That packet still arrives.
  package var cutBehind: (way: Way, bytes: Int, cut: Way)?
  /// How long each packet is on its way.
  package var delay = Duration.zero
  /// Of so many packets one is lost; 0 for none.
  package var lossOneIn = 0
  private var late: [(due: Instant, delivery: Delivery)] = []
  private(set) package var lost = 0

  /// - Parameter hosts: which host has an address; one may have several.
  package init(_ hosts: [Address: Int], seed: UInt64) {
    self.hosts = hosts
    random = SeededRandom(seed: seed)
  }

  /// A host has sent a packet.
  /// - Returns: what arrives at once.
  package mutating func sent(_ packet: [UInt8], at now: Instant) -> Delivery? {
    guard let way = Self.way(of: packet), let host = hosts[way.to] else { return nil }
    let isLost = lossOneIn > 0 && random.next() % UInt64(lossOneIn) == 0
    if isLost || cuts.contains(way) {
      lost += 1
      return nil
    }
    if let awaited = cutBehind, awaited.way == way, packet.count >= awaited.bytes {
      cuts.insert(awaited.cut)
      cutBehind = nil
    }
    let delivery = Delivery(host: host, packet: packet)
    if delay == .zero { return delivery }
    // In order, also where the delay has just become shorter.
    late.append((max(now + delay, late.last?.due ?? now), delivery))
    return nil
  }

  /// When the next late packet arrives; `nil` where none is on its way.
  package var nextArrival: Instant? { late.first?.due }

  /// Takes the late packets that have arrived.
  package mutating func arrived(at now: Instant) -> [Delivery] {
    let count = late.prefix { $0.due <= now }.count
    defer { late.removeFirst(count) }
    return late.prefix(count).map(\.delivery)
  }

  /// Where an IPv4 packet comes from and goes to; `nil` for any other packet.
  private static func way(of packet: [UInt8]) -> Way? {
    guard packet.count >= 20, packet[0] >> 4 == 4 else { return nil }
    return Way(
      from: Address(packet[12], packet[13], packet[14], packet[15]),
      to: Address(packet[16], packet[17], packet[18], packet[19]))
  }
}
