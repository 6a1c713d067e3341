/// A stream's name as a key: by the bytes where it is a string, else by its own `==`.
struct StreamKey<StreamID: Hashable & Sendable>: Hashable, Sendable {
  let id: StreamID

  init(_ id: StreamID) {
    self.id = id
  }

  static func == (a: StreamKey, b: StreamKey) -> Bool {
    if StreamID.self == String.self, let a = a.id as? String, let b = b.id as? String {
      return a.hasSameBytes(as: b)
    }
    return a.id == b.id
  }

  func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

/// Text as a key: equal where the UTF-8 bytes are, as in a database and on a bus.
///
/// `==` of strings goes by canonical equivalence: an `é` of one character is an `é` of two, but they are two keys everywhere
/// else. Stream ids, the keys of read models, types of events and idempotency keys are looked up by this.
public struct ByteKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The text.
  public let text: String

  /// The key with the bytes of `text`.
  @inlinable public init(_ text: String) {
    self.text = text
  }

  /// The text.
  public var description: String { text }

  /// Whether the bytes are the same.
  @inlinable public static func == (a: ByteKey, b: ByteKey) -> Bool {
    a.text.hasSameBytes(as: b.text)
  }

  /// The order of the bytes, which is SQLite's.
  public static func < (a: ByteKey, b: ByteKey) -> Bool {
    a.text.utf8.lexicographicallyPrecedes(b.text.utf8)
  }

  /// Hashes the bytes.
  @inlinable public func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    // No text is the beginning of another one with what is hashed next.
    hasher.combine(0xFF as UInt8)
  }
}
