/// Finds the name of a plain `Codable` event's type in how the event encodes itself.
enum EventTypeRecorder {
  /// The case's name for an enumeration whose cases `Codable` writes as objects with one member, the raw value for an
  /// enumeration of texts, the Swift type's name for anything else.
  static func name<Event: Encodable>(of event: Event) -> String {
    caseName(of: event) ?? "\(Event.self)"
  }

  /// The case's name, or the raw value; `nil` for what is not such an enumeration.
  static func caseName<Event: Encodable>(of event: Event) -> String? {
    guard Mirror(reflecting: event).displayStyle == .enum else { return nil }
    let recorder = Recorder()
    // An event that refuses to be encoded says so again when it is.
    guard (try? event.encode(to: recorder)) != nil, !recorder.hasMore else { return nil }
    return recorder.name
  }
}

/// Takes the one member that an enumeration opens a container for, or the one text that it is encoded as.
private final class Recorder: Encoder, SingleValueEncodingContainer {
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]
  private(set) var name: String?
  /// Whether there is anything that is no case's name.
  private(set) var hasMore = false

  func found(_ name: String?) {
    if self.name != nil || name == nil { hasMore = true }
    self.name = name
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(Cases(recorder: self))
  }
  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    found(nil)
    return DiscardedElements()
  }
  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  func encodeNil() { found(nil) }
  func encode(_ value: String) { found(value) }
  func encode<Value: Encodable>(_ value: Value) { found(value as? String) }

  private struct Cases<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let recorder: Recorder
    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) { recorder.found(nil) }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) { recorder.found(nil) }
    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
      recorder.found(key.stringValue)
      return KeyedEncodingContainer(DiscardedMembers())
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      recorder.found(nil)
      return DiscardedElements()
    }
    func superEncoder() -> any Encoder { DiscardingEncoder() }
    func superEncoder(forKey key: Key) -> any Encoder { DiscardingEncoder() }
  }
}
