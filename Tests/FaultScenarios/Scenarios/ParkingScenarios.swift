import Eventually
import Foundation

extension Scenario {
  static let parkingScenarios = [
    Scenario(
      "projection-fails",
      "a projection throws for some streams: only those are parked, and restored once it is fixed",
      play: parking)
  ]

  private static func parking(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    let digit = Int.random(in: 0...9, using: &stage.random)
    let broken = try await stage.startWorker(
      .first, "first-1", faults: "readmodel.project=fail:\(digit)")
    let commands = stage.application.fourCommands(on: "open-\(digit)")
    let open = stage.application.stream(of: "open-\(digit)")
    for command in commands.prefix(2) { try await stage.send(command) }
    let load = try stage.startLoad(entities: 120)
    try await stage.loadEnds()
    try await stage.caughtUp([.first])
    let parked = try await stage.parkedStreams(.first)
    // Of a stream that was erased meanwhile, its removal is parked at least.
    let placed = Set(load.acknowledged.map(\.streamID))
    let expected = placed.filter { $0.hasSuffix("\(digit)") }.union([open])
    guard Set(parked.map(\.streamID)) == expected, expected.count > 1 else {
      throw NotAsExpected(
        "parked are \(parked.map(\.streamID).sorted()) instead of \(expected.sorted())")
    }
    // A commit can be seen in the file before the worker knows that it succeeded, and the read model counts as built only
    // some time after the last event's commit.
    var body = ""
    try await waitUntil("readiness tells what is parked", seen: { body }) {
      let answer = try await broken.endpoint.text("/readyz")
      body = answer.body
      return answer.status == 200 && body.contains("\"parkedStreams\":\(expected.count),")
    }
    try await stage.verifyWithParked()
    try await stage.stopWorker("first-1")
    // The code is fixed; what comes meanwhile for a parked stream goes behind what is parked already.
    try await stage.startWorker(.first, "first-1")
    for command in commands.dropFirst(2) { try await stage.send(command) }
    try stage.startLoad(entities: 40)
    try await stage.loadEnds()
    try await stage.caughtUp([.first])
    let waiting = try await stage.parkedStreams(.first)
    guard waiting.first(where: { $0.streamID == open })?.events == 4 else {
      throw NotAsExpected("not all of the 4 events of \(open) are parked: \(waiting)")
    }
    try await stage.readModels(["parked", "retry", stage.first, "--all"])
    guard try await stage.parkedStreams(.first).isEmpty else {
      throw NotAsExpected("streams are parked after all have been restored")
    }
    stage.tally.add(.eventsRestored, waiting.reduce(0) { $0 + $1.events })
    try await stage.checkAll([.first])
  }
}

extension Stage {
  func parkedStreams(_ role: ReadModelRole) async throws -> [ParkedStream] {
    try await model(role).reader(in: pipeline.readModels).parkedStreams()
  }

  /// Runs an administrative command on the read models, which must succeed.
  func readModels(_ arguments: [String]) async throws {
    let (code, output) = try await pipeline.harness.run(
      arguments + ["--read-models", pipeline.readModels])
    guard code == 0 else { throw NotAsExpected("\(arguments): \(output)") }
  }

  /// Sends a command that must be carried out.
  func send(_ command: EntityCommand) async throws {
    let answer = try await writer.post(command.path, command.json)
    guard answer.status == 200 else { throw NotAsExpected("\(command.path): \(answer.body)") }
  }

  /// Waits until read models have taken in all events, parked or not.
  func caughtUp(_ models: [ReadModelRole]) async throws {
    do {
      try await pipeline.harness.waitUntilCaughtUp(names(models), within: .seconds(90))
    } catch let error as ScenarioFailure {
      throw NotAsExpected("\(error)" + workers.values.map { $0.process.log.suffix(1500) }.joined())
    }
  }

  /// The first read model is the fold of what is not parked.
  func verifyWithParked() async throws {
    let places = ["--store", pipeline.store, "--read-models", pipeline.readModels]
    let verify = try await pipeline.harness.run(["verify", first] + places)
    guard verify.code == 0, verify.output.contains("events parked") else {
      throw NotAsExpected(verify.output)
    }
    let strict = try await pipeline.harness.run(["verify", first, "--caught-up"] + places)
    guard strict.code == 1 else {
      throw NotAsExpected("--caught-up passes over parked events: \(strict.output)")
    }
  }
}
