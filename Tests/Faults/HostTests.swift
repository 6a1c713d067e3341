import Eventually
import FaultScenarios
import Testing

/// What scenarios of several hosts are made of.
struct HostTests {
  private typealias Address = PacketRouter.Address

  private static let (first, second, broker) = (
    Address(198, 18, 0, 1), Address(198, 18, 0, 2), Address(127, 0, 0, 1)
  )
  private let start = ContinuousClock.now

  private func router() -> PacketRouter {
    PacketRouter([Self.first: 0, Self.broker: 0, Self.second: 1], seed: 1)
  }

  private func packet(_ from: PacketRouter.Address, _ to: PacketRouter.Address) -> [UInt8] {
    var packet = [UInt8](repeating: 0, count: 20)
    packet[0] = 0x45
    for (index, bits) in [from.bits, to.bits].enumerated() {
      for byte in 0..<4 {
        packet[12 + index * 4 + byte] = UInt8(truncatingIfNeeded: bits >> (24 - 8 * byte))
      }
    }
    return packet
  }

  @Test func packetsGoWhereTheirAddressIs() {
    var router = router()
    #expect(router.sent(packet(Self.first, Self.second), at: start)?.host == 1)
    #expect(router.sent(packet(Self.second, Self.first), at: start)?.host == 0)
    #expect(router.sent(packet(Self.second, Self.broker), at: start)?.host == 0)
    #expect(router.sent(packet(Self.second, Address(198, 18, 0, 9)), at: start) == nil)
    #expect(router.sent([0x60] + [UInt8](repeating: 0, count: 39), at: start) == nil)
    #expect(router.sent([0x45], at: start) == nil)
    #expect(router.lost == 0)
  }

  @Test func aCutIsOfOneWay() {
    var router = router()
    router.cuts = [.init(from: Self.first, to: Self.second)]
    #expect(router.sent(packet(Self.first, Self.second), at: start) == nil)
    #expect(router.lost == 1)
    #expect(router.sent(packet(Self.second, Self.first), at: start) != nil)
    #expect(router.sent(packet(Self.broker, Self.second), at: start) != nil)
    router.cuts = []
    #expect(router.sent(packet(Self.first, Self.second), at: start) != nil)
  }

  @Test func aCutBeginsBehindALargePacket() {
    var router = router()
    let (there, back) = (
      PacketRouter.Way(from: Self.first, to: Self.second),
      PacketRouter.Way(from: Self.second, to: Self.first)
    )
    router.cutBehind = (there, 100, back)
    #expect(router.sent(packet(Self.first, Self.second), at: start) != nil)
    #expect(router.sent(packet(Self.second, Self.first), at: start) != nil)
    let large = packet(Self.first, Self.second) + [UInt8](repeating: 0, count: 80)
    #expect(router.sent(large, at: start)?.host == 1)
    #expect(router.sent(packet(Self.second, Self.first), at: start) == nil)
    #expect(router.sent(large, at: start)?.host == 1)
  }

  @Test func delayedPacketsArriveInOrder() {
    var router = router()
    router.delay = .milliseconds(100)
    #expect(router.sent(packet(Self.first, Self.second), at: start) == nil)
    router.delay = .milliseconds(10)
    #expect(router.sent(packet(Self.second, Self.first), at: start) == nil)
    #expect(router.nextArrival == start + .milliseconds(100))
    #expect(router.arrived(at: start + .milliseconds(99)).isEmpty)
    #expect(router.arrived(at: start + .milliseconds(100)).map(\.host) == [1, 0])
    #expect(router.nextArrival == nil)
  }

  @Test func aPartIsLost() {
    var router = router()
    router.lossOneIn = 100
    for _ in 0..<10_000 { _ = router.sent(packet(Self.first, Self.second), at: start) }
    #expect((50...200).contains(router.lost), "\(router.lost)")
  }

  @Test func aPlanFollowsFromItsSeed() {
    let kinds = HostPlan.Kind.allCases
    for seed in UInt64(1)...50 {
      let steps = HostPlan.steps(kinds, seed: seed)
      #expect(steps == HostPlan.steps(kinds, seed: seed))
      #expect(Set(steps.map(\.kind)) == Set(kinds))
      #expect(steps.allSatisfy { (0...1).contains($0.host) && $0.length >= .seconds(3) })
    }
    #expect(HostPlan.steps(kinds, seed: 1) != HostPlan.steps(kinds, seed: 2))
  }

  @Test func gapsAreMeasuredFromWhatWentOnLast() {
    var gaps = ServiceGaps(partitions: 2, at: start)
    gaps.acknowledged(1, at: start + .seconds(1))
    gaps.applied([0, 0], of: [5, 0], at: start + .seconds(1))
    #expect(!gaps.isApplied)
    gaps.begin()
    gaps.acknowledged(1, at: start + .seconds(4))
    #expect(gaps.longest.commands == .seconds(3))
    // What the other partition has does not make up for it.
    gaps.applied([4, 7], of: [9, 7], at: start + .seconds(4))
    #expect(gaps.longest.readModels == .seconds(3))
    // The first five are there; the others were seen later.
    gaps.applied([5, 7], of: [9, 7], at: start + .seconds(5))
    #expect(gaps.longest.readModels == .seconds(4))
    gaps.begin()
    gaps.applied([9, 7], of: [9, 7], at: start + .seconds(6))
    #expect(gaps.longest.readModels == .seconds(2))
    #expect(gaps.isApplied)
    gaps.applied([9, 7], of: [9, 7], at: start + .seconds(60))
    #expect(gaps.longest.readModels == .seconds(2))
  }
}
