/// An event type that has examples of itself, from which documents learn which types of events there are and what their payloads look
/// like: the cases of an enumeration can't be found otherwise.
public protocol ExampledEvent: Codable, Sendable {
  /// At least one event of each type.
  static var examples: [Self] { get }
}
