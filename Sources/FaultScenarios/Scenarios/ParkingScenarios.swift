import Eventually
import EventuallySQLite
import Foundation
import OrdersApp

extension Scenario {
  static let parkingScenarios = [
    Scenario(
      "projection-fails",
      "a projection throws for some orders: only those are parked, and restored once it is mended",
      play: parking)
  ]

  private static func parking(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    try await stage.startWriter()
    let digit = Int.random(in: 0...9, using: &stage.random)
    let broken = try await stage.startWorker(
      .sales, "sales-1", faults: "readmodel.project=fail:\(digit)")
    let open = "open-\(digit)"
    let item = #"{"sku":"A","quantity":2,"unitPrice":"1.25"}"#
    try await stage.command("/orders/\(open)/create", #"{"country":"France","customer":"c"}"#)
    try await stage.command("/orders/\(open)/add-item", item)
    let load = try stage.startLoad(orders: 120)
    try await stage.loadEnds()
    try await stage.caughtUp([.sales])
    let parked = try await stage.parkedStreams(.sales)
    // Of an order that was erased meanwhile, its removal is parked at least.
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
    try await stage.stopWorker("sales-1")
    // The code is mended; what comes meanwhile for a parked order goes behind what is parked already.
    try await stage.startWorker(.sales, "sales-1")
    try await stage.command("/orders/\(open)/add-item", item)
    try await stage.command("/orders/\(open)/complete", "{}")
    try stage.startLoad(orders: 40)
    try await stage.loadEnds()
    try await stage.caughtUp([.sales])
    let waiting = try await stage.parkedStreams(.sales)
    guard waiting.first(where: { $0.streamID == open })?.events == 4 else {
      throw NotAsExpected("not all of the 4 events of \(open) are parked: \(waiting)")
    }
    let retry = try await stage.pipeline.run(
      "eventuallyctl", "parked", "retry", "sales", "--all", "--read-models",
      stage.pipeline.readModels)
    guard retry.code == 0 else { throw NotAsExpected(retry.output) }
    guard try await stage.parkedStreams(.sales).isEmpty else {
      throw NotAsExpected("streams are parked after all have been restored")
    }
    stage.tally.add(.eventsRestored, waiting.reduce(0) { $0 + $1.events })
    try await stage.checkAll([.sales])
  }
}

extension Stage {
  func parkedStreams(_ model: ReadModelName) async throws -> [ParkedStream] {
    try await ReadModelReader(
      path: model.path(in: pipeline.readModels), model: model.model, readers: 1
    ).parkedStreams()
  }

  /// Sends a command that must be carried out.
  func command(_ path: String, _ json: String) async throws {
    let answer = try await writer.post(path, json)
    guard answer.status == 200 else { throw NotAsExpected("\(path): \(answer.body)") }
  }

  /// Waits until read models have taken in all events, parked or not.
  func caughtUp(_ models: [ReadModelName]) async throws {
    let wait = try await pipeline.start(
      "eventuallyctl",
      ["wait", "--timeout", "90", "--store", pipeline.store, "--read-models", pipeline.readModels]
        + models.map(\.rawValue))
    guard try await wait.exitCode() == 0 else {
      throw NotAsExpected(wait.log + workers.values.map { $0.process.log.suffix(1500) }.joined())
    }
  }

  /// The sales read model is the fold of what is not parked.
  func verifyWithParked() async throws {
    let verify = try await pipeline.run(
      "eventuallyctl", "verify", "sales", "--store", pipeline.store, "--read-models",
      pipeline.readModels)
    guard verify.code == 0, verify.output.contains("events parked") else {
      throw NotAsExpected(verify.output)
    }
    let strict = try await pipeline.run(
      "eventuallyctl", "verify", "sales", "--caught-up", "--store", pipeline.store,
      "--read-models", pipeline.readModels)
    guard strict.code == 1 else {
      throw NotAsExpected("--caught-up passes over parked events: \(strict.output)")
    }
  }
}
