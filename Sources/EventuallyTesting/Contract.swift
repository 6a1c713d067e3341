/// One thing that must hold of something that conforms to a protocol.
public struct ContractCheck: Sendable, CustomStringConvertible {
  /// What must hold.
  public let description: String
  private let body: @Sendable () async throws -> Void

  init(_ description: String, _ body: @escaping @Sendable () async throws -> Void) {
    self.description = description
    self.body = body
  }

  /// Finds out whether it holds.
  /// - Throws: ``ScenarioFailure`` with what was seen where it does not.
  public func run() async throws {
    do {
      try await body()
    } catch let error as ScenarioFailure {
      throw ScenarioFailure("\(description): \(error)")
    }
  }
}
