import FaultScenarios
import Foundation
import Testing

/// Every scenario of `deploy/torture`, played once. The time in which one waits for its stage counts, too.
@Suite(.timeLimit(.minutes(40))) struct FaultTests {
  /// Processes of several scenarios would starve each other on a small machine, and time limits would tell nothing.
  private static let stages = Slots(3)

  @Test(arguments: Scenario.all)
  func holds(_ scenario: Scenario) async throws {
    try await play(scenario, storesIn: .files)
  }

  /// What happens to PostgreSQL itself, and what tells most about its store and its read models.
  @Test(
    arguments: Scenario.postgresScenarios
      + Scenario.all.filter {
        ["commands-repeated", "workers-killed-at-random", "zombie"].contains($0.name)
      })
  func holdsOnPostgres(_ scenario: Scenario) async throws {
    try await play(scenario, storesIn: .postgresOfEnvironment)
  }

  @Test func holdsOnSeveralHosts() async throws {
    try await play(.severalHostsBriefly, storesIn: .postgresOfEnvironment)
  }

  private func play(_ scenario: Scenario, storesIn store: StoreChoice) async throws {
    let choice = KafkaChoice.ofEnvironment
    if let obstacle = store.obstacle ?? scenario.obstacle(on: choice, storesIn: store) {
      try Test.cancel("\(scenario.name): \(obstacle)")
    }
    let seed = ProcessInfo.processInfo.environment["FAULT_SEED"].flatMap { UInt64($0) } ?? 1
    let slots = scenario.isAlone(on: choice) ? Self.stages.count : 1
    await Self.stages.take(slots)
    do {
      try await scenario.run(seed: seed, tally: Tally(), on: choice, storesIn: store)
    } catch {
      await Self.stages.giveBack(slots)
      throw error
    }
    await Self.stages.giveBack(slots)
  }
}

/// What the scenarios would find, if it were so.
@Suite(.timeLimit(.minutes(5))) struct FoundOutTests {
  @Test func repetitionsWithoutKeysHaveASecondEffect() async throws {
    guard KafkaChoice.ofEnvironment.isDevelopment else { return }
    let failure = try await #require(throws: NotAsExpected.self) {
      try await Scenario.repetitionsWithoutKeys.run(seed: 1, tally: Tally())
    }
    #expect("\(failure)".contains("commands, each of one event"), "\(failure)")
  }
}

/// A number of slots that tasks wait for, in the order in which they come.
private actor Slots {
  nonisolated let count: Int
  private var free: Int
  private var waiting: [(slots: Int, continuation: CheckedContinuation<Void, Never>)] = []

  init(_ count: Int) {
    self.count = count
    free = count
  }

  func take(_ slots: Int) async {
    if waiting.isEmpty, free >= slots {
      free -= slots
    } else {
      await withCheckedContinuation { waiting.append((slots, $0)) }
    }
  }

  func giveBack(_ slots: Int) {
    free += slots
    while let first = waiting.first, free >= first.slots {
      free -= first.slots
      waiting.removeFirst().continuation.resume()
    }
  }
}
