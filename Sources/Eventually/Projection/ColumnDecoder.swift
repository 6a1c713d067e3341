import Foundation

/// Gives a row its properties from columns.
struct ColumnDecoder: Decoder {
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]
  let columns: [String: ColumnValue]
  /// The property that is a struct over columns of its own.
  let nested: String?

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(Properties<Key>(decoder: self))
  }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw NotOne() }
  func singleValueContainer() throws -> any SingleValueDecodingContainer { throw NotOne() }

  private struct NotOne: Error, CustomStringConvertible {
    var description: String { "a row has properties" }
  }

  private struct Properties<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: ColumnDecoder
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { decoder.columns.keys.compactMap(Key.init(stringValue:)) }

    func contains(_ key: Key) -> Bool {
      decoder.columns[key.stringValue] != nil || key.stringValue == decoder.nested
    }
    func decodeNil(forKey key: Key) -> Bool {
      if key.stringValue == decoder.nested { return false }
      return (decoder.columns[key.stringValue] ?? .null) == .null
    }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
      if key.stringValue == decoder.nested {
        return try Value(from: ColumnDecoder(columns: decoder.columns, nested: nil))
      }
      return try ColumnValueDecoder(
        value: decoder.columns[key.stringValue] ?? .null, name: key.stringValue
      ).decode(type)
    }
    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw NotOne() }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
      throw NotOne()
    }
    func superDecoder() throws -> any Decoder { throw NotOne() }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw NotOne() }
  }
}

/// Gives a property what its column holds.
struct ColumnValueDecoder: Decoder, SingleValueDecodingContainer {
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]
  let value: ColumnValue
  let name: String

  struct Unfit: Error, CustomStringConvertible {
    var name: String
    var wanted: String
    var value: ColumnValue
    var description: String { "the column '\(name)' holds \(value), not \(wanted)" }
  }

  /// A property is one value, and JSON where it asks for members or elements.
  struct IsJSON: Error {}

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    throw IsJSON()
  }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw IsJSON() }
  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  func decodeNil() -> Bool { value == .null }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    if type is UUID.Type, let id = UUID(uuidString: try text()) as? Value { return id }
    if type is Date.Type || type is Data.Type || type is URL.Type || type is Decimal.Type {
      return try json(type)
    }
    do {
      return try Value(from: self)
    } catch is IsJSON {
      return try json(type)
    }
  }

  private func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return try decoder.decode(type, from: Data(try text().utf8))
  }

  private func text() throws(Unfit) -> String {
    guard case .text(let text) = value else {
      throw Unfit(name: name, wanted: "text", value: value)
    }
    return text
  }

  private func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws(Unfit) -> Value {
    guard case .integer(let integer) = value, let fitting = Value(exactly: integer) else {
      throw Unfit(name: name, wanted: "an integer of \(type)", value: value)
    }
    return fitting
  }

  func decode(_ type: String.Type) throws -> String { try text() }
  func decode(_ type: Bool.Type) throws -> Bool {
    switch value {
    case .integer(0): return false
    case .integer(1): return true
    default: throw Unfit(name: name, wanted: "0 or 1", value: value)
    }
  }
  func decode(_ type: Double.Type) throws -> Double { throw IsJSON() }
  func decode(_ type: Float.Type) throws -> Float { throw IsJSON() }
  func decode(_ type: Int.Type) throws -> Int { try integer(type) }
  func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
  func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
  func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
  func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
  func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
}
