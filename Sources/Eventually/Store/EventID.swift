/// A UUID of version 7 (RFC 9562): unique without coordination, and ordered by time of creation.
public struct EventID: Sendable, Hashable {
  /// The first eight bytes, big-endian.
  public let high: UInt64
  /// The last eight bytes, big-endian.
  public let low: UInt64

  /// An id from its sixteen bytes, taken as two big-endian numbers.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A new id for something that happens at `time`.
  public init(time: Timestamp) {
    var generator = SystemRandomNumberGenerator()
    self.init(time: time, random: generator.next(), generator.next())
  }

  /// The next id in the same millisecond, as unlikely to be anybody else's: for ids that are made together,
  /// instead of asking for random bits each time. It is larger, unless the random bits run over.
  public var successor: EventID {
    let random = low & 0x3FFF_FFFF_FFFF_FFFF
    return EventID(
      high: random == 0x3FFF_FFFF_FFFF_FFFF ? high ^ 1 : high,
      low: ((random &+ 1) & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000)
  }

  /// An id with the given random bits, of which 74 are used.
  init(time: Timestamp, random a: UInt64, _ b: UInt64) {
    let milliseconds = UInt64(max(0, time.microseconds / 1000)) & 0xFFFF_FFFF_FFFF
    high = milliseconds << 16 | 0x7000 | (a & 0x0FFF)
    low = (b & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
  }

  /// Reads the 36-character form with hyphens, in either case, without making a string.
  public init?(utf8 bytes: Span<UInt8>) {
    guard bytes.count == 36 else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for index in 0..<36 {
      if index == 8 || index == 13 || index == 18 || index == 23 {
        guard bytes[index] == UInt8(ascii: "-") else { return nil }
      } else {
        guard let digit = hexValue(bytes[index]) else { return nil }
        if index < 18 { high = high << 4 | digit } else { low = low << 4 | digit }
      }
    }
    self.init(high: high, low: low)
  }

  /// Appends the 36-character form to `bytes`.
  public func append(to bytes: inout [UInt8]) {
    appendHex(high >> 32, digits: 8, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    appendHex(high >> 16, digits: 4, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    appendHex(high, digits: 4, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    appendHex(low >> 48, digits: 4, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    appendHex(low, digits: 12, to: &bytes)
  }
}

/// Makes ids one after the other: random bits are asked for once a millisecond, and counted up within it (RFC 9562, method 2).
/// Asking the system for each id costs more than everything else that a store in memory does.
public struct EventIDGenerator: Sendable {
  private var last: EventID?

  /// A generator that has made nothing.
  public init() {}

  /// A new id for something that happens at `time`; the first of `count` that follow each other by
  /// ``EventID/successor``.
  public mutating func next(at time: Timestamp, count: Int = 1) -> EventID {
    var id = EventID(time: time, random: 0, 0)
    if let last, last.high >> 16 == id.high >> 16 {
      id = last.successor
    } else {
      id = EventID(time: time)
    }
    var end = id
    for _ in 1..<max(1, count) { end = end.successor }
    last = end
    return id
  }
}

extension EventID: CustomStringConvertible {
  /// The 36-character form.
  public var description: String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(36)
    append(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

private func hexValue(_ byte: UInt8) -> UInt64? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
  case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
  case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
  default: nil
  }
}

private func appendHex(_ value: UInt64, digits: Int, to bytes: inout [UInt8]) {
  for shift in stride(from: (digits - 1) * 4, through: 0, by: -4) {
    let digit = UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 0xF
    bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
  }
}
