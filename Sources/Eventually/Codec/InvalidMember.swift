/// A member of a JSON object that is not what it has to be.
public struct InvalidMember: Error, Sendable, CustomStringConvertible {
  /// The member.
  public var name: String
  /// What is wrong with it.
  public var reason: String

  /// A member that is not as it has to be.
  public init(_ name: String, _ reason: String) {
    self.name = name
    self.reason = reason
  }

  /// Names the member and what is wrong.
  public var description: String { "'\(name)' \(reason)" }
}
