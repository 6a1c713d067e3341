import Foundation

/// A decoder that gives zeros and empty texts, and notes what it is asked for.
final class ShapeRecorder: Decoder {
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]
  let path: [String]
  /// The types that are being recorded: one that comes again holds values of itself.
  let types: [ObjectIdentifier]
  /// Whether lists and maps are empty, or have one element that is recorded.
  let isEmpty: Bool
  var shape: Shape?
  /// Members that may be left out.
  var optional: Set<String> = []
  /// How dates are written.
  let dates: Shape
  /// The case that is recorded of an enumeration whose cases are written as objects with one member.
  let caseName: String?
  /// What that case holds.
  var caseRecorder: ShapeRecorder?

  init(
    path: [String], types: [ObjectIdentifier], isEmpty: Bool, dates: Shape,
    caseName: String? = nil
  ) {
    self.path = path
    self.types = types
    self.isEmpty = isEmpty
    self.dates = dates
    self.caseName = caseName
  }

  struct Endless: Error, CustomStringConvertible {
    var description: String { "it holds values of itself" }
  }

  /// A value of a type, and its shape.
  /// - Parameters:
  ///   - dates: how dates are written.
  ///   - caseName: the case that is recorded of an enumeration whose cases are written as objects with one member.
  static func record<Value: Decodable>(
    _ type: Value.Type, path: [String], within types: [ObjectIdentifier],
    dates: Shape = .string(format: "date-time"), caseName: String? = nil
  ) throws(ShapeError) -> (value: Value, shape: Shape) {
    if let known = wellKnown(type, dates) { return known }
    if let shaped = type as? any Shaped.Type, let value = shaped.example as? Value {
      return (value, shaped.shape)
    }
    if let choice: (value: Value, shape: Shape) = choice(type) { return choice }
    let id = ObjectIdentifier(type)
    guard !types.contains(id) else { throw ShapeError(type, path: path, cause: Endless()) }
    let recorder = ShapeRecorder(
      path: path, types: types + [id], isEmpty: false, dates: dates, caseName: caseName)
    do {
      let value = try Value(from: recorder)
      if let caseName, let content = recorder.caseRecorder {
        return (value, .object([Shape.Member(caseName, content.shape ?? .object([]))]))
      }
      return (value, recorder.shape ?? .any)
    } catch {
      let failure = (error as? ShapeError) ?? ShapeError(type, path: path, cause: error)
      // The elements of a list or map may hold what is being recorded already. Without any it is a value all the same.
      guard failure.cause is Endless, let shape = recorder.shape, shape.hasElements,
        let value = empty(type, dates)
      else { throw failure }
      return (value, shape)
    }
  }

  /// A value within the one that is recorded, and its shape.
  func nested<Value: Decodable>(
    _ type: Value.Type, at step: String? = nil
  ) throws(ShapeError) -> (value: Value, shape: Shape) {
    try Self.record(type, path: path + (step.map { [$0] } ?? []), within: types, dates: dates)
  }

  private static func empty<Value: Decodable>(_ type: Value.Type, _ dates: Shape) -> Value? {
    try? Value(from: ShapeRecorder(path: [], types: [], isEmpty: true, dates: dates))
  }

  /// Types of Foundation that are written as one value.
  private static func wellKnown<Value: Decodable>(
    _ type: Value.Type, _ dates: Shape
  ) -> (value: Value, shape: Shape)? {
    let known: (any Decodable, Shape)? =
      switch type {
      case is Date.Type: (Date(timeIntervalSince1970: 0), dates)
      case is UUID.Type:
        (UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), .string(format: "uuid"))
      case is Data.Type: (Data(), .string(format: "byte"))
      case is URL.Type: (URL(filePath: "/"), .string(format: "uri"))
      case is Decimal.Type: (Decimal(0), .number)
      default: nil
      }
    guard let known, let value = known.0 as? Value else { return nil }
    return (value, known.1)
  }

  /// An enumeration of texts.
  private static func choice<Value: Decodable>(
    _ type: Value.Type
  ) -> (value: Value, shape: Shape)? {
    guard let cases = type as? any (CaseIterable & RawRepresentable).Type else { return nil }
    func open<Case: CaseIterable & RawRepresentable>(_ type: Case.Type) -> (Value, Shape)? {
      let texts = type.allCases.compactMap { $0.rawValue as? String }
      guard !texts.isEmpty, let first = type.allCases.first as? Value else { return nil }
      return (first, .choice(texts))
    }
    return open(cases)
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(KeyedRecorder<Key>(self))
  }

  func unkeyedContainer() -> any UnkeyedDecodingContainer { UnkeyedRecorder(self) }
  func singleValueContainer() -> any SingleValueDecodingContainer { SingleRecorder(self) }
}

