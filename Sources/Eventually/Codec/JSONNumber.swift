/// Whole numbers in JSON, however they are written: `2.0` and `1e17` are whole.
package enum JSONNumber {
  /// The whole number that a JSON number stands for, exactly; `nil` where it has a fraction, or doesn't fit.
  /// - Parameter bytes: a number as RFC 8259 has it, without space around it.
  package static func whole(_ bytes: Span<UInt8>) -> Int128? {
    var value: Int128 = 0
    var zeros = 0
    var scale = 0
    var isFraction = false
    var index = 0
    scan: while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "-"): break
      case UInt8(ascii: "."): isFraction = true
      case UInt8(ascii: "e"), UInt8(ascii: "E"):
        scale += exponent(bytes, from: index + 1)
        break scan
      case let byte:
        if isFraction { scale -= 1 }
        // Zeros count once another digit comes behind them: there may be any number.
        zeros += 1
        guard byte != UInt8(ascii: "0") else { break }
        guard let shifted = shift(value, zeros) else { return nil }
        let (sum, isBeyond) = shifted.addingReportingOverflow(
          Int128(byte) - Int128(UInt8(ascii: "0")))
        guard !isBeyond else { return nil }
        value = sum
        zeros = 0
      }
      index += 1
    }
    if value == 0 { return 0 }
    // The last digit of the value is not 0.
    guard zeros + scale >= 0, let magnitude = shift(value, zeros + scale) else { return nil }
    return bytes[0] == UInt8(ascii: "-") ? -magnitude : magnitude
  }

  /// The exponent, or one that is as much too large or too small.
  private static func exponent(_ bytes: Span<UInt8>, from start: Int) -> Int {
    var exponent = 0
    for index in start..<bytes.count where bytes[index] >= UInt8(ascii: "0") {
      exponent = min(exponent * 10 + Int(bytes[index] - UInt8(ascii: "0")), 1 << 40)
    }
    return start < bytes.count && bytes[start] == UInt8(ascii: "-") ? -exponent : exponent
  }

  /// A value with so many zeros behind it; `nil` where it doesn't fit.
  private static func shift(_ value: Int128, _ zeros: Int) -> Int128? {
    var value = value
    for _ in 0..<(value == 0 ? 0 : zeros) {
      let (product, isBeyond) = value.multipliedReportingOverflow(by: 10)
      guard !isBeyond else { return nil }
      value = product
    }
    return value
  }

  /// JSON with its large whole numbers written out: Foundation's decoder takes none from 2⁵³ on that has a fraction or an
  /// exponent. All other numbers stay as they are.
  /// - Parameter bytes: a JSON document.
  package static func withWholeNumbersWrittenOut(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    var copied = 0
    var index = 0
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        index += 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
          index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        index += 1
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        let start = index
        while index < bytes.count, isNumber(bytes[index]) { index += 1 }
        guard bytes[start..<index].contains(where: { ".eE".utf8.contains($0) }),
          let number = whole(bytes.span.extracting(start..<index)), number.magnitude >= 1 << 53,
          number.magnitude <= UInt128(UInt64.max)
        else { break }
        output += bytes[copied..<start] + Array("\(number)".utf8)
        copied = index
      default: index += 1
      }
    }
    return copied == 0 ? bytes : output + bytes[copied...]
  }

  private static func isNumber(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || "-+.eE".utf8.contains(byte)
  }
}
