extension JSONWriter {
  /// A member of an object.
  package mutating func member(_ name: StaticString, _ value: String) {
    key(name)
    string(value)
  }

  /// A member of an object.
  package mutating func member(_ name: StaticString, _ value: some BinaryInteger) {
    key(name)
    integer(value)
  }

  /// A member of an object; an array of strings.
  package mutating func member(_ name: StaticString, _ values: [String]) {
    key(name)
    beginArray()
    for value in values { string(value) }
    endArray()
  }

  /// A member of an object; `nil` is null.
  package mutating func member(_ name: StaticString, optional value: (some BinaryInteger)?) {
    key(name)
    if let value { integer(value) } else { null() }
  }
}
