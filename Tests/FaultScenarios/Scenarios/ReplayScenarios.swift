import Eventually
import Foundation

extension Scenario {
  static let replayScenarios = [
    Scenario(
      "replay-killed-under-load",
      "a replay from a savepoint is killed again and again while events flow, and takes over in the end",
      play: replayKilled),
    Scenario(
      "switch-while-workers-die",
      "the live generation is switched to and fro while events flow and workers are killed",
      play: switched),
  ]

  private static func begin(_ stage: Stage) async throws {
    // What a worker says of one generation must not be held against the file of the next.
    stage.observer.setReadsFiles(false)
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    try await stage.startWorker(.first, "first-1")
    try stage.startLoad(entities: 120, rate: 300)
    try await stage.loadEnds()
    try await stage.caughtUp([.first])
    try await stage.readModels(["savepoint", "save", stage.first, "base"])
  }

  private static func replayKilled(_ stage: Stage) async throws {
    try await begin(stage)
    let load = try stage.startLoad(entities: 300, rate: 60)
    try await stage.startWorker(.first, "first-2")
    for (round, from) in ["base", "zero", "base"].enumerated() {
      let source = Bool.random(using: &stage.random) ? "store" : "kafka"
      let arguments =
        ["replay", stage.first, "--from", from, "--source", source, "--workers", "\(round + 1)"]
        + stage.pipeline.kafkaArguments
        + ["--store", stage.pipeline.store, "--read-models", stage.pipeline.readModels]
      for _ in 1...4 {
        let faults = ["readmodel.applied", "readmodel.committed", "replay.built"].randomElement(
          using: &stage.random)
        let replay = try await stage.pipeline.harness.start(
          stage.application.executables.administration, arguments,
          environment: Stage.faults(faults.map { "\($0)=kill@\($0 == "replay.built" ? 1 : 2)" }))
        try await stage.pause(50...400)
        replay.kill()
      }
      let last = try await stage.pipeline.harness.run(arguments)
      guard last.code == 0 else { throw NotAsExpected(last.output) }
      if round == 1 { stage.killWorker("first-2") }
    }
    try await stage.begun(load, 300)
    try await stage.loadEnds()
    try await stage.caughtUp([.first])
    let catalog = stage.model(.first).catalog(in: stage.pipeline.readModels)
    let left = try await catalog.list().filter { $0.isBuilding }
    guard left.isEmpty else { throw NotAsExpected("generations are being built still: \(left)") }
    try await stage.checkAll([.first])
  }

  private static func switched(_ stage: Stage) async throws {
    try await begin(stage)
    try await stage.readModels([
      "replay", stage.first, "--from", "base", "--store", stage.pipeline.store,
    ])
    let load = try stage.startLoad(entities: 300, rate: 60)
    for round in 1...8 {
      try await stage.startWorker(.first, "first-\(round + 1)")
      try await stage.readModels(["generations", "switch", stage.first, "\(round % 2 + 1)"])
      try await stage.pause(100...1500)
      if round % 2 == 0 { stage.killWorker("first-\(round)") }
      try await stage.readModels(["generations", "switch", stage.first, "\(2 - round % 2)"])
      try await stage.pause(0...500)
    }
    try await stage.begun(load, 300)
    try await stage.loadEnds()
    // Each generation has each event once, whichever was live when it came.
    for generation in [1, 2] {
      try await stage.readModels(["generations", "switch", stage.first, "\(generation)"])
      try await stage.caughtUp([.first])
      try await stage.verify([.first])
    }
    try await stage.checkAll([.first])
  }
}
