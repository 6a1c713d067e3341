import Foundation

/// Counts of values between limits, of which quantiles are told: between two limits values are taken to be spread evenly by their
/// logarithm.
struct Buckets: Equatable {
  /// Rising, in seconds for durations; there is one count more than limits.
  var limits: [Double]
  var counts: [UInt64]

  /// What was counted since an earlier moment; all of it where the earlier counts are not of the same limits, or larger.
  func since(_ earlier: Buckets?) -> Buckets {
    guard let earlier, earlier.limits == limits,
      zip(counts, earlier.counts).allSatisfy({ $0 >= $1 })
    else { return self }
    var difference = self
    difference.counts = zip(counts, earlier.counts).map { $0 - $1 }
    return difference
  }

  /// What a share of all values does not exceed; `nil` where there are none.
  /// - Parameter share: above 0, at most 1.
  func quantile(_ share: Double) -> Double? {
    let total = counts.reduce(0, &+)
    guard total > 0, let first = limits.first else { return nil }
    let wanted = Double(total) * share
    var below = 0.0
    for (index, count) in counts.enumerated() where count > 0 {
      let within = Double(count)
      if below + within >= wanted {
        // Of what is beyond the last limit, no more is known.
        guard index < limits.count else { break }
        let low = index > 0 ? limits[index - 1] : first / 2
        return low * pow(limits[index] / low, (wanted - below) / within)
      }
      below += within
    }
    return limits[limits.count - 1]
  }
}

extension PrometheusMetrics {
  /// The sum of all counters of a name; `nil` where there is none.
  func total(of label: String) -> UInt64? {
    let found = current.counters.filter { $0.key.label == label }
    return found.isEmpty ? nil : found.values.reduce(0) { $0 &+ UInt64(clamping: $1.value) }
  }

  /// All histograms of a name together; `nil` where there is none.
  func buckets(of label: String) -> Buckets? {
    var sum: Buckets?
    for (name, histogram) in current.histograms where name.label == label {
      let counts = histogram.snapshot.counts
      guard let known = sum, known.limits == histogram.limits else {
        sum = sum ?? Buckets(limits: histogram.limits, counts: counts)
        continue
      }
      sum?.counts = zip(known.counts, counts).map { $0 &+ $1 }
    }
    return sum
  }
}