/// Notes the members of an object; for a dictionary, the one that it gives it.
private struct KeyedRecorder<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let recorder: ShapeRecorder
  let codingPath: [any CodingKey] = []

  init(_ recorder: ShapeRecorder) {
    self.recorder = recorder
    if recorder.shape == nil { recorder.shape = .object([]) }
  }

  /// Only a dictionary asks what there is: a type with members of its own knows their names.
  var allKeys: [Key] {
    if let name = recorder.caseName { return [Key(stringValue: name)].compactMap { $0 } }
    recorder.shape = .map(.any)
    return recorder.isEmpty ? [] : [Key(stringValue: "name")].compactMap { $0 }
  }

  /// Whoever asks can do without.
  func contains(_ key: Key) -> Bool {
    recorder.optional.insert(key.stringValue)
    return true
  }

  func decodeNil(forKey key: Key) -> Bool { !contains(key) }

  private func note(_ key: Key, _ shape: Shape) {
    switch recorder.shape {
    case .map: recorder.shape = .map(shape)
    case .object(var members):
      members.removeAll { $0.name == key.stringValue }
      members.append(
        Shape.Member(
          key.stringValue, shape, isRequired: !recorder.optional.contains(key.stringValue)))
      recorder.shape = .object(members)
    default: break
    }
  }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    let found = try recorder.nested(type, at: key.stringValue)
    note(key, found.shape)
    return found.value
  }

  func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
    recorder.optional.insert(key.stringValue)
    do {
      _ = try decode(type, forKey: key)
    } catch let error as ShapeError where error.cause is ShapeRecorder.Endless {
      note(key, .any)
    }
    return nil
  }

  func decode(_ type: Bool.Type, forKey key: Key) -> Bool { simple(key, .boolean, false) }
  func decode(_ type: String.Type, forKey key: Key) -> String { simple(key, .string(), "") }
  func decode(_ type: Double.Type, forKey key: Key) -> Double { simple(key, .number, 0) }
  func decode(_ type: Float.Type, forKey key: Key) -> Float { simple(key, .number, 0) }
  func decode(_ type: Int.Type, forKey key: Key) -> Int { simple(key, .integer(type), 0) }
  func decode(_ type: Int8.Type, forKey key: Key) -> Int8 { simple(key, .integer(type), 0) }
  func decode(_ type: Int16.Type, forKey key: Key) -> Int16 { simple(key, .integer(type), 0) }
  func decode(_ type: Int32.Type, forKey key: Key) -> Int32 { simple(key, .integer(type), 0) }
  func decode(_ type: Int64.Type, forKey key: Key) -> Int64 { simple(key, .integer(type), 0) }
  func decode(_ type: UInt.Type, forKey key: Key) -> UInt { simple(key, .integer(type), 0) }
  func decode(_ type: UInt8.Type, forKey key: Key) -> UInt8 { simple(key, .integer(type), 0) }
  func decode(_ type: UInt16.Type, forKey key: Key) -> UInt16 { simple(key, .integer(type), 0) }
  func decode(_ type: UInt32.Type, forKey key: Key) -> UInt32 { simple(key, .integer(type), 0) }
  func decode(_ type: UInt64.Type, forKey key: Key) -> UInt64 { simple(key, .integer(type), 0) }

  private func simple<Value>(_ key: Key, _ shape: Shape, _ value: Value) -> Value {
    note(key, shape)
    return value
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    guard key.stringValue == recorder.caseName else { throw ByHand() }
    let content = ShapeRecorder(
      path: recorder.path + [key.stringValue], types: recorder.types, isEmpty: false,
      dates: recorder.dates)
    recorder.caseRecorder = content
    return content.container(keyedBy: type)
  }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    throw ByHand()
  }
  func superDecoder() throws -> any Decoder { throw ByHand() }
  func superDecoder(forKey key: Key) throws -> any Decoder { throw ByHand() }
}

