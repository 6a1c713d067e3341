/// Reads JSON straight from bytes, value by value, without building a tree.
///
/// ```swift
/// var reader = JSONReader(bytes)
/// try reader.beginObject()
/// while let key = try reader.nextKey() {
///   if reader.isKey(key, "quantity") { quantity = try reader.integer() } else { try reader.skip() }
/// }
/// try reader.finish()
/// ```
public struct JSONReader: ~Escapable {
  private let bytes: Span<UInt8>
  private var index = 0
  /// Whether a member or element has been read from the innermost object or array.
  private var atFirst = true

  /// A reader at the beginning of `bytes`.
  @_lifetime(copy bytes)
  public init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
  }

  /// Reads the beginning of an object.
  @_lifetime(self: copy self)
  public mutating func beginObject() throws(JSONError) {
    try expect(UInt8(ascii: "{"), "an object")
    atFirst = true
  }

  /// Reads the beginning of an array.
  @_lifetime(self: copy self)
  public mutating func beginArray() throws(JSONError) {
    try expect(UInt8(ascii: "["), "an array")
    atFirst = true
  }

  /// Reads the name of the next member and the colon; `nil` at the object's end.
  @_lifetime(self: copy self)
  public mutating func nextKey() throws(JSONError) -> Range<Int>? {
    guard try next(orEnd: UInt8(ascii: "}")) else { return nil }
    let (range, _) = try stringRange()
    try expect(UInt8(ascii: ":"), "':'")
    return range
  }

  /// Whether the array has one more element, which is read next.
  @_lifetime(self: copy self)
  public mutating func nextElement() throws(JSONError) -> Bool {
    try next(orEnd: UInt8(ascii: "]"))
  }

  /// Whether a member's name, as ``nextKey()`` returned it, is `name`.
  public func isKey(_ key: Range<Int>, _ name: StaticString) -> Bool {
    guard key.count == name.utf8CodeUnitCount else { return false }
    for offset in 0..<key.count
    where bytes[key.lowerBound + offset] != name.utf8Start[offset] {
      return false
    }
    return true
  }

  /// A member's name as a string, for messages.
  public func name(_ key: Range<Int>) -> String {
    bytes.extracting(key).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }

  /// Reads a string.
  @_lifetime(self: copy self)
  public mutating func string() throws(JSONError) -> String {
    let start = index
    let (range, form) = try stringRange()
    if form == .escaped { return try unescape(range) }
    let text = bytes.extracting(range).withUnsafeBufferPointer { utf8 in
      // To validate costs several times as much as to copy, and ASCII has nothing to validate.
      form == .ascii
        ? String(decoding: utf8, as: UTF8.self) : String(validating: utf8, as: UTF8.self)
    }
    guard let text else { throw JSONError("text that is not UTF-8", at: start) }
    return text
  }

  /// What a string's bytes hold.
  private enum StringForm {
    case ascii, unicode, escaped
  }

  /// Reads a string that holds no escapes and gives its place in the bytes.
  @_lifetime(self: copy self)
  public mutating func plainString() throws(JSONError) -> Range<Int> {
    let start = index
    let (range, form) = try stringRange()
    if form == .escaped { throw JSONError("an escape where none is allowed", at: start) }
    return range
  }

  /// The bytes at a place that this reader gave.
  public func slice(_ range: Range<Int>) -> [UInt8] {
    bytes.extracting(range).withUnsafeBufferPointer { Array($0) }
  }

  /// Reads a string, or `nil` where there is `null`.
  @_lifetime(self: copy self)
  public mutating func stringOrNull() throws(JSONError) -> String? {
    skipSpace()
    if index < bytes.count, bytes[index] == UInt8(ascii: "n") {
      try skip()
      return nil
    }
    return try string()
  }

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
    guard index > digits, !leadingZero, index == bytes.count || !isFraction(bytes[index]) else {
      throw JSONError("expected a whole number", at: start)
    }
    return value
  }

  /// Reads over a value of any kind, and gives its place in the bytes.
  @discardableResult
  @_lifetime(self: copy self)
  public mutating func skip() throws(JSONError) -> Range<Int> {
    skipSpace()
    let start = index
    var depth = 0
    repeat {
      skipSpace()
      guard index < bytes.count else { throw JSONError("unexpected end", at: index) }
      switch bytes[index] {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        if depth > 128 { throw JSONError("nested too deeply", at: index) }
        index += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        index += 1
      case UInt8(ascii: ","), UInt8(ascii: ":"):
        if depth == 0 { throw JSONError("expected a value", at: index) }
        index += 1
      case UInt8(ascii: "\""):
        _ = try stringRange()
      default:
        let word = index
        while index < bytes.count, isWord(bytes[index]) { index += 1 }
        if index == word { throw JSONError("expected a value", at: index) }
      }
    } while depth > 0
    if depth < 0 { throw JSONError("expected a value", at: start) }
    return start..<index
  }

  /// Makes sure that nothing but white space is left.
  @_lifetime(self: copy self)
  public mutating func finish() throws(JSONError) {
    skipSpace()
    if index < bytes.count { throw JSONError("more than one value", at: index) }
  }

  // MARK: - Parts

  @_lifetime(self: copy self)
  private mutating func skipSpace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x0A, 0x0D, 0x09: index += 1
      default: return
      }
    }
  }

  @_lifetime(self: copy self)
  private mutating func expect(_ byte: UInt8, _ what: String) throws(JSONError) {
    skipSpace()
    guard index < bytes.count, bytes[index] == byte else {
      throw JSONError("expected \(what)", at: index)
    }
    index += 1
  }

  @_lifetime(self: copy self)
  private mutating func next(orEnd end: UInt8) throws(JSONError) -> Bool {
    skipSpace()
    guard index < bytes.count else { throw JSONError("unexpected end", at: index) }
    if bytes[index] == end {
      index += 1
      atFirst = false
      return false
    }
    if !atFirst {
      guard bytes[index] == UInt8(ascii: ",") else { throw JSONError("expected ','", at: index) }
      index += 1
      skipSpace()
    }
    atFirst = false
    return true
  }

  @_lifetime(self: copy self)
  private mutating func stringRange() throws(JSONError) -> (Range<Int>, StringForm) {
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

  private func unescape(_ range: Range<Int>) throws(JSONError) -> String {
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
        output.append(contentsOf: String(Character(scalar)).utf8)
        at += length
        continue
      default: throw JSONError("an unknown escape", at: at)
      }
      at += 2
    }
    guard let text = String(validating: output, as: UTF8.self) else {
      throw JSONError("text that is not UTF-8", at: range.lowerBound)
    }
    return text
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
      guard let digit = Character(Unicode.Scalar(bytes[at + offset])).hexDigitValue else {
        throw JSONError("a \\u escape that is not hexadecimal", at: at)
      }
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}

private func isFraction(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: ".") || byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E")
}

private func isWord(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
    true
  default: false
  }
}

/// Bytes are not the JSON that was expected.
public struct JSONError: Error, Sendable, CustomStringConvertible {
  /// What is wrong.
  public var reason: String
  /// Where, in bytes from the beginning.
  public var offset: Int

  /// Something wrong at an offset.
  public init(_ reason: String, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  /// What happened, for people.
  public var description: String { "\(reason), at byte \(offset)" }
}
