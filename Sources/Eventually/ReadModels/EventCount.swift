/// How many events come after some positions, up to others; the highest number there is, where a database says what can't be.
package func eventCount(from positions: [UInt64], through ends: [UInt64]) -> UInt64 {
  eventCount(zip(positions, ends).map { $1 - min($0, $1) })
}

/// The sum of some numbers of events, for example of how far the partitions of a store are.
package func eventCount(_ counts: [UInt64]) -> UInt64 {
  counts.reduce(0) { sum, count in
    let (total, isTooMuch) = sum.addingReportingOverflow(count)
    return isTooMuch ? .max : total
  }
}
