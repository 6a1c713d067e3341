import FaultScenarios
import Foundation
import Testing

/// Every scenario of `deploy/torture`, played once.
@Suite(.timeLimit(.minutes(10))) struct FaultTests {
  /// Processes of several scenarios would starve each other on a small machine, and time limits would tell nothing.
  private static let stages = Slots(3)

  @Test(arguments: Scenario.all)
  func holds(_ scenario: Scenario) async throws {
    if let obstacle = scenario.obstacle() {
      try Test.cancel("\(scenario.name): \(obstacle)")
    }
    let seed = ProcessInfo.processInfo.environment["FAULT_SEED"].flatMap { UInt64($0) } ?? 1
    await Self.stages.take()
    do {
      try await scenario.run(seed: seed, tally: Tally())
    } catch {
      await Self.stages.giveBack()
      throw error
    }
    await Self.stages.giveBack()
  }
}

/// A number of slots that tasks wait for.
private actor Slots {
  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ count: Int) {
    free = count
  }

  func take() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  func giveBack() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}
