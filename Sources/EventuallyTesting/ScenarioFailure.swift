/// A scenario, or a contract, does not hold. Thrown in a test, it fails the test with what was seen.
public struct ScenarioFailure: Error, Sendable, CustomStringConvertible {
  /// What was expected, and what was seen.
  public var description: String

  /// A failure with a message.
  public init(_ description: String) {
    self.description = description
  }
}

/// Throws where something that must hold does not.
func require(_ condition: Bool, _ words: @autoclosure () -> String) throws(ScenarioFailure) {
  guard condition else { throw ScenarioFailure(words()) }
}
