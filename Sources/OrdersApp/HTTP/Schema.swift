import Eventually

/// What a JSON value or a parameter looks like: JSON Schema, as far as these interfaces need it.
indirect enum Schema: Sendable {
  case string(
    pattern: String? = nil, format: String? = nil, minimum: Int? = nil, maximum: Int? = nil,
    values: [String] = [])
  case integer(ClosedRange<Int64>? = nil)
  case boolean
  case null
  case array(Schema, minimum: Int? = nil, maximum: Int? = nil)
  case object([Member])
  case oneOf([Schema])

  struct Member: Sendable {
    var name: String
    var schema: Schema
    var isRequired: Bool

    static func required(_ name: String, _ schema: Schema) -> Member {
      Member(name: name, schema: schema, isRequired: true)
    }

    static func optional(_ name: String, _ schema: Schema) -> Member {
      Member(name: name, schema: schema, isRequired: false)
    }
  }

  func write(_ json: inout JSONWriter) {
    json.beginObject()
    switch self {
    case .string(let pattern, let format, let minimum, let maximum, let values):
      json.member("type", "string")
      if let pattern { json.member("pattern", pattern) }
      if let format { json.member("format", format) }
      if let minimum { json.member("minLength", minimum) }
      if let maximum { json.member("maxLength", maximum) }
      if !values.isEmpty { json.member("enum", values) }
    case .integer(let range):
      json.member("type", "integer")
      if let range {
        json.member("minimum", range.lowerBound)
        json.member("maximum", range.upperBound)
      }
    case .boolean: json.member("type", "boolean")
    case .null: json.member("type", "null")
    case .array(let element, let minimum, let maximum):
      json.member("type", "array")
      if let minimum { json.member("minItems", minimum) }
      if let maximum { json.member("maxItems", maximum) }
      json.key("items")
      element.write(&json)
    case .object(let members): Self.write(members, &json)
    case .oneOf(let schemas):
      json.key("oneOf")
      json.beginArray()
      for schema in schemas { schema.write(&json) }
      json.endArray()
    }
    json.endObject()
  }

  private static func write(_ members: [Member], _ json: inout JSONWriter) {
    json.member("type", "object")
    let required = members.filter(\.isRequired).map(\.name)
    if !required.isEmpty { json.member("required", required) }
    json.key("properties")
    json.beginObject()
    for member in members {
      json.key(named: member.name)
      member.schema.write(&json)
    }
    json.endObject()
  }
}

extension JSONWriter {
  /// A member of an object.
  mutating func member(_ name: StaticString, _ value: String) {
    key(name)
    string(value)
  }

  /// A member of an object.
  mutating func member(_ name: StaticString, _ value: some BinaryInteger) {
    key(name)
    integer(value)
  }

  /// A member of an object; an array of strings.
  mutating func member(_ name: StaticString, _ values: [String]) {
    key(name)
    beginArray()
    for value in values { string(value) }
    endArray()
  }

  /// A member of an object; `nil` is null.
  mutating func member(_ name: StaticString, optional value: (some BinaryInteger)?) {
    key(name)
    if let value { integer(value) } else { null() }
  }
}
