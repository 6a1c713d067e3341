/// A property of librdkafka and its value. A description shows no secret.
public struct KafkaSetting: Sendable, Hashable {
  /// The property's name, `security.protocol` for example.
  public var name: String
  /// Its value.
  public var value: String

  /// A setting from its parts.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  /// Whether the value is nobody's business. What librdkafka does not know may be a secret that is written wrong.
  package var isSecret: Bool {
    guard KafkaProperty.names.contains(name) else { return true }
    return ["password", "passphrase", "secret", "key.pem"].contains(where: name.contains)
      || name == "sasl.oauthbearer.config"
  }
}

extension KafkaSetting: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// `name=value`, without a secret.
  public var description: String { "\(name)=\(isSecret ? "(hidden)" : value)" }
  /// The same.
  public var debugDescription: String { description }
  /// Nothing of a secret.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
