/// What tells one state of a resource from another (RFC 9110): `"3"`, or `W/"3"` where two with the same tag need not be the same
/// byte for byte.
struct EntityTag: Sendable, Hashable, CustomStringConvertible {
  /// The text between the quotes.
  let value: String
  var isWeak = false

  /// The tag of an entity at a version.
  init(version: UInt64) {
    value = "\(version)"
  }

  /// - Parameter value: printable ASCII without spaces and quotes.
  init(_ value: String, isWeak: Bool = false) {
    self.value = value
    self.isWeak = isWeak
  }

  var description: String { isWeak ? "W/\"\(value)\"" : "\"\(value)\"" }

  /// The version that the tag is of; `nil` where it is of none.
  var version: UInt64? {
    let version = UInt64(identity)
    // Not "007".
    return version.map { "\($0)" } == identity && !isWeak ? version : nil
  }

  /// The tag of the same state in gzip: other bytes need another tag.
  var compressed: EntityTag { EntityTag(value + Self.suffix, isWeak: isWeak) }

  private static let suffix = "-gzip"

  /// The value whatever the encoding: a client that has an answer in gzip has the state that it is of.
  private var identity: String {
    value.hasSuffix(Self.suffix) ? String(value.dropLast(Self.suffix.count)) : value
  }

  /// Whether both stand for the same bytes, encoding aside.
  func matchesStrongly(_ other: EntityTag) -> Bool {
    !isWeak && !other.isWeak && identity == other.identity
  }

  /// Whether both stand for the same state.
  func matchesWeakly(_ other: EntityTag) -> Bool { identity == other.identity }
}

/// What `If-Match` or `If-None-Match` holds.
enum EntityTags: Sendable, Hashable {
  /// `*`
  case any
  case these([EntityTag])

  /// - Returns: `nil` where the text is neither `*` nor a list of tags.
  init?(_ text: String) {
    var rest = text.utf8[...]
    func skipSpaces() { rest = rest.drop { $0 == 0x20 || $0 == 0x09 } }
    skipSpaces()
    if rest.first == UInt8(ascii: "*") {
      rest = rest.dropFirst()
      skipSpaces()
      guard rest.isEmpty else { return nil }
      self = .any
      return
    }
    var tags: [EntityTag] = []
    while !rest.isEmpty {
      // A list may have empty elements.
      if rest.first == UInt8(ascii: ",") {
        rest = rest.dropFirst()
        skipSpaces()
        continue
      }
      let isWeak = rest.starts(with: "W/".utf8)
      if isWeak { rest = rest.dropFirst(2) }
      guard rest.first == UInt8(ascii: "\""),
        let end = rest.dropFirst().firstIndex(of: UInt8(ascii: "\""))
      else { return nil }
      let value = rest[..<end].dropFirst()
      guard value.allSatisfy({ $0 >= 0x21 && $0 != 0x7F }) else { return nil }
      tags.append(EntityTag(String(Substring(value)), isWeak: isWeak))
      rest = rest[end...].dropFirst()
      skipSpaces()
      guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
    }
    guard !tags.isEmpty else { return nil }
    self = .these(tags)
  }
}
