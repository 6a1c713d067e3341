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
///
/// It accepts what RFC 8259 does and nothing else, in the values that are passed over too. Beyond that it refuses an
/// object with two members of one name, a byte order mark, and half of a surrogate pair; values that are passed over
/// are nested at most 128 deep.
public struct JSONReader: ~Copyable, ~Escapable {
  let bytes: Span<UInt8>
  var index = 0
  /// The innermost object or array that is being read.
  private var frame = JSONFrame(.document)
  /// Where the name begins that was read last with an escape in it.
  private var escapedKey = -1
  /// What only some documents need.
  private var notes: JSONNotes?

  /// A reader at the beginning of `bytes`.
  @_lifetime(copy bytes)
  public init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
  }

  /// Reads the beginning of an object.
  @_lifetime(self: copy self)
  public mutating func beginObject() throws(JSONError) {
    try expect(UInt8(ascii: "{"), "an object")
    begin(.object)
  }

  /// Reads the beginning of an array.
  @_lifetime(self: copy self)
  public mutating func beginArray() throws(JSONError) {
    try expect(UInt8(ascii: "["), "an array")
    begin(.array)
  }

  /// Reads the name of the next member and the colon; `nil` at the object's end.
  /// - Throws: ``JSONError`` where the object has had a member of that name already.
  @_lifetime(self: copy self)
  public mutating func nextKey() throws(JSONError) -> Range<Int>? {
    if let key = try nextName() { return key }
    end()
    return nil
  }

  /// Whether the array has one more element, which is read next.
  @_lifetime(self: copy self)
  public mutating func nextElement() throws(JSONError) -> Bool {
    if try next(orEnd: UInt8(ascii: "]")) { return true }
    end()
    return false
  }

  /// Whether a member's name, as ``nextKey()`` returned it last, is `name`.
  public func isKey(_ key: Range<Int>, _ name: StaticString) -> Bool {
    if key.lowerBound == escapedKey, let notes {
      return notes.escapedName.elementsEqual(
        UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }
    guard key.count == name.utf8CodeUnitCount else { return false }
    for offset in 0..<key.count
    where bytes[key.lowerBound + offset] != name.utf8Start[offset] {
      return false
    }
    return true
  }

  /// A member's name, as ``nextKey()`` returned it last, as a string.
  public func name(_ key: Range<Int>) -> String {
    if key.lowerBound == escapedKey, let notes {
      return String(decoding: notes.escapedName, as: UTF8.self)
    }
    return bytes.extracting(key).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }

  /// Reads a string.
  @_lifetime(self: copy self)
  public mutating func string() throws(JSONError) -> String {
    let start = index
    let (range, form) = try stringRange()
    if form == .escaped {
      guard let text = String(validating: try unescape(range), as: UTF8.self) else {
        throw JSONError("text that is not UTF-8", at: start)
      }
      return text
    }
    let text = bytes.extracting(range).withUnsafeBufferPointer { utf8 in
      // To validate costs several times as much as to copy, and ASCII has nothing to validate.
      form == .ascii
        ? String(decoding: utf8, as: UTF8.self) : String(validating: utf8, as: UTF8.self)
    }
    guard let text else { throw JSONError("text that is not UTF-8", at: start) }
    return text
  }

  /// Reads a string that holds no escapes and gives its place in the bytes.
  @_lifetime(self: copy self)
  public mutating func plainString() throws(JSONError) -> Range<Int> {
    let start = index
    let (range, form) = try stringRange()
    if form == .escaped { throw JSONError("an escape where none is allowed", at: start) }
    try validate(range, form)
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
    guard index < bytes.count, bytes[index] == UInt8(ascii: "n") else { return try string() }
    try literal("null")
    return nil
  }

  /// Reads over a value of any kind, and gives its place in the bytes.
  @discardableResult
  @_lifetime(self: copy self)
  public mutating func skip() throws(JSONError) -> Range<Int> {
    skipSpace()
    let start = index
    try skipValue(depth: 0)
    return start..<index
  }

  /// Makes sure that all objects and arrays were read to their ends, and that nothing but white space is left.
  @_lifetime(self: copy self)
  public mutating func finish() throws(JSONError) {
    skipSpace()
    if index < bytes.count { throw JSONError("more than one value", at: index) }
    if frame.kind != .document { throw JSONError("unexpected end", at: index) }
  }

  // MARK: - Objects and arrays

  @_lifetime(self: copy self)
  private mutating func begin(_ kind: JSONFrame.Kind) {
    let isNested = frame.kind != .document
    if isNested { makeNotes().outer.append(frame) }
    frame = JSONFrame(kind, at: index, isNested: isNested)
  }

  @_lifetime(self: copy self)
  private mutating func end() {
    if frame.keepsNames { notes?.names[frame.start] = nil }
    if frame.isNested, let around = notes?.outer.popLast() {
      frame = around
    } else {
      frame.kind = .document
    }
  }

  @_lifetime(self: copy self)
  private mutating func makeNotes() -> JSONNotes {
    if let notes { return notes }
    let made = JSONNotes()
    notes = made
    return made
  }

  @_lifetime(self: copy self)
  private mutating func nextName() throws(JSONError) -> Range<Int>? {
    guard try next(orEnd: UInt8(ascii: "}")) else { return nil }
    let (range, form) = try stringRange()
    try validate(range, form)
    try expect(UInt8(ascii: ":"), "':'")
    if form == .escaped {
      escapedKey = range.lowerBound
      makeNotes().escapedName = try unescape(range)
    }
    if frame.isRead { return range }
    if frame.mayHave(range, in: bytes) || form == .escaped || frame.keepsNames { try keep(range) }
    return range
  }

  /// Keeps the name of a member, where the filter alone can't tell that the object has not had it.
  @inline(never)
  @_lifetime(self: copy self)
  private mutating func keep(_ range: Range<Int>) throws(JSONError) {
    let notes = makeNotes()
    if !frame.keepsNames {
      frame.keepsNames = true
      notes.names[frame.start] = try earlierNames(before: range.lowerBound)
    }
    let isNew =
      range.lowerBound == escapedKey
      ? notes.names[frame.start, default: JSONNames()].insert(notes.escapedName, of: bytes)
      : notes.names[frame.start, default: JSONNames()].insert(range, of: bytes)
    if !isNew { throw JSONError("two members of one name", at: range.lowerBound) }
  }

  /// The names of the members that the object has had, none of which has an escape.
  private func earlierNames(before place: Int) throws(JSONError) -> JSONNames {
    var names = JSONNames()
    var reader = JSONReader(bytes)
    reader.index = frame.start
    reader.frame = JSONFrame(.object, at: frame.start)
    reader.frame.isRead = true
    while let range = try reader.nextName(), range.lowerBound < place {
      _ = names.insert(range, of: bytes)
      try reader.skipValue(depth: 0)
    }
    return names
  }

  @_lifetime(self: copy self)
  private mutating func next(orEnd end: UInt8) throws(JSONError) -> Bool {
    skipSpace()
    guard index < bytes.count else { throw JSONError("unexpected end", at: index) }
    if bytes[index] == end {
      index += 1
      return false
    }
    if !frame.isAtFirst {
      guard bytes[index] == UInt8(ascii: ",") else { throw JSONError("expected ','", at: index) }
      index += 1
      skipSpace()
    }
    frame.isAtFirst = false
    return true
  }

  @_lifetime(self: copy self)
  private mutating func skipValue(depth: Int) throws(JSONError) {
    skipSpace()
    guard index < bytes.count else { throw JSONError("unexpected end", at: index) }
    switch bytes[index] {
    case UInt8(ascii: "\""):
      let (range, form) = try stringRange()
      try validate(range, form)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      if depth == 128 { throw JSONError("nested too deeply", at: index) }
      let isObject = bytes[index] == UInt8(ascii: "{")
      index += 1
      let around = frame
      frame = JSONFrame(isObject ? .object : .array, at: index)
      frame.isRead = around.isRead
      if isObject {
        while try nextName() != nil { try skipValue(depth: depth + 1) }
      } else {
        while try next(orEnd: UInt8(ascii: "]")) { try skipValue(depth: depth + 1) }
      }
      if frame.keepsNames { notes?.names[frame.start] = nil }
      frame = around
    case UInt8(ascii: "t"): try literal("true")
    case UInt8(ascii: "f"): try literal("false")
    case UInt8(ascii: "n"): try literal("null")
    default: try skipNumber()
    }
  }

  // MARK: - Parts

  @inline(__always)
  @_lifetime(self: copy self)
  mutating func skipSpace() {
    // Mostly there is none.
    while index < bytes.count, bytes[index] <= 0x20, isSpace(bytes[index]) { index += 1 }
  }

  @inline(__always)
  @_lifetime(self: copy self)
  mutating func expect(_ byte: UInt8, _ what: StaticString) throws(JSONError) {
    skipSpace()
    guard index < bytes.count, bytes[index] == byte else {
      throw JSONError("expected \(what)", at: index)
    }
    index += 1
  }

  @_lifetime(self: copy self)
  private mutating func literal(_ word: StaticString) throws(JSONError) {
    guard bytes.count - index >= word.utf8CodeUnitCount else {
      throw JSONError("expected a value", at: index)
    }
    for offset in 0..<word.utf8CodeUnitCount
    where bytes[index + offset] != word.utf8Start[offset] {
      throw JSONError("expected a value", at: index)
    }
    index += word.utf8CodeUnitCount
  }
}

private func isSpace(_ byte: UInt8) -> Bool {
  byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
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

  /// What is wrong, and where.
  public var description: String { "\(reason), at byte \(offset)" }
}
