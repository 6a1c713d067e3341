extension JSONReader {
  /// Reads a whole number.
  @_lifetime(self: copy self)
  public mutating func integer() throws(JSONError) -> Int64 {
    skipSpace()
    let start = index
    var negative = false
    if index < bytes.count, bytes[index] == UInt8(ascii: "-") {
      negative = true
      index += 1
    }
    let digits = index
    var value: Int64 = 0
    while index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 {
      let digit = Int64(bytes[index] - 0x30)
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow2) =
        negative
        ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
      if overflow || overflow2 { throw JSONError("a number beyond 64 bits", at: start) }
      value = sum
      index += 1
    }
    let leadingZero = index - digits > 1 && bytes[digits] == UInt8(ascii: "0")
    let end = index
    skipZeroFraction()
    guard end > digits, !leadingZero, index == bytes.count || !isFraction(bytes[index]) else {
      throw JSONError("expected a whole number", at: start)
    }
    return value
  }

  /// 2.0 is a whole number too, as JSON Schema has it.
  @_lifetime(self: copy self)
  private mutating func skipZeroFraction() {
    guard index + 1 < bytes.count, bytes[index] == UInt8(ascii: ".") else { return }
    var end = index + 1
    while end < bytes.count, bytes[end] == UInt8(ascii: "0") { end += 1 }
    let hasMore = end < bytes.count && bytes[end] >= 0x30 && bytes[end] <= 0x39
    if end > index + 1, !hasMore { index = end }
  }

  /// Reads over a number; the byte behind it is looked at by whoever reads on.
  @_lifetime(self: copy self)
  mutating func skipNumber() throws(JSONError) {
    let start = index
    _ = skipByte(UInt8(ascii: "-"))
    let digits = index
    guard skipDigits() else { throw JSONError("expected a value", at: start) }
    if index - digits > 1, bytes[digits] == UInt8(ascii: "0") {
      throw JSONError("a number that begins with 0", at: start)
    }
    if skipByte(UInt8(ascii: ".")), !skipDigits() {
      throw JSONError("a number without a digit behind its point", at: start)
    }
    if skipByte(UInt8(ascii: "e")) || skipByte(UInt8(ascii: "E")) {
      _ = skipByte(UInt8(ascii: "-")) || skipByte(UInt8(ascii: "+"))
      guard skipDigits() else { throw JSONError("a number without an exponent", at: start) }
    }
  }

  @_lifetime(self: copy self)
  private mutating func skipByte(_ byte: UInt8) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  /// Whether there was at least one.
  @_lifetime(self: copy self)
  private mutating func skipDigits() -> Bool {
    let start = index
    while index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 { index += 1 }
    return index > start
  }
}

private func isFraction(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: ".") || byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E")
}
