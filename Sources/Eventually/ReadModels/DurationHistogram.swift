import Foundation

/// Counts durations by their size, in buckets of which 20 cover a factor of ten: what is told of them is right to about 6 %.
package struct DurationHistogram: Sendable, Hashable {
  private static let perDecade = 20
  /// From 1 µs to 1,000 s; beyond, the first and the last bucket.
  private static let decades = 9

  private var counts = [UInt64](repeating: 0, count: perDecade * decades + 1)

  /// None.
  package init() {}

  /// Counts a duration.
  package mutating func add(microseconds: Double) {
    let place = microseconds > 1 ? log10(microseconds) * Double(Self.perDecade) : 0
    counts[Int(min(Double(counts.count - 1), place).rounded())] &+= 1
  }

  /// What was counted since an earlier state of the same histogram.
  package func since(_ earlier: DurationHistogram) -> DurationHistogram {
    var difference = self
    for place in counts.indices { difference.counts[place] &-= earlier.counts[place] }
    return difference
  }

  /// The duration, in seconds, that a share of all do not exceed; `nil` where there are none.
  /// - Parameter share: above 0, at most 1.
  package func quantile(_ share: Double) -> Double? {
    let count = counts.reduce(0, &+)
    guard count > 0 else { return nil }
    let wanted = max(1, UInt64((Double(count) * share).rounded(.up)))
    var seen: UInt64 = 0
    for (place, count) in counts.enumerated() {
      seen &+= count
      if seen >= wanted { return pow(10, Double(place) / Double(Self.perDecade)) / 1_000_000 }
    }
    return nil
  }
}