private struct ByHand: Error, CustomStringConvertible {
  var description: String { "it is decoded by hand from nested containers" }
}

extension Shape {
  /// Whether a value of it may be empty.
  fileprivate var hasElements: Bool {
    switch self {
    case .list, .map: true
    default: false
    }
  }

  static func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Shape {
    .integer(minimum: Int64(clamping: Value.min), maximum: UInt64(clamping: Value.max))
  }
}

/// Gives a list one element, and notes it.
private struct UnkeyedRecorder: UnkeyedDecodingContainer {
  let recorder: ShapeRecorder
  let codingPath: [any CodingKey] = []
  var currentIndex = 0

  init(_ recorder: ShapeRecorder) {
    self.recorder = recorder
    recorder.shape = .list(.any)
  }

  var count: Int? { recorder.isEmpty ? 0 : 1 }
  var isAtEnd: Bool { recorder.isEmpty || currentIndex > 0 }

  func decodeNil() -> Bool { false }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    let found = try recorder.nested(type, at: "\(currentIndex)")
    recorder.shape = .list(found.shape)
    currentIndex += 1
    return found.value
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) throws -> KeyedDecodingContainer<Nested> { throw ByHand() }
  func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw ByHand() }
  func superDecoder() throws -> any Decoder { throw ByHand() }
}

/// Notes a single value.
private struct SingleRecorder: SingleValueDecodingContainer {
  let recorder: ShapeRecorder
  let codingPath: [any CodingKey] = []

  init(_ recorder: ShapeRecorder) {
    self.recorder = recorder
  }

  func decodeNil() -> Bool { false }

  private func note<Value>(_ shape: Shape, _ value: Value) -> Value {
    recorder.shape = shape
    return value
  }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    let found = try recorder.nested(type)
    recorder.shape = found.shape
    return found.value
  }

  func decode(_ type: Bool.Type) -> Bool { note(.boolean, false) }
  func decode(_ type: String.Type) -> String { note(.string(), "") }
  func decode(_ type: Double.Type) -> Double { note(.number, 0) }
  func decode(_ type: Float.Type) -> Float { note(.number, 0) }
  func decode(_ type: Int.Type) -> Int { note(.integer(type), 0) }
  func decode(_ type: Int8.Type) -> Int8 { note(.integer(type), 0) }
  func decode(_ type: Int16.Type) -> Int16 { note(.integer(type), 0) }
  func decode(_ type: Int32.Type) -> Int32 { note(.integer(type), 0) }
  func decode(_ type: Int64.Type) -> Int64 { note(.integer(type), 0) }
  func decode(_ type: UInt.Type) -> UInt { note(.integer(type), 0) }
  func decode(_ type: UInt8.Type) -> UInt8 { note(.integer(type), 0) }
  func decode(_ type: UInt16.Type) -> UInt16 { note(.integer(type), 0) }
  func decode(_ type: UInt32.Type) -> UInt32 { note(.integer(type), 0) }
  func decode(_ type: UInt64.Type) -> UInt64 { note(.integer(type), 0) }
}
