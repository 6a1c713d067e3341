/// A failure that is played with the real executables, and after which everything must hold.
package struct Scenario: Sendable, CustomStringConvertible {
  /// What it is called: words with hyphens.
  package let name: String
  /// What happens in it.
  package let summary: String
  /// Why it can't be played on this machine; `nil` where it can.
  package let obstacle: @Sendable () -> String?
  private let play: @Sendable (Stage) async throws -> Void

  init(
    _ name: String, _ summary: String, obstacle: @escaping @Sendable () -> String? = { nil },
    play: @escaping @Sendable (Stage) async throws -> Void
  ) {
    self.name = name
    self.summary = summary
    self.obstacle = obstacle
    self.play = play
  }

  package var description: String { name }

  /// Plays the scenario.
  /// - Parameters:
  ///   - seed: what is random in it follows from this, as far as processes and machines allow.
  ///   - tally: counts what happens.
  /// - Throws: where something that must hold does not.
  package func run(seed: UInt64, tally: Tally) async throws {
    let stage = try Stage(seed: seed, tally: tally)
    do {
      try await play(stage)
    } catch {
      await stage.close()
      throw NotAsExpected("\(name), seed \(seed): \(error)")
    }
    await stage.close()
  }

  /// All scenarios.
  package static let all =
    writerScenarios + workerScenarios + brokerScenarios + topicScenarios + parkingScenarios
    + deadlyEventScenarios
    + diskScenarios + clockScenarios + replayScenarios + hostileScenarios
}
