/// How fast counters grow, and how fast they grew in the last minute. It knows no clock.
struct Rates {
  typealias Instant = ContinuousClock.Instant

  private struct Sample {
    var at: Instant
    var value: Double
  }

  /// How many figures of the past there are.
  static let kept = 60
  private static let (spacing, window) = (Duration.milliseconds(900), Duration.seconds(4))
  private var samples: [String: [Sample]] = [:]

  /// A counter stands at a value; one that has fallen was begun anew.
  mutating func note(_ counter: String, _ value: Double, at: Instant) {
    var known = samples[counter] ?? []
    if let last = known.last {
      if value < last.value {
        known = []
      } else if at - last.at < Self.spacing {
        return
      }
    }
    known.append(Sample(at: at, value: value))
    if known.count > Self.kept + 1 { known.removeFirst() }
    samples[counter] = known
  }

  /// By the second, over the last few seconds; `nil` where that is not known yet.
  func rate(_ counter: String) -> Double? {
    guard let known = samples[counter], let last = known.last, known.count > 1 else { return nil }
    let first = known.dropLast().last { last.at - $0.at >= Self.window } ?? known[0]
    return Self.rate(first, last)
  }

  /// By the second, between each two samples that are kept, the oldest first.
  func recent(_ counter: String) -> [Double] {
    guard let known = samples[counter] else { return [] }
    return zip(known, known.dropFirst()).map { Self.rate($0, $1) }
  }

  private static func rate(_ first: Sample, _ last: Sample) -> Double {
    let seconds = (last.at - first.at) / .seconds(1)
    return seconds > 0 ? (last.value - first.value) / seconds : 0
  }
}
