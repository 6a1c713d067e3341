#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A point in time, in microseconds since 1970-01-01T00:00:00Z, of the years 1 to 9999 in UTC.
///
/// It is read and written as RFC 3339 in UTC without going through a date library: every event on the
/// wire carries one. RFC 3339 has four digits for the year, so no other time can be written and read back.
public struct Timestamp: Sendable, Hashable, Comparable {
  /// What ``microseconds`` can be: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z.
  public static let range: ClosedRange<Int64> = -62_135_596_800_000_000...253_402_300_799_999_999

  /// Microseconds since 1970-01-01T00:00:00Z, in ``range``.
  public let microseconds: Int64

  /// A time from microseconds since 1970-01-01T00:00:00Z; the nearest end of ``range`` where they are outside of it.
  public init(microseconds: Int64) {
    self.microseconds = min(max(microseconds, Self.range.lowerBound), Self.range.upperBound)
  }

  /// A time from microseconds since 1970-01-01T00:00:00Z; `nil` where they are outside of ``range``.
  public init?(exactly microseconds: Int64) {
    guard Self.range.contains(microseconds) else { return nil }
    self.microseconds = microseconds
  }

  /// The system's clock, which may step in either direction.
  public static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    // A clock that is set beyond the range stands at its end.
    let seconds = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000)
    guard !seconds.overflow else { return Timestamp(microseconds: time.tv_sec < 0 ? .min : .max) }
    return Timestamp(microseconds: seconds.partialValue &+ Int64(time.tv_nsec) / 1000)
  }

  /// Earlier before later.
  public static func < (a: Timestamp, b: Timestamp) -> Bool {
    a.microseconds < b.microseconds
  }
}

extension Timestamp {
  private static let day: Int64 = 86_400_000_000

  /// A time on a day of the proleptic Gregorian calendar in UTC; `nil` where a part is out of range.
  public init?(
    year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0,
    microsecond: Int = 0
  ) {
    guard (1...9999).contains(year), (1...12).contains(month), (0...23).contains(hour),
      (0...59).contains(minute), (0...59).contains(second), (0...999_999).contains(microsecond),
      day >= 1, day <= Self.days(inMonth: month, of: year)
    else { return nil }
    let seconds =
      Self.days(toYear: year, month: month, day: day) * 86400
      + Int64(hour * 3600 + minute * 60 + second)
    self.init(microseconds: seconds * 1_000_000 + Int64(microsecond))
  }

