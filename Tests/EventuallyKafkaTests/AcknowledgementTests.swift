import Eventually
import Testing

@testable import EventuallyKafka

@Suite struct AcknowledgementTests {
  /// Whatever comes in whatever order, what is told of a record is true, and there are no more runs than there may be.
  @Test(arguments: 0..<16 as Range<UInt64>)
  func whatIsToldIsTrue(_ seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let partitions: Partition = seed % 2 == 0 ? 4_096 : 2
    let count = seed % 4 < 2 ? 3_000 : 40_000
    var acknowledgements = Acknowledgements(partitionCount: partitions)
    var list: [UInt64: (offset: Int64, time: Timestamp)] = [:]
    var (position, offset, time): (UInt64, Int64, Int64) = (0, 7, 1_000)
    for _ in 0..<count {
      position += random.next() % 50 == 0 ? 2 : 1
      // A transaction's mark, another one's record.
      offset += random.next() % 20 == 0 ? 2 : 1
      if random.next() % 3 == 0 { time += Int64(random.next() % 1_000) }
      let told = random.next() % 100 == 0 ? -1_001 : offset
      list[position] = (told, Timestamp(microseconds: time))
      acknowledgements.note(position, in: 1, offset: told, at: Timestamp(microseconds: time))
    }
    var found = 0
    var wrong: [String] = []
    // Some of them where there are many runs, which a look-up goes through.
    let step = partitions == 2 ? UInt64(count / 500) : 1
    for (position, expected) in list where position % step == 0 {
      guard
        let told = acknowledgements.find(position, in: 1, now: Timestamp(microseconds: time))
      else { continue }
      found += 1
      if told.offset != (expected.offset < 0 ? nil : expected.offset)
        || !told.times.contains(expected.time)
      {
        wrong.append("\(told) for \(expected)")
      }
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(3))")
    #expect(found > 0)
    #expect(acknowledgements.find(position + 1, in: 1, now: Timestamp(microseconds: time)) == nil)
    #expect(acknowledgements.find(position, in: 0, now: Timestamp(microseconds: time)) == nil)
    #expect(acknowledgements.runCount <= Acknowledgements.limit)
  }

  @Test func theNewestAreExactAndAnHourIsEnough() {
    var acknowledgements = Acknowledgements(partitionCount: 8)
    for number in 1...100_000 as ClosedRange<UInt64> {
      acknowledgements.note(
        number, in: 3, offset: Int64(number), at: Timestamp(microseconds: Int64(number) * 1_000))
    }
    let now = Timestamp(microseconds: 100_000_000)
    for number in 99_500...100_000 as ClosedRange<UInt64> {
      let time = Timestamp(microseconds: Int64(number) * 1_000)
      #expect(
        acknowledgements.find(number, in: 3, now: now)
          == Acknowledgement(offset: Int64(number), times: time...time))
    }
    #expect(acknowledgements.find(1, in: 3, now: now)?.offset == 1)
    let later = Timestamp(microseconds: 100_000_000 + 3_600_000_001)
    #expect(acknowledgements.find(100_000, in: 3, now: later) == nil)
  }

  /// A record that was sent twice: the topic has it where the last one is.
  @Test func aRepeatedRecordIsTheLastOne() {
    var acknowledgements = Acknowledgements(partitionCount: 1)
    let time = Timestamp(microseconds: 1)
    for (position, offset) in [(1, 0), (2, 1), (1, 2), (2, 3)] as [(UInt64, Int64)] {
      acknowledgements.note(position, in: 0, offset: offset, at: time)
    }
    #expect(acknowledgements.find(2, in: 0, now: time)?.offset == 3)
  }
}
