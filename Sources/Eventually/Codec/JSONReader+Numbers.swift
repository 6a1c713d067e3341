extension JSONReader {
  /// Reads a whole number, however it is written: `200`, `200.0`, and `2e2` are the same.
  /// - Throws: ``JSONError`` where there is none, or one beyond 64 bits.
  @_lifetime(self: copy self)
  public mutating func integer() throws(JSONError) -> Int64 {
    skipSpace()
    let start = index
    let negative = skipByte(UInt8(ascii: "-"))
    let digits = index
    var value: Int64 = 0
    var fits = true
    while fits, index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 {
      let digit = Int64(bytes[index] - 0x30)
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow2) =
        negative
        ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
      fits = !overflow && !overflow2
      value = sum
      index += 1
    }
    let leadingZero = index - digits > 1 && bytes[digits] == UInt8(ascii: "0")
    guard index > digits, !leadingZero else {
      throw JSONError("expected a whole number", at: start)
    }
    if fits, index == bytes.count || !isFraction(bytes[index]) { return value }
    return try integer(from: start)
  }

  /// Reads a whole number that has a fraction or an exponent, or many digits.
  @inline(never)
  @_lifetime(self: copy self)
  private mutating func integer(from start: Int) throws(JSONError) -> Int64 {
    index = start
    try skipNumber()
    let number = bytes.extracting(start..<index)
    guard let whole = JSONNumber.whole(number), let value = Int64(exactly: whole) else {
      throw JSONError("expected a whole number of at most 64 bits", at: start)
    }
    return value
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
