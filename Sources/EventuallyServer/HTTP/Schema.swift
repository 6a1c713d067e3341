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

  /// The schema of what a type decodes from.
  /// - Throws: `ShapeError` where how the type is written does not tell.
  public init<Value: Decodable>(of type: Value.Type) throws(ShapeError) {
    self.init(try Shape(of: type))
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
    case .number: json.member("type", "number")
    case .any: break
    case .map(let element):
      json.member("type", "object")
      json.key("additionalProperties")
      element.write(&json)
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
