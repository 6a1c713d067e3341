/// The keys with which a topic's records are signed and verified: HMAC-SHA256 (RFC 2104).
///
/// The first key signs. A record is accepted where any of them verifies it, so a key is replaced by adding the new one in
/// second place everywhere, then moving it to the first, and removing the old one when no record that it signed is read
/// any more. A description never shows a key.
public struct TopicKeys: Sendable, Hashable {
  /// A key has at least this many bytes.
  public static let minimumSize = 32

  let keys: [[UInt8]]

  /// Keys of at least ``minimumSize`` bytes each, the signing one first.
  /// - Throws: ``TopicKeyError`` where there is none, or one is too short.
  public init(_ keys: [[UInt8]]) throws(TopicKeyError) {
    guard !keys.isEmpty else { throw .none }
    for (index, key) in keys.enumerated() where key.count < Self.minimumSize {
      throw .tooShort(number: index + 1, size: key.count)
    }
    self.keys = keys
  }

  /// Keys from the content of a file: one a line, without the white space at its ends; empty lines are passed over.
  /// - Throws: ``TopicKeyError``.
  public init(lines content: [UInt8]) throws(TopicKeyError) {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
    let lines = content.split(separator: UInt8(ascii: "\n")).map { line in
      Array(line.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
    try self.init(lines.filter { !$0.isEmpty })
  }
}

extension TopicKeys: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// How many keys there are.
  public var description: String { "\(keys.count) topic keys" }
  /// The same.
  public var debugDescription: String { description }
  /// Nothing of a key.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why keys can't be used.
public enum TopicKeyError: Error, Sendable, Equatable, CustomStringConvertible {
  /// There is no key.
  case none
  /// A key, counted from 1, has too few bytes.
  case tooShort(number: Int, size: Int)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .none:
      "there is no key: write one a line, of \(TopicKeys.minimumSize) bytes or more, as "
        + "'openssl rand -hex 32' makes them"
    case .tooShort(let number, let size):
      "key \(number) has \(size) bytes, and needs \(TopicKeys.minimumSize): use one that "
        + "'openssl rand -hex 32' makes"
    }
  }
}
