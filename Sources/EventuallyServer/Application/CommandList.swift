import Eventually

extension Commands {
  /// Reads `{"commands": [{"open": {…}}, {"deposit": {…}}]}`.
  func list(_ bytes: Span<UInt8>) throws -> [Model.Command] {
    var reader = JSONReader(bytes)
    var list: [Model.Command] = []
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "commands") {
        try reader.beginArray()
        while try reader.nextElement() { list.append(try command(&reader, at: list.count)) }
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
    guard !list.isEmpty else { throw InvalidMember("commands", "is missing or empty") }
    return list
  }

  /// Reads an object with one command.
  private func command(
    _ reader: inout JSONReader, at index: Int
  ) throws -> Model.Command {
    try reader.beginObject()
    guard let key = try reader.nextKey() else {
      throw InvalidMember("commands[\(index)]", "is an empty object")
    }
    let name = reader.name(key)
    guard let command = commands.first(where: { $0.name == name }) else {
      let known = commands.map(\.name).joined(separator: ", ")
      throw InvalidMember("commands[\(index)]", "is '\(name.excerpt)', none of \(known)")
    }
    let made = try command.make(
      reader.slice(try reader.skip()), "commands[\(index)].\(name)")
    guard try reader.nextKey() == nil else {
      throw InvalidMember("commands[\(index)]", "is an object with two commands")
    }
    return made
  }
}
