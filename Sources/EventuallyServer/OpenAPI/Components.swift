import Eventually

/// What an OpenAPI or AsyncAPI document says once, and refers to by its name.
struct Components {
  enum Kind: String, CaseIterable {
    case schemas, responses, parameters, examples, headers
  }

  private var values: [Kind: [String: [UInt8]]] = [:]

  /// Writes a reference to a value, which becomes a component.
  /// - Parameters:
  ///   - value: the value in JSON.
  ///   - name: what it is called; what can't be part of a name is left out.
  ///   - isNumbered: whether it gets a number where the name has another value; otherwise it is written where it is then.
  mutating func refer(
    to value: [UInt8], _ kind: Kind, _ name: String, isNumbered: Bool = false,
    _ json: inout JSONWriter
  ) {
    let plain = Self.name(name)
    var name = plain
    var number = 1
    while let other = values[kind]?[name], other != value {
      guard isNumbered else { return json.raw(value) }
      number += 1
      name = "\(plain)\(number)"
    }
    values[kind, default: [:]][name] = value
    json.beginObject()
    json.member("$ref", "#/components/\(kind)/\(name)")
    json.endObject()
  }

  /// What is left of a name without what can't be part of a component's.
  static func name(_ name: String) -> String {
    String(
      name.unicodeScalars.filter {
        $0.isASCII
          && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
            || "._-".contains(Character($0)))
      }.map(Character.init))
  }

  /// Writes the members of the document's `components`.
  func write(_ json: inout JSONWriter) {
    for kind in Kind.allCases {
      guard let values = values[kind] else { continue }
      json.key(named: "\(kind)")
      json.beginObject()
      for (name, value) in values.sorted(by: { $0.key < $1.key }) {
        json.key(named: name)
        json.raw(value)
      }
      json.endObject()
    }
  }
}
