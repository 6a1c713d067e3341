import CKafkaShim

/// A property of librdkafka that can't be set, or only to some values, because a guarantee rests on it.
package struct GuardedProperty: Sendable {
  /// The values that are taken.
  enum Values: Sendable {
    /// None.
    case none
    /// True or false, as librdkafka writes them.
    case flag(Bool)
    /// One of some words.
    case words([String])
    /// A list, separated by commas, of some words.
    case list([String])
    /// A whole number.
    case number(ClosedRange<Int>)
  }

  /// librdkafka's names for it, with its aliases.
  package let names: [String]
  let values: Values
  /// What would be lost otherwise, and what to do.
  package let reason: String

  init(_ names: String..., values: Values, reason: String) {
    self.names = names
    self.values = values
    self.reason = reason
  }

  /// Which values are taken, in words.
  package var taken: String {
    switch values {
    case .none: "none"
    case .flag(let flag): "\(flag)"
    case .words(let words): words.joined(separator: " or ")
    case .list(let words): words.joined(separator: ", ")
    case .number(let range):
      range.lowerBound == range.upperBound
        ? "\(range.lowerBound)"
        : range.upperBound == .max
          ? "from \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }
  }

  /// Whether a value is taken. Only what is certain to mean for librdkafka what it means here is.
  func takes(_ value: String) -> Bool {
    let value = value.lowercased()
    return switch values {
    case .none: false
    case .flag(let flag): (flag ? ["true", "t", "1"] : ["false", "f", "0"]).contains(value)
    case .words(let words): words.contains(value)
    case .list(let words): value.split(separator: ",").allSatisfy { words.contains(String($0)) }
    // A number that begins with 0 is octal for librdkafka.
    case .number(let range): Int(value).map { range.contains($0) && "\($0)" == value } ?? false
    }
  }

  /// The one that a name belongs to. librdkafka also takes the properties of topics with `topic.` before their names.
  package static func named(_ name: String) -> GuardedProperty? {
    let bare = name.hasPrefix("topic.") ? String(name.dropFirst("topic.".count)) : name
    return all.first { $0.names.contains(name) || $0.names.contains(bare) }
  }

  /// Makes sure that a setting breaks no guarantee.
  static func check(_ setting: KafkaSetting) throws(KafkaError) {
    // C would take what comes before a zero byte for all of it.
    guard !setting.name.utf8.contains(0), !setting.value.utf8.contains(0) else {
      throw KafkaError(refused: "a zero byte", "its name or its value has a zero byte")
    }
    guard let property = named(setting.name), !property.takes(setting.value) else { return }
    var words = property.reason
    if case .none = property.values {} else { words = "it has to be \(property.taken): \(words)" }
    throw KafkaError(refused: "\(setting.name)=\(setting.value.prefix(80))", words)
  }
}

extension KafkaError {
  fileprivate init(refused setting: String, _ words: String) {
    self.init(
      code: CKS_INVALID, message: words, isRetriable: false,
      operation: "the Kafka property \(setting) is refused")
  }
}
