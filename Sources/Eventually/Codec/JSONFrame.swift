/// An object or an array that a ``JSONReader`` is inside of.
struct JSONFrame {
  enum Kind {
    case document, object, array
  }

  var kind: Kind
  /// Whether no member or element of it has been read.
  var isAtFirst = true
  /// Whether it is in another one whose members are read one by one.
  let isNested: Bool
  /// Whether the names of its members are kept.
  var keepsNames = false
  /// Whether it has been read before: there are no two members of one name.
  var isRead = false
  /// Where its content begins.
  let start: Int
  /// A bit for each name that it may have had.
  private var filter: (low: UInt64, high: UInt64) = (0, 0)

  init(_ kind: Kind, at start: Int = 0, isNested: Bool = false) {
    self.kind = kind
    self.start = start
    self.isNested = isNested
  }

  /// Notes a name, and tells whether the object may have had it before: false is certain.
  mutating func mayHave(_ name: Range<Int>, in bytes: Span<UInt8>) -> Bool {
    // The quote behind it stands for the last byte of an empty one.
    let first = UInt32(bytes[name.lowerBound])
    let last = UInt32(bytes[max(name.lowerBound, name.upperBound &- 1)])
    let mixed = UInt32(truncatingIfNeeded: name.count) | first << 8 | last << 16
    let hash = (mixed &* 0x9E37_79B1) >> 25
    let bit: UInt64 = 1 &<< UInt64(hash & 63)
    let isLow: UInt64 = hash < 64 ? .max : 0
    let (low, high) = (bit & isLow, bit & ~isLow)
    let found = (filter.low & low) | (filter.high & high)
    filter.low |= low
    filter.high |= high
    return found != 0
  }
}

/// The names of an object's members: a few as places in the bytes, many as a set.
struct JSONNames {
  private var few: [Range<Int>] = []
  private var many: Set<[UInt8]> = []

  /// Adds a name without an escape; false where it was there.
  mutating func insert(_ name: Range<Int>, of bytes: Span<UInt8>) -> Bool {
    guard many.isEmpty, few.count < 32 else { return insert(Self.slice(name, bytes), of: bytes) }
    for range in few where range.count == name.count {
      var isEqual = true
      for offset in 0..<name.count
      where bytes[range.lowerBound + offset] != bytes[name.lowerBound + offset] {
        isEqual = false
        break
      }
      if isEqual { return false }
    }
    few.append(name)
    return true
  }

  /// Adds a name of any bytes; false where it was there.
  mutating func insert(_ name: [UInt8], of bytes: Span<UInt8>) -> Bool {
    for range in few { many.insert(Self.slice(range, bytes)) }
    few = []
    return many.insert(name).inserted
  }

  private static func slice(_ range: Range<Int>, _ bytes: Span<UInt8>) -> [UInt8] {
    bytes.extracting(range).withUnsafeBufferPointer { Array($0) }
  }
}

/// What a ``JSONReader`` needs only for documents that are nested, or have members whose names are kept.
final class JSONNotes {
  /// The objects and arrays around the innermost one, from the outside.
  var outer: [JSONFrame] = []
  /// The kept names, by where their object begins.
  var names: [Int: JSONNames] = [:]
  /// What the name stands for that was read last with an escape in it.
  var escapedName: [UInt8] = []
}
