import Eventually
import Testing

/// What a request is to a store that has kept its key: every case there is.
@Suite struct RecordedKeyTests {
  private static let kept = Timestamp(microseconds: 1_000_000_000)

  private func recorded(_ number: UInt64?, _ request: Int?) -> RecordedKey<Int> {
    RecordedKey(last: nil, number: number, request: request, time: Self.kept)
  }

  @Test(arguments: [nil, 1, 2] as [Int?], [nil, 1, 2] as [Int?])
  func aRequestIsHeldAgainstTheFirstWhereBothAreKnown(_ first: Int?, _ second: Int?) {
    let isOther = first != nil && second != nil && first != second
    for lifetime in [nil, .seconds(10)] as [Duration?] {
      for age: Int64 in [-5_000_000, 0, 9_999_999, 10_000_000, 31_536_000_000_000] {
        let now = Timestamp(microseconds: Self.kept.microseconds + age)
        let isExpired = lifetime != nil && age >= 10_000_000
        let verdict = recorded(nil, first).verdict(
          number: nil, request: second, now: now, lifetime: lifetime)
        #expect(
          verdict == (isExpired ? .new : isOther ? .otherRequest : .repetition),
          "\(age) of \(String(describing: lifetime))")
        #expect(recorded(nil, first).isExpired(at: now, lifetime: lifetime) == isExpired)
        // A number never expires.
        for number: UInt64 in 4...6 {
          let verdict = recorded(5, first).verdict(
            number: number, request: second, now: now, lifetime: lifetime)
          let expected: RecordedKey<Int>.Verdict =
            number > 5 ? .new : number < 5 || !isOther ? .repetition : .otherRequest
          #expect(verdict == expected, "\(number)")
          #expect(!recorded(5, first).isExpired(at: now, lifetime: lifetime))
        }
      }
    }
  }

  @Test func timesAtTheEndsOfTheirRangeAreCompared() {
    let (first, last) = (
      Timestamp(microseconds: .min), Timestamp(microseconds: .max)
    )
    let key = RecordedKey<Int>(last: nil, number: nil, request: nil, time: first)
    #expect(key.isExpired(at: last, lifetime: .seconds(1)))
    let late = RecordedKey<Int>(last: nil, number: nil, request: nil, time: last)
    #expect(!late.isExpired(at: first, lifetime: .zero))
    #expect(!late.isExpired(at: first, lifetime: .seconds(Int64.max)))
  }

  /// It is kept in files: it must never change.
  @Test func aFingerprintIsAlwaysTheSame() {
    func hex(_ fingerprint: RequestFingerprint) -> String {
      fingerprint.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
    // FNV-1a of nothing, and of a part of one byte with its length behind it.
    #expect(hex(RequestFingerprint()) == "6c62272e07bb014262b821756295c58d")
    #expect(hex(RequestFingerprint([0x61])) == "d64aad8c4e061a572021bcd10a18ae1f")
    #expect(RequestFingerprint([1], [2, 3]) != RequestFingerprint([1, 2], [3]))
    #expect(RequestFingerprint([]) != RequestFingerprint())
    #expect(RequestFingerprint([], []) != RequestFingerprint([]))
  }
}
