/// Looks through the text of strings eight bytes at a time.
enum JSONBytes {
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highs: UInt64 = 0x8080_8080_8080_8080

  /// Where text that needs no escape ends, from an index on: at a quote, a backslash, a control character, or the end.
  static func endOfPlainText(_ bytes: Span<UInt8>, from start: Int) -> Int {
    var index = start
    let raw = bytes.bytes
    while index + 8 <= bytes.count {
      let word = raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
      let special = specials(UInt64(littleEndian: word))
      if special != 0 { return index + special.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < bytes.count, !isSpecial(bytes[index]) { index += 1 }
    return index
  }

  /// Whether all bytes of a range are ASCII.
  static func isASCII(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var index = range.lowerBound
    let raw = bytes.bytes
    while index + 8 <= range.upperBound {
      if raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self) & highs != 0 {
        return false
      }
      index += 8
    }
    while index < range.upperBound {
      if bytes[index] >= 0x80 { return false }
      index += 1
    }
    return true
  }

  private static func isSpecial(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  /// The highest bits of a word's special bytes. A byte is less than n where subtracting n borrows from its highest bit,
  /// which must not have been set; a borrow can make a byte behind a special one look so too, so only the first is certain.
  private static func specials(_ word: UInt64) -> UInt64 {
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5C)
    let less =
      ((word &- ones &* 0x20) & ~word) | ((quote &- ones) & ~quote)
      | ((backslash &- ones) & ~backslash)
    return less & highs
  }
}