  private static func days(inMonth month: Int, of year: Int) -> Int {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days from 1970-01-01, counting years from March so that the leap day comes last.
  private static func days(toYear year: Int, month: Int, day: Int) -> Int64 {
    let y = Int64(month <= 2 ? year - 1 : year)
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// The calendar date in UTC.
  private var date: (year: Int, month: Int, day: Int) {
    let days = Self.floorDivide(microseconds, Self.day) + 719_468
    let era = Self.floorDivide(days, 146_097)
    let dayOfEra = days - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let day = Int(dayOfYear - (153 * shifted + 2) / 5 + 1)
    let month = Int(shifted < 10 ? shifted + 3 : shifted - 9)
    return (Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month, day)
  }

  private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
    a >= 0 ? a / b : (a - b + 1) / b
  }

  /// Appends the form `2026-11-23T05:44:59.123456Z`, or without a fraction where it is zero.
  public func append(to bytes: inout [UInt8]) {
    appendDay(to: &bytes)
    let rest = microseconds - Self.floorDivide(microseconds, Self.day) * Self.day
    let seconds = Int(rest / 1_000_000)
    bytes.append(UInt8(ascii: "T"))
    appendDecimal(seconds / 3600, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    appendDecimal(seconds / 60 % 60, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    appendDecimal(seconds % 60, digits: 2, to: &bytes)
    let fraction = Int(rest % 1_000_000)
    if fraction != 0 {
      bytes.append(UInt8(ascii: "."))
      appendDecimal(fraction, digits: 6, to: &bytes)
    }
    bytes.append(UInt8(ascii: "Z"))
  }

  private func appendDay(to bytes: inout [UInt8]) {
    let (year, month, day) = date
    appendDecimal(year, digits: 4, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    appendDecimal(month, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    appendDecimal(day, digits: 2, to: &bytes)
  }

  /// Reads what ``init(utf8:)`` reads.
  public init?(_ text: String) {
    self.init(utf8: Array(text.utf8).span)
  }

  /// The day in UTC, as `2026-11-23`.
  public var utcDay: String {
    var bytes: [UInt8] = []
    appendDay(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Reads `2026-11-23T05:44:59Z` or `2026-11-23 05:44:59`, with an optional fraction of at most nine
  /// digits (kept to microseconds) and `Z`, nothing, or an offset such as `+01:00` at the end; `nil` where that is
  /// not what the bytes are, or where the time is outside of ``range`` in UTC.
  public init?(utf8 bytes: Span<UInt8>) {
    var reader = DigitReader(bytes)
    guard let year = reader.number(digits: 4), reader.skip("-"),
      let month = reader.number(digits: 2), reader.skip("-"),
      let day = reader.number(digits: 2), reader.skip("T") || reader.skip(" ") || reader.skip("t"),
      let hour = reader.number(digits: 2), reader.skip(":"),
      let minute = reader.number(digits: 2), reader.skip(":"),
      let second = reader.number(digits: 2)
    else { return nil }
    var microsecond = 0
    if reader.skip(".") {
      guard let fraction = reader.fraction() else { return nil }
      microsecond = fraction
    }
    guard let offset = reader.offset(), reader.isAtEnd,
      let time = Timestamp(
        year: year, month: month, day: day, hour: hour, minute: minute, second: second,
        microsecond: microsecond)
    else { return nil }
    // An offset can lead out of the years that have four digits.
    self.init(exactly: time.microseconds - offset * 60_000_000)
  }
}

extension Timestamp: CustomStringConvertible {
  /// The time as RFC 3339 in UTC.
  public var description: String {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

private func appendDecimal(_ value: Int, digits: Int, to bytes: inout [UInt8]) {
  var divisor = 1
  for _ in 1..<digits { divisor *= 10 }
  while divisor > 0 {
    bytes.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
    divisor /= 10
  }
}

private struct DigitReader: ~Escapable {
  private let bytes: Span<UInt8>
  private var index = 0

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
  }

  var isAtEnd: Bool { index == bytes.count }

  @_lifetime(self: copy self)
  mutating func digit() -> Int? {
    guard index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 else { return nil }
    defer { index += 1 }
    return Int(bytes[index] - 0x30)
  }

  @_lifetime(self: copy self)
  mutating func number(digits: Int) -> Int? {
    var value = 0
    for _ in 0..<digits {
      guard let digit = digit() else { return nil }
      value = value * 10 + digit
    }
    return value
  }

  @_lifetime(self: copy self)
  mutating func fraction() -> Int? {
    var value = 0
    var count = 0
    while let digit = digit() {
      guard count < 9 else { return nil }
      if count < 6 { value = value * 10 + digit }
      count += 1
    }
    guard count > 0 else { return nil }
    for _ in min(count, 6)..<6 { value *= 10 }
    return value
  }

  @_lifetime(self: copy self)
  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard index < bytes.count, UInt32(bytes[index]) == character.value else { return false }
    index += 1
    return true
  }

  /// Minutes east of UTC.
  @_lifetime(self: copy self)
  mutating func offset() -> Int64? {
    if isAtEnd || skip("Z") || skip("z") { return 0 }
    let sign: Int64
    if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
    guard let hours = number(digits: 2), skip(":"), let minutes = number(digits: 2),
      hours < 24, minutes < 60
    else { return nil }
    return sign * Int64(hours * 60 + minutes)
  }
}
