/// What kind of streams some are: those of one aggregate type, in a store that holds several.
///
/// A stream's name is `category/id`; the category is what stands before the first `/`. A stream of the unnamed category has
/// no `/` in its name, which is its id. Stores, keys on a topic, partitions, parked events and removals go by the stream's
/// whole name, so that equal ids of two aggregates are two streams. A store that was written without categories needs
/// no conversion: its streams are those of the unnamed category.
public struct StreamCategory: Sendable, Hashable {
  /// 1 to 64 of `a-z 0-9 _ -`, beginning with a letter; empty for the unnamed category.
  public let name: String

  /// The category of streams whose name is their id.
  public static let unnamed = StreamCategory(checked: "")

  private init(checked name: String) {
    self.name = name
  }

  /// A category, `nil` where the name is neither empty nor 1 to 64 of `a-z 0-9 _ -` that begin with a letter.
  public init?(_ name: String) {
    guard name.isEmpty || Self.isValid(name.utf8) else { return nil }
    self.init(checked: name)
  }

  private static func isValid(_ name: some Collection<UInt8>) -> Bool {
    guard name.count <= 64, let first = name.first, (0x61...0x7A).contains(first) else {
      return false
    }
    return name.allSatisfy {
      (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F || $0 == 0x2D
    }
  }

  private static let slash = UInt8(ascii: "/")

  /// The name of the stream that an id has in the category: `account/42`.
  public func streamName(of id: String) -> String { name.isEmpty ? id : "\(name)/\(id)" }

  /// The id in a stream's name; `nil` where the stream is of another category.
  public func id(ofStream name: String) -> String? {
    guard contains(stream: name) else { return nil }
    return self.name.isEmpty ? name : String(name.utf8.dropFirst(self.name.utf8.count + 1))
  }

  /// Whether a stream is of the category.
  public func contains(stream: String) -> Bool {
    if name.isEmpty { return !stream.utf8.contains(Self.slash) }
    let rest = stream.utf8.dropFirst(name.utf8.count)
    return rest.first == Self.slash && stream.utf8.starts(with: name.utf8)
  }

  /// The category of a stream; `nil` where what stands before the first `/` can't be the name of one.
  public static func of(stream name: String) -> StreamCategory? {
    guard let end = name.utf8.firstIndex(of: slash) else { return .unnamed }
    let category = name.utf8[..<end]
    return isValid(category) ? StreamCategory(checked: String(name[..<end])) : nil
  }
}

extension StreamCategory: ExpressibleByStringLiteral, CustomStringConvertible {
  /// A category that is written in code. It traps where the name is not one, see ``init(_:)``.
  public init(stringLiteral name: String) {
    guard let category = StreamCategory(name) else {
      preconditionFailure(
        "'\(name)' is no category: it has 1 to 64 of a-z, 0-9, _ and -, and begins with a letter")
    }
    self = category
  }

  /// The name; `unnamed` where it has none.
  public var description: String { name.isEmpty ? "unnamed" : name }
}
