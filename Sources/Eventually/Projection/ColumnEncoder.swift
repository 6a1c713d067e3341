import Foundation

extension ColumnValue {
  /// What a column holds of a property.
  init<Value: Encodable>(encoding value: Value) throws {
    switch value {
    case let value as String: self = .text(value)
    case let value as UUID: self = .text(value.uuidString)
    case let value as Int64: self = .integer(value)
    case let value as Int: self = .integer(Int64(value))
    case let value as Bool: self = .integer(value ? 1 : 0)
    default:
      let encoder = ScalarEncoder()
      try value.encode(to: encoder)
      self = try encoder.value ?? .text(Self.json(value))
    }
  }

  /// What is no single value, as JSON that is the same for equal values.
  private static func json<Value: Encodable>(_ value: Value) throws -> String {
    // The elements of a set have no order, and another one in each process.
    if let set = value as? any UnorderedElements {
      return "[\(try set.elements { try json($0) }.sorted().joined(separator: ","))]"
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}

/// A collection whose elements come in no order.
private protocol UnorderedElements {
  func elements(_ text: (any Encodable) throws -> String) rethrows -> [String]
}

extension Set: UnorderedElements where Element: Encodable {
  fileprivate func elements(_ text: (any Encodable) throws -> String) rethrows -> [String] {
    try map { try text($0) }
  }
}

/// Takes the value of what encodes itself as one; what asks for a container has none.
private final class ScalarEncoder: Encoder, SingleValueEncodingContainer {
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]
  var value: ColumnValue?

  func singleValueContainer() -> any SingleValueEncodingContainer { self }
  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(DiscardedMembers())
  }
  func unkeyedContainer() -> any UnkeyedEncodingContainer { DiscardedElements() }

  func encodeNil() { value = .null }
  func encode(_ value: String) { self.value = .text(value) }
  func encode(_ value: Bool) { self.value = .integer(value ? 1 : 0) }
  // A number with a fraction is part of something that is kept as JSON.
  func encode(_ value: Double) { self.value = nil }
  func encode(_ value: Float) { self.value = nil }
  func encode(_ value: Int) throws { try integer(value) }
  func encode(_ value: Int8) throws { try integer(value) }
  func encode(_ value: Int16) throws { try integer(value) }
  func encode(_ value: Int32) throws { try integer(value) }
  func encode(_ value: Int64) throws { try integer(value) }
  func encode(_ value: UInt) throws { try integer(value) }
  func encode(_ value: UInt8) throws { try integer(value) }
  func encode(_ value: UInt16) throws { try integer(value) }
  func encode(_ value: UInt32) throws { try integer(value) }
  func encode(_ value: UInt64) throws { try integer(value) }
  func encode<Value: Encodable>(_ value: Value) throws {
    self.value = try ColumnValue(encoding: value)
  }

  private func integer<Value: FixedWidthInteger>(_ value: Value) throws {
    guard let fitting = Int64(exactly: value) else {
      throw EncodingError.invalidValue(
        value, .init(codingPath: [], debugDescription: "\(value) is larger than a column's integer")
      )
    }
    self.value = .integer(fitting)
  }
}

/// Takes the columns of a row, one for each property.
final class ColumnCollector: Encoder {
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]
  fileprivate var columns: [String: ColumnValue] = [:]
  fileprivate let skipped: String?

  private init(skipping skipped: String?) {
    self.skipped = skipped
  }

  /// The columns of a value by the names of its properties.
  static func columns<Value: Encodable>(
    of value: Value, without skipped: String? = nil
  ) throws -> [String: ColumnValue] {
    let collector = ColumnCollector(skipping: skipped)
    try value.encode(to: collector)
    return collector.columns
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(Properties<Key>(collector: self))
  }
  func unkeyedContainer() -> any UnkeyedEncodingContainer { DiscardedElements() }
  func singleValueContainer() -> any SingleValueEncodingContainer { ScalarEncoder() }

  private struct Properties<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let collector: ColumnCollector
    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) { collector.columns[key.stringValue] = .null }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
      if key.stringValue == collector.skipped { return }
      collector.columns[key.stringValue] = try ColumnValue(encoding: value)
    }
    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { KeyedEncodingContainer(DiscardedMembers()) }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      DiscardedElements()
    }
    func superEncoder() -> any Encoder { ScalarEncoder() }
    func superEncoder(forKey key: Key) -> any Encoder { ScalarEncoder() }
  }
}
