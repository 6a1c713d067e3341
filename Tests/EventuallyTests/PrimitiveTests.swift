import Foundation
import Testing

@testable import Eventually

@Suite struct PartitionerTests {
  /// The vectors of the Java client's own tests.
  @Test(
    arguments: [
      ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
      ("a-little-bit-longer-string", -1_486_304_829),
      ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
    ] as [(String, Int32)])
  func hashesAsTheJavaClientDoes(text: String, expected: Int32) {
    var text = text
    let hash = text.withUTF8 { murmur2(UnsafeRawBufferPointer($0)) }
    #expect(Int32(bitPattern: hash) == expected)
  }

  @Test func everyPartitionIsWithinRange() {
    let partitioner = Partitioner(count: 7)
    let seen = Set((0..<1000).map { partitioner.partition(of: "order-\($0)") })
    #expect(seen == Set(0..<7))
  }
}

@Suite struct TimestampTests {
  /// RFC 3339 has four digits for the year: a time outside of them could be written, but not read back.
  @Test(arguments: [
    "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:59.999999-00:01", "0001-01-01T00:00:00+01:00",
    "0001-01-01T00:00:00+00:01", "9999-12-31T00:01:01-23:59", "0000-12-31T23:59:59Z",
    "0000-12-31T23:59:59-23:59",
  ]) func refusesTimesThatAreOutOfRangeInUTC(text: String) {
    #expect(Timestamp(text) == nil)
  }

  @Test(arguments: [
    ("0001-01-01T00:00:00Z", Timestamp.range.lowerBound),
    ("0001-01-01T01:00:00+01:00", Timestamp.range.lowerBound),
    ("9999-12-31T23:59:59.999999Z", Timestamp.range.upperBound),
    ("9999-12-31T23:58:59.999999-00:01", Timestamp.range.upperBound),
  ]) func readsTheEndsOfItsRange(text: String, microseconds: Int64) throws {
    let time = try #require(Timestamp(text))
    #expect(time.microseconds == microseconds)
    #expect(Timestamp(time.description) == time)
  }

  @Test(arguments: [.min, .max, Timestamp.range.lowerBound - 1, Timestamp.range.upperBound + 1])
  func noTimeIsOutOfRange(microseconds: Int64) throws {
    #expect(Timestamp(exactly: microseconds) == nil)
    let nearest = Timestamp(microseconds: microseconds)
    #expect(Timestamp.range.contains(nearest.microseconds))
    #expect(Timestamp(nearest.description) == nearest)
    #expect(nearest.utcDay == (microseconds < 0 ? "0001-01-01" : "9999-12-31"))
  }

  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2010-12-01T08:26:00Z", 1_291_191_960_000_000),
      ("2024-02-29T23:59:59.123456Z", 1_709_251_199_123_456),
      ("1969-12-31T23:59:59.500000Z", -500_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
      ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
    ] as [(String, Int64)])
  func readsAndWrites(text: String, microseconds: Int64) {
    #expect(Timestamp(text)?.microseconds == microseconds)
    #expect(Timestamp(microseconds: microseconds).description == text)
  }

  @Test func readsOtherForms() {
    let expected = Timestamp("2010-12-01T08:26:00Z")
    #expect(Timestamp("2010-12-01 08:26:00") == expected)
    #expect(Timestamp("2010-12-01T09:26:00+01:00") == expected)
    #expect(Timestamp("2010-12-01T08:26:00.1Z")?.microseconds == 1_291_191_960_100_000)
    #expect(Timestamp("2010-12-01T08:26:00.123456789Z")?.microseconds == 1_291_191_960_123_456)
  }

  @Test(arguments: [
    "", "2010-12-01", "2010-13-01T00:00:00Z", "2010-02-29T00:00:00Z", "2010-12-01T24:00:00Z",
    "2010-12-01T08:26:00Zx", "2010-12-01T08:26:00.Z", "2010-12-01T08:26:00+1:00",
  ])
  func refuses(text: String) {
    #expect(Timestamp(text) == nil)
  }

  @Test func agreesWithFoundation() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let seconds = Int64.random(in: -2_000_000_000...4_000_000_000, using: &generator)
      let date = Date(timeIntervalSince1970: Double(seconds))
      let text = date.formatted(.iso8601)
      #expect(Timestamp(microseconds: seconds * 1_000_000).description == text)
      #expect(Timestamp(text)?.microseconds == seconds * 1_000_000)
    }
  }
}

