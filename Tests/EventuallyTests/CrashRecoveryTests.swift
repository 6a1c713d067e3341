import Eventually
import Testing

/// Processes that end while they work on some events, one after the other, over a read model that is a list of applied events.
private struct SimulatedWorkers {
  let deadly: Set<UInt64>
  let count: UInt64
  let limit: CrashLimit
  var position: UInt64 = 0
  var mark: CrashMark?
  var parked: [UInt64: Int] = [:]
  var deaths: [UInt64: Int] = [:]
  var applied: [UInt64] = []

  /// One process: batches of `batch` events, until it ends.
  /// - Parameter killedAt: the offset at which something else ends it.
  /// - Returns: whether it came to the end.
  mutating func run(batch: UInt64, killedAt: UInt64? = nil) -> Bool {
    if let recovery = CrashRecovery(
      after: position, applying: mark, decoding: nil, limit: limit)
    {
      while position < count {
        let next = position + 1
        switch recovery.next(next) {
        case .end: return runBatches(batch, killedAt)
        case .park(let deaths): parked[next] = deaths
        case .apply(let mark):
          self.mark = mark
          if deadly.contains(next) || killedAt == next {
            deaths[next, default: 0] += 1
            return false
          }
          applied.append(next)
        }
        position = next
      }
      return true
    }
    return runBatches(batch, killedAt)
  }

  private mutating func runBatches(_ batch: UInt64, _ killedAt: UInt64?) -> Bool {
    while position < count {
      let last = min(position + batch, count)
      mark = CrashMark(last, attempts: last == position + 1 ? 1 : 0)
      for offset in position + 1...last where deadly.contains(offset) || killedAt == offset {
        return false
      }
      applied += position + 1...last
      position = last
    }
    return true
  }
}

@Suite struct CrashRecoveryTests {
  /// All sets of deadly events among six, in batches of all sizes, with all limits up to four.
  @Test func justTheDeadlyEventsAreParked() {
    for deadly in 0..<64 as Range<UInt64> {
      let deadly = Set((1...6 as ClosedRange<UInt64>).filter { deadly >> ($0 - 1) & 1 == 1 })
      for batch in 1...7 as ClosedRange<UInt64> {
        for limit in 1...4 {
          var workers = SimulatedWorkers(
            deadly: deadly, count: 6, limit: CrashLimit(deaths: limit))
          var starts = 1
          while !workers.run(batch: batch) { starts += 1 }
          #expect(Set(workers.parked.keys) == deadly)
          #expect(workers.applied == (1...6).filter { !deadly.contains($0) })
          #expect(workers.parked.values.allSatisfy { $0 == limit })
          // A batch that ends the process tells of several events: one death more.
          #expect(starts <= 1 + deadly.count * (limit + 1))
        }
      }
    }
  }

  /// Whatever else ends processes, at most twice at the same event, parks nothing.
  @Test func anEventIsNotParkedForDeathsThatAreNotItsOwn() {
    for first in 1...6 as ClosedRange<UInt64> {
      for second in 1...6 as ClosedRange<UInt64> {
        for batch in 1...7 as ClosedRange<UInt64> {
          var workers = SimulatedWorkers(deadly: [], count: 6, limit: CrashLimit())
          for killedAt in [first, second] { _ = workers.run(batch: batch, killedAt: killedAt) }
          let isThrough = workers.run(batch: batch)
          #expect(isThrough)
          #expect(workers.parked.isEmpty)
          #expect(workers.applied == Array(1...6))
        }
      }
    }
  }

  @Test func whatWasAppliedIsNotInDoubt() {
    #expect(CrashRecovery(after: 7, applying: CrashMark(7, attempts: 1), decoding: nil) == nil)
    #expect(CrashRecovery(after: 0, applying: nil, decoding: nil) == nil)
    let decoding = CrashRecovery(
      after: 3, applying: CrashMark(3, attempts: 2), decoding: CrashMark(9, attempts: 1))
    #expect(decoding?.through == 9)
    #expect(decoding?.next(4) == CrashMark(4, attempts: 1).map { .apply($0) })
    #expect(decoding?.next(10) == .end)
  }

  @Test func aMarkIsOneWord() {
    #expect(CrashMark(word: 0) == nil)
    #expect(CrashMark(0, attempts: 1) == nil)
    #expect(CrashMark(1 << 56, attempts: 1) == nil)
    for offset in [1, 2, 1 << 40, 1 << 56 - 1] as [UInt64] {
      for attempts in [0, 1, 3, 255] {
        let mark = CrashMark(offset, attempts: attempts)
        #expect(mark.map { CrashMark(word: $0.word) } == mark)
      }
    }
    #expect(CrashMark(word: .max) == CrashMark(1 << 56 - 1, attempts: 255))
  }
}
