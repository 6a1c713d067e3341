import Eventually
import Foundation
import Testing

@testable import EventuallyServer

@Suite struct ChartRingTests {
  private func points(_ ring: ChartRing, after tick: UInt64?) throws -> (
    all: Bool, times: Int, series: [String: [Double?]]
  )? {
    guard let json = ring.json(after: tick) else { return nil }
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
    let series = try #require(object["series"] as? [String: [Any]])
    return (
      try #require(object["all"] as? Bool), try #require(object["times"] as? [Any]).count,
      series.mapValues { $0.map { $0 as? Double } }
    )
  }

  @Test func aViewerGetsWhatItDoesNotHave() throws {
    var ring = ChartRing(boot: 7)
    #expect(try points(ring, after: nil)?.times == 0)
    for number in 1...10 { ring.add(["a": Double(number)], at: .now()) }
    for had in 0...10 as ClosedRange<UInt64> {
      let found = try points(ring, after: had)
      #expect(found?.times == (had == 10 ? nil : 10 - Int(had)))
      #expect(found?.series["a"]?.first ?? nil == (had == 10 ? nil : Double(had + 1)))
      #expect(found?.all != true)
    }
    #expect(try points(ring, after: nil)?.all == true)
    #expect(ring.id == "7.10" && ring.tick(of: "7.10") == 10 && ring.tick(of: "7.0") == 0)
    for id in ["8.10", "7.11", "7", "", "7.x", "7.1.1", "-7.1"] {
      #expect(ring.tick(of: id) == nil, "\(id)")
    }
  }

  @Test func anHourIsKept() throws {
    var ring = ChartRing(boot: 1)
    for number in 1...(ChartRing.kept + 100) {
      // A series that begins later, and one that ends.
      var values = ["a": Double(number)]
      if number > 800 { values["late"] = 1 }
      if number < 50 { values["gone"] = 1 }
      ring.add(values, at: .now())
      if number.isMultiple(of: 97) {
        let found = try #require(try points(ring, after: nil))
        #expect(found.times == min(number, ChartRing.kept))
        #expect(found.series.values.allSatisfy { $0.count == found.times }, "after \(number)")
      }
    }
    let found = try #require(try points(ring, after: nil))
    #expect(found.times == ChartRing.kept && found.series["gone"] == nil)
    #expect(found.series["a"]?.first == 101 && found.series["a"]?.last == 820)
    #expect(found.series["late"]?.first ?? 0 == nil && found.series["late"]?.last == 1)
    // Whoever was away for longer gets everything.
    #expect(try points(ring, after: 50)?.all == true)
    #expect(try points(ring, after: 100)?.all == false)
  }
}

@Suite struct BucketsTests {
  private static let limits: [Double] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60,
  ]

  private func buckets(_ values: [Double]) -> Buckets {
    var counts = [UInt64](repeating: 0, count: Self.limits.count + 1)
    for value in values { counts[Self.limits.firstIndex { value <= $0 } ?? Self.limits.count] += 1 }
    return Buckets(limits: Self.limits, counts: counts)
  }

  @Test func quantilesAreWithinTheRangeThatHasTheSample() {
    var generator = Seeded(state: 5)
    for _ in 0..<200 {
      let count = Int.random(in: 1...500, using: &generator)
      let values = (0..<count).map { _ in
        exp(Double.random(in: log(0.0006)...log(50), using: &generator))
      }.sorted()
      for share in [0.5, 0.9, 0.99, 1] {
        let exact = values[max(0, Int((Double(count) * share).rounded(.up)) - 1)]
        let index = Self.limits.firstIndex { exact <= $0 } ?? 0
        let found = buckets(values).quantile(share) ?? 0
        #expect(
          found >= Self.limits[index - 1] && found <= Self.limits[index] * 1.0001,
          "\(share) of \(count): \(found), exactly \(exact)")
      }
    }
    #expect(buckets([]).quantile(0.5) == nil)
    #expect(buckets([100]).quantile(0.5) == 60)
  }

  @Test func differencesAreWhatCameSince() {
    let (early, late) = (buckets([0.001, 0.1]), buckets([0.001, 0.1, 7]))
    #expect(late.since(early) == buckets([7]))
    #expect(late.since(nil) == late)
    // Counted anew.
    #expect(early.since(late) == early)
  }
}

@Suite struct RatesTests {
  private let start = ContinuousClock.now

  @Test func ratesAreOfTheLastSeconds() {
    var rates = Rates()
    #expect(rates.rate("a") == nil && rates.recent("a").isEmpty)
    for second in 0...100 {
      rates.note(
        "a", Double(second < 50 ? second * 10 : 500 + (second - 50) * 100),
        at: start + .seconds(second))
      // Looks in between change nothing.
      rates.note("a", 1e9, at: start + .seconds(second) + .milliseconds(100))
    }
    #expect(rates.rate("a") == 100)
    #expect(rates.recent("a").count == Rates.kept)
    #expect(rates.recent("a").first == 10 && rates.recent("a").last == 100)
  }

  @Test func aCounterThatFallsBeginsAnew() {
    var rates = Rates()
    rates.note("a", 100, at: start)
    rates.note("a", 200, at: start + .seconds(1))
    rates.note("a", 5, at: start + .seconds(2))
    #expect(rates.rate("a") == nil)
    rates.note("a", 7, at: start + .seconds(3))
    #expect(rates.rate("a") == 2)
  }
}
