extension JSONReader {
  /// What a string's bytes hold.
  enum StringForm {
    case ascii, unicode, escaped
  }

  /// Reads a string, and gives the place of what is between its quotes. Neither escapes nor UTF-8 are checked.
  @_lifetime(self: copy self)
  mutating func stringRange() throws(JSONError) -> (Range<Int>, StringForm) {
    try expect(UInt8(ascii: "\""), "a string")
    let start = index
    var isEscaped = false
    while true {
      index = JSONBytes.endOfPlainText(bytes, from: index)
      guard index < bytes.count else { throw JSONError("a string without an end", at: start) }
      switch bytes[index] {
      case UInt8(ascii: "\""):
        let range = start..<index
        index += 1
        if isEscaped { return (range, .escaped) }
        return (range, JSONBytes.isASCII(bytes, range) ? .ascii : .unicode)
      case UInt8(ascii: "\\"):
        isEscaped = true
        // Whatever comes next belongs to the escape, a quote say.
        guard index + 1 < bytes.count else {
          throw JSONError("a string without an end", at: start)
        }
        index += 2
      default: throw JSONError("a control character in a string", at: index)
      }
    }
  }

  /// Makes sure that a string that nobody takes is one: its escapes and its UTF-8.
  func validate(_ range: Range<Int>, _ form: StringForm) throws(JSONError) {
    if form == .ascii { return }
    if form == .escaped { _ = try unescape(range) }
    do {
      // Escapes are ASCII, so they part no sequence that is whole.
      _ = try UTF8Span(validating: bytes.extracting(range))
    } catch {
      throw JSONError("text that is not UTF-8", at: range.lowerBound)
    }
  }

  /// The bytes that a string with escapes stands for.
  func unescape(_ range: Range<Int>) throws(JSONError) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(range.count)
    var at = range.lowerBound
    while at < range.upperBound {
      guard bytes[at] == UInt8(ascii: "\\") else {
        output.append(bytes[at])
        at += 1
        continue
      }
      switch bytes[at + 1] {
      case UInt8(ascii: "n"): output.append(0x0A)
      case UInt8(ascii: "t"): output.append(0x09)
      case UInt8(ascii: "r"): output.append(0x0D)
      case UInt8(ascii: "b"): output.append(0x08)
      case UInt8(ascii: "f"): output.append(0x0C)
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(bytes[at + 1])
      case UInt8(ascii: "u"):
        let (scalar, length) = try unicodeEscape(at: at, end: range.upperBound)
        output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        at += length
        continue
      default: throw JSONError("an unknown escape", at: at)
      }
      at += 2
    }
    return output
  }

  /// The scalar that the escape at `at` stands for, and how many bytes it takes.
  private func unicodeEscape(
    at: Int, end: Int
  ) throws(JSONError) -> (Unicode.Scalar, length: Int) {
    let first = try hex(at: at + 2, end: end)
    if let scalar = Unicode.Scalar(first) { return (scalar, 6) }
    guard first < 0xDC00, at + 8 <= end, bytes[at + 6] == UInt8(ascii: "\\"),
      bytes[at + 7] == UInt8(ascii: "u")
    else { throw JSONError("half of a surrogate pair", at: at) }
    let second = try hex(at: at + 8, end: end)
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    else { throw JSONError("half of a surrogate pair", at: at) }
    return (scalar, 12)
  }

  private func hex(at: Int, end: Int) throws(JSONError) -> UInt32 {
    guard at + 4 <= end else { throw JSONError("a \\u escape that is too short", at: at) }
    var value: UInt32 = 0
    for offset in 0..<4 {
      let byte = bytes[at + offset]
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw JSONError("a \\u escape that is not hexadecimal", at: at)
      }
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}
