import Eventually

/// Holds a JSON body against the shape of the type that it is decoded to, and names the member that does not fit.
struct BodyCheck {
  /// - Parameter path: what leads to the value: `commands[0].deposit`; empty for the whole body.
  static func check(_ bytes: [UInt8], _ shape: Shape, at path: String = "") throws {
    // Whether `null` is taken where no member is left out, a type's shape does not tell: its decoding does.
    if bytes.elementsEqual("null".utf8) { return }
    switch shape {
    case .any: return
    case .object(let members): try check(object: bytes, members, path)
    case .map(let element):
      try forEachMember(of: bytes, path) { name, value in
        try check(value, element, at: join(path, name))
      }
    case .list(let element):
      guard bytes.first == UInt8(ascii: "[") else { throw wrong(path, "an array") }
      var reader = JSONReader(bytes.span)
      try reader.beginArray()
      var index = 0
      while try reader.nextElement() {
        try check(reader.slice(try reader.skip()), element, at: "\(path)[\(index)]")
        index += 1
      }
    case .string, .choice:
      guard bytes.first == UInt8(ascii: "\"") else { throw wrong(path, "a string") }
      guard case .choice(let values) = shape else { return }
      var reader = JSONReader(bytes.span)
      let text = try reader.string()
      guard values.contains(text) else {
        throw InvalidMember(name(path), "is none of \(values.joined(separator: ", "))")
      }
    case .boolean:
      guard bytes.elementsEqual("true".utf8) || bytes.elementsEqual("false".utf8) else {
        throw wrong(path, "true or false")
      }
    case .number:
      guard isNumber(bytes) else { throw wrong(path, "a number") }
    case .integer(let minimum, let maximum):
      guard isNumber(bytes), let number = JSONNumber.whole(bytes.span),
        number >= Int128(minimum), number <= Int128(maximum)
      else { throw wrong(path, "a whole number from \(minimum) to \(maximum)") }
    }
  }

  private static func check(
    object bytes: [UInt8], _ members: [Shape.Member], _ path: String
  ) throws {
    var found: Set<String> = []
    try forEachMember(of: bytes, path) { name, value in
      guard let member = members.first(where: { $0.name.hasSameBytes(as: name) }) else { return }
      found.insert(name)
      if value.elementsEqual("null".utf8) {
        guard !member.isRequired else {
          throw InvalidMember(join(path, name), "must not be null: it is required")
        }
        return
      }
      try check(value, member.shape, at: join(path, name))
    }
    for member in members where member.isRequired && !found.contains(member.name) {
      throw InvalidMember(join(path, member.name), "is missing")
    }
  }

  private static func forEachMember(
    of bytes: [UInt8], _ path: String, _ body: (String, [UInt8]) throws -> Void
  ) throws {
    guard bytes.first == UInt8(ascii: "{") else { throw wrong(path, "an object") }
    var reader = JSONReader(bytes.span)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      let name = reader.name(key)
      try body(name, reader.slice(try reader.skip()))
    }
  }

  private static func isNumber(_ bytes: [UInt8]) -> Bool {
    bytes.first.map { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) } ?? false
  }

  private static func name(_ path: String) -> String { path.isEmpty ? "body" : path }

  private static func join(_ path: String, _ name: String) -> String {
    path.isEmpty ? name.excerpt : "\(path).\(name.excerpt)"
  }

  private static func wrong(_ path: String, _ what: String) -> InvalidMember {
    InvalidMember(name(path), "must be \(what)")
  }
}
