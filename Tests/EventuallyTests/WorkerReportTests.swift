import Eventually
import Testing

@Suite struct AppliedRunTests {
  private func run(_ positions: ClosedRange<UInt64>, epoch: UInt64 = 1) -> AppliedRun {
    let time = Timestamp(microseconds: Int64(positions.upperBound))
    return AppliedRun(partition: 0, epoch: epoch, positions: positions, times: time...time)
  }

  /// However many batches there are, each place is in exactly one run that has its time, and there are few runs.
  @Test(arguments: [1, 5, 16, 17, 100, 4_000])
  func manyBatchesAreAFewRuns(_ count: UInt64) {
    var runs = AppliedRuns()
    for number in 1...count { runs.add(run(number...number)) }
    let taken = runs.take()
    #expect(taken.count <= AppliedRuns.limit)
    #expect(taken.first?.positions.lowerBound == 1 && taken.last?.positions.upperBound == count)
    for (one, next) in zip(taken, taken.dropFirst()) {
      #expect(one.positions.upperBound + 1 == next.positions.lowerBound)
    }
    for one in taken {
      #expect(one.times.lowerBound.microseconds == Int64(one.positions.lowerBound))
      #expect(one.times.upperBound.microseconds == Int64(one.positions.upperBound))
    }
    #expect(runs.take().isEmpty)
  }

  /// What does not follow, or is another lease's, is never joined.
  @Test func onlyNeighboursAreJoined() {
    var runs = AppliedRuns()
    for number in 1...100 as ClosedRange<UInt64> { runs.add(run(number * 2...number * 2)) }
    for one in runs.take() { #expect(one.positions.count == 1) }
    for number in 1...100 as ClosedRange<UInt64> { runs.add(run(number...number, epoch: number)) }
    let taken = runs.take()
    #expect(taken.count <= AppliedRuns.limit && taken.last?.positions == 100...100)
    for one in taken { #expect(one.positions.count == 1) }
  }
}

@Suite struct DurationHistogramTests {
  @Test func quantilesAreNearThoseOfTheSamples() {
    var generator = SeededRandom(seed: 7)
    var histogram = DurationHistogram()
    var samples: [Double] = []
    for _ in 0..<5_000 {
      let exponent = Double(generator.next() % 60_000) / 10_000
      var microseconds = 1.0
      for _ in 0..<Int(exponent) { microseconds *= 10 }
      microseconds *= 1 + 9 * (exponent - Double(Int(exponent)))
      samples.append(microseconds)
      histogram.add(microseconds: microseconds)
    }
    samples.sort()
    for share in [0.01, 0.5, 0.9, 0.99, 1] {
      let exact = samples[max(1, Int((5_000 * share).rounded(.up))) - 1] / 1e6
      let told = histogram.quantile(share) ?? 0
      #expect(abs(told - exact) / exact < 0.07, "\(share): \(told) for \(exact)")
    }
  }

  @Test func extremesAreCounted() {
    var histogram = DurationHistogram()
    #expect(histogram.quantile(0.5) == nil)
    for value in [-1, 0, .infinity, 1e300] { histogram.add(microseconds: value) }
    #expect(histogram.quantile(0.5) == 1e-6)
    #expect(histogram.quantile(1) == 1_000)
    #expect(histogram.since(histogram).quantile(0.5) == nil)
  }
}