@Suite struct EventIDTests {
  @Test func isAVersionSevenUUIDInOrderOfTime() throws {
    let early = EventID(time: Timestamp(microseconds: 1_700_000_000_000_000))
    let late = EventID(time: Timestamp(microseconds: 1_700_000_000_001_000))
    #expect(early.description < late.description)
    for id in [early, late] {
      let text = id.description
      let uuid = try #require(UUID(uuidString: text))
      #expect(uuid.uuid.6 >> 4 == 7)
      #expect(uuid.uuid.8 >> 6 == 2)
      let bytes = Array(text.utf8)
      #expect(EventID(utf8: bytes.span) == id)
      let upper = Array(text.uppercased().utf8)
      #expect(EventID(utf8: upper.span) == id)
    }
  }

  @Test(arguments: [
    "", "01a20725-31ba-7818-bdbe-1e31399fb5d", "01a20725x31ba-7818-bdbe-1e31399fb5de",
  ])
  func refuses(text: String) {
    let bytes = Array(text.utf8)
    #expect(EventID(utf8: bytes.span) == nil)
  }
}

@Suite struct EventIDSuccessorTests {
  @Test func successorsDifferAndStayVersionSeven() throws {
    let time = Timestamp(microseconds: 1_700_000_000_000_000)
    // Just before its random bits run over, and anywhere.
    for first in [EventID(time: time, random: 5, .max), EventID(time: time)] {
      var seen: Set<EventID> = [first]
      var id = first
      for _ in 0..<1000 {
        id = id.successor
        seen.insert(id)
        let uuid = try #require(UUID(uuidString: id.description))
        #expect(uuid.uuid.6 >> 4 == 7)
        #expect(uuid.uuid.8 >> 6 == 2)
        #expect(id.high >> 16 == first.high >> 16)
      }
      #expect(seen.count == 1001)
    }
  }
}

@Suite struct RetryPolicyTests {
  @Test func pausesGrowUpToTheLongest() {
    let policy = RetryPolicy(firstPause: .milliseconds(100), longestPause: .seconds(1))
    var generator = SystemRandomNumberGenerator()
    for (failures, longest) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (1000, 1000)] {
      let pause = policy.pause(afterFailures: failures, using: &generator)
      #expect(pause <= .milliseconds(longest))
      #expect(pause >= .milliseconds(longest / 2))
    }
  }
}

@Suite struct PositionSignalTests {
  @Test func wakesThoseWhoWaitForAnEarlierPosition() async {
    let signal = PositionSignal(at: 0)
    await withTaskGroup(of: Void.self) { group in
      for position in 0..<100 as Range<UInt64> {
        group.addTask { await signal.wait(past: position) }
      }
      for position in 1...100 as ClosedRange<UInt64> { signal.advance(to: position) }
      signal.advance(to: 5)
    }
    #expect(signal.position == 100)
  }
}

@Suite struct EventIDGeneratorTests {
  @Test func idsDifferAndFollowTime() {
    var generator = EventIDGenerator()
    var seen: Set<EventID> = []
    var before = ""
    for step in 0..<3_000 {
      // Three calls within each millisecond, each for two ids.
      let time = Timestamp(microseconds: 1_700_000_000_000_000 + Int64(step / 3) * 1_000)
      let id = generator.next(at: time, count: 2)
      for made in [id, id.successor] {
        #expect(seen.insert(made).inserted)
        #expect(made.description > before)
        before = made.description
      }
    }
  }
}
