/// Takes whatever is encoded, and keeps nothing of it.
struct DiscardingEncoder: Encoder, SingleValueEncodingContainer {
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(DiscardedMembers())
  }
  func unkeyedContainer() -> any UnkeyedEncodingContainer { DiscardedElements() }
  func singleValueContainer() -> any SingleValueEncodingContainer { self }
  func encodeNil() {}
  func encode<Value: Encodable>(_ value: Value) {}
}

/// Members of which nothing is kept.
struct DiscardedMembers<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let codingPath: [any CodingKey] = []
  func encodeNil(forKey key: Key) {}
  func encode<Value: Encodable>(_ value: Value, forKey key: Key) {}
  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> { KeyedEncodingContainer(DiscardedMembers<Nested>()) }
  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    DiscardedElements()
  }
  func superEncoder() -> any Encoder { DiscardingEncoder() }
  func superEncoder(forKey key: Key) -> any Encoder { DiscardingEncoder() }
}

/// Elements of which nothing is kept.
struct DiscardedElements: UnkeyedEncodingContainer {
  let codingPath: [any CodingKey] = []
  let count = 0
  func encodeNil() {}
  func encode<Value: Encodable>(_ value: Value) {}
  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) -> KeyedEncodingContainer<Nested> { KeyedEncodingContainer(DiscardedMembers<Nested>()) }
  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { DiscardedElements() }
  func superEncoder() -> any Encoder { DiscardingEncoder() }
}
