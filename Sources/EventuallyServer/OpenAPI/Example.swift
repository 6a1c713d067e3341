public import Eventually

extension API {
  /// A value in JSON, for examples in the OpenAPI document: `["cents": 1250]`, or an encoded value.
  public struct Example: Sendable, Hashable {
    let json: [UInt8]

    init(json: [UInt8]) {
      self.json = json
    }

    /// What `write` writes.
    public init(_ write: (inout JSONWriter) -> Void) {
      var writer = JSONWriter()
      write(&writer)
      json = writer.bytes
    }

    /// What a value encodes as.
    public init(encoding value: some Encodable) throws {
      json = Array(try JSONResponse(encoding: value).bytes.dropLast())
    }
  }
}

extension API.Example: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// A text.
  public init(stringLiteral value: String) { self.init { $0.string(value) } }
  /// A whole number.
  public init(integerLiteral value: Int64) { self.init { $0.integer(value) } }
  /// A number.
  public init(floatLiteral value: Double) { self.init { $0.raw("\(value)".utf8) } }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self.init { $0.bool(value) } }
  /// `null`.
  public init(nilLiteral: ()) { self.init { $0.null() } }
  /// An array.
  public init(arrayLiteral elements: API.Example...) { self.init(elements) }
  /// An object, its members in this order.
  public init(dictionaryLiteral members: (String, API.Example)...) { self.init(members) }

  init(_ elements: [API.Example]) {
    self.init { json in
      json.beginArray()
      for element in elements { json.raw(element.json) }
      json.endArray()
    }
  }

  init(_ members: [(String, API.Example)]) {
    self.init { json in
      json.beginObject()
      for (name, value) in members {
        json.key(named: name)
        json.raw(value.json)
      }
      json.endObject()
    }
  }
}

extension Schema {
  /// A value that fits: the one that was given, or else one that is made up; `nil` where none can be, for a pattern say.
  /// - Parameter name: what the value is called, which a text says in want of anything better.
  func example(of name: String = "value") -> API.Example? {
    switch self {
    case .with(_, let example): return example
    case .named(_, let schema): return schema.example(of: name)
    case .string(let pattern, let format, let minimum, let maximum, let values):
      if let first = values.first { return .init(stringLiteral: first) }
      guard pattern == nil else { return nil }
      let text = format.map { Self.text(ofFormat: $0) } ?? String(name.prefix(maximum ?? .max))
      return text.unicodeScalars.count < minimum ?? 0 ? nil : .init(stringLiteral: text)
    case .integer(let range):
      let least = range?.lowerBound ?? 1
      return .init(integerLiteral: max(least, min(1, range?.upperBound ?? 1)))
    case .number: return 1.5
    case .boolean: return true
    case .null: return nil as API.Example
    case .array(let element, let minimum, _):
      guard let value = element.example(of: name) else { return minimum ?? 0 > 0 ? nil : [] }
      return .init(Array(repeating: value, count: max(1, min(minimum ?? 1, 10))))
    case .object(let members):
      var found: [(String, API.Example)] = []
      for member in members {
        if let value = member.schema.example(of: member.name) {
          found.append((member.name, value))
        } else if member.isRequired {
          return nil
        }
      }
      return .init(found)
    case .map(let element): return element.example(of: "value").map { .init([("name", $0)]) }
    case .oneOf(let schemas): return schemas.lazy.compactMap { $0.example(of: name) }.first
    case .any: return nil
    }
  }

  private static func text(ofFormat format: String) -> String {
    switch format {
    case "date-time": "2026-11-23T12:00:00Z"
    case "date": "2026-11-23"
    case "uuid": "019ab0c4-6d2e-7c41-9c1f-3f5d8a2b7e60"
    case "uri": "https://example.com/"
    case "byte": "aGVsbG8="
    default: format
    }
  }
}
