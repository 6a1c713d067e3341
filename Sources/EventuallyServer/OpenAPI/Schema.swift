public import Eventually

/// What a JSON value or a parameter looks like: JSON Schema, as far as these interfaces need it.
public indirect enum Schema: Sendable {
  /// Text.
  case string(
    pattern: String? = nil, format: String? = nil, minimum: Int? = nil, maximum: Int? = nil,
    values: [String] = [])
  /// A whole number.
  case integer(ClosedRange<Int64>? = nil)
  /// A number.
  case number
  /// `true` or `false`.
  case boolean
  /// Nothing.
  case null
  /// Values of one schema.
  case array(Schema, minimum: Int? = nil, maximum: Int? = nil)
  /// Members with names of their own.
  case object([Member])
  /// Members of any name.
  case map(Schema)
  /// One of several.
  case oneOf([Schema])
  /// Anything.
  case any
  /// A schema that has a name in the document, where others refer to it.
  case named(String, Schema)
  /// A schema, and a value that fits it.
  case with(Schema, example: API.Example)

  /// The same with a value that fits it, for the document.
  public func example(_ value: API.Example) -> Schema { .with(self, example: value) }

  /// A member of an object.
  public struct Member: Sendable {
    var name: String
    var schema: Schema
    var isRequired: Bool

    /// A member that must be there.
    public static func required(_ name: String, _ schema: Schema) -> Member {
      Member(name: name, schema: schema, isRequired: true)
    }

    /// A member that may be left out.
    public static func optional(_ name: String, _ schema: Schema) -> Member {
      Member(name: name, schema: schema, isRequired: false)
    }
  }

  /// The schema of what a type decodes from. One with members is called like the type in the document.
  /// - Throws: `ShapeError` where how the type is written does not tell.
  public init<Value: Decodable>(of type: Value.Type) throws(ShapeError) {
    self.init(try Shape(of: type), of: type)
  }

  /// The schema of a type whose shape is known.
  init(_ shape: Shape, of type: Any.Type) {
    switch (shape, type) {
    case (.object, _): self = .named("\(type)", Schema(shape))
    case (.list(let element), let list as any List.Type):
      self = .array(Schema(element, of: list.element))
    default: self.init(shape)
    }
  }

  /// The schema of what a type decodes from.
  public init(_ shape: Shape) {
    self =
      switch shape {
      case .string(let format): .string(format: format)
      case .integer(let minimum, let maximum):
        .integer(minimum...Int64(clamping: maximum))
      case .number: .number
      case .boolean: .boolean
      case .choice(let values): .string(values: values)
      case .list(let element): .array(Schema(element))
      case .map(let element): .map(Schema(element))
      case .object(let members):
        .object(
          members.map { member in
            let schema = Schema(member.shape)
            return member.isRequired
              ? .required(member.name, schema)
              : .optional(member.name, .oneOf([schema, .null]))
          })
      case .any: .any
      }
  }

  /// - Parameter components: where schemas with names go.
  func write(_ json: inout JSONWriter, _ components: inout Components) {
    if case .named(let name, let schema) = self {
      var value = JSONWriter()
      schema.write(&value, &components)
      components.refer(to: value.bytes, .schemas, name, isNumbered: true, &json)
      return
    }
    json.beginObject()
    writeMembers(&json, &components)
    json.endObject()
  }

  private func writeMembers(_ json: inout JSONWriter, _ components: inout Components) {
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
    case .number: json.member("type", "number")
    case .any: break
    case .map(let element):
      json.member("type", "object")
      json.key("additionalProperties")
      element.write(&json, &components)
    case .boolean: json.member("type", "boolean")
    case .null: json.member("type", "null")
    case .array(let element, let minimum, let maximum):
      json.member("type", "array")
      if let minimum { json.member("minItems", minimum) }
      if let maximum { json.member("maxItems", maximum) }
      json.key("items")
      element.write(&json, &components)
    case .object(let members): Self.write(members, &json, &components)
    case .oneOf(let schemas):
      json.key("oneOf")
      json.beginArray()
      for schema in schemas { schema.write(&json, &components) }
      json.endArray()
    case .named:
      json.key("allOf")
      json.beginArray()
      write(&json, &components)
      json.endArray()
    case .with(let schema, let example):
      schema.writeMembers(&json, &components)
      json.key("examples")
      json.beginArray()
      json.raw(example.json)
      json.endArray()
    }
  }

  private static func write(
    _ members: [Member], _ json: inout JSONWriter, _ components: inout Components
  ) {
    json.member("type", "object")
    let required = members.filter(\.isRequired).map(\.name)
    if !required.isEmpty { json.member("required", required) }
    json.key("properties")
    json.beginObject()
    for member in members {
      json.key(named: member.name)
      member.schema.write(&json, &components)
    }
    json.endObject()
  }
}

/// A type that is written as an array.
protocol List {
  static var element: Any.Type { get }
}

extension Array: List {
  static var element: Any.Type { Element.self }
}

extension Page: List {
  static var element: Any.Type { Row.self }
}
