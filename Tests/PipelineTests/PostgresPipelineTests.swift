import Eventually
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// The sample's pipeline with store and read models in PostgreSQL.
@Suite(
  .serialized, .timeLimit(.minutes(10)),
  .enabled(
    if: StoreChoice.postgresOfEnvironment.obstacle == nil, "PostgreSQL is not installed here"))
struct PostgresPipelineTests {
  /// One of two writers, and one of two workers of each read model, is killed while orders flow; then a replay builds the same.
  @Test func twoWritersAndTheirWorkersAreKilledAndNothingIsLost() async throws {
    let database = try await StoreChoice.postgresOfEnvironment.makeDatabase()
    let pipeline = try Pipeline(database: database)
    do {
      try await play(pipeline)
    } catch {
      try await pipeline.close()
      throw error
    }
    try await pipeline.close()
  }

  private func play(_ pipeline: Pipeline) async throws {
    try await pipeline.startBroker()
    let first = try await pipeline.startWriter("--partitions", "4")
    let (other, second) = try await startOtherWriter(pipeline)
    var workers: [String: [RunningProcess]] = [:]
    let names = OrdersApplication().readModels.map(\.name)
    for name in names {
      for number in 1...2 {
        workers[name, default: []].append(
          try await pipeline.startProjector(
            name, feed: pipeline.store, worker: "\(name)-\(number)"
          ).0)
      }
    }
    let orders = 600
    let simulations = [
      try await simulate(pipeline, at: first, orders, seed: 1),
      try await simulate(pipeline, at: second, orders, seed: 2),
    ]
    try await reaches(400, pipeline)
    for name in names { workers[name]?[0].kill() }
    try await reaches(1200, pipeline)
    // The one that publishes. Its client tries until it is back at its address.
    pipeline.writer?.kill()
    _ = try await pipeline.startWriter("--partitions", "4")
    for simulation in simulations {
      #expect(try await simulation.exitCode() == 0, "\(simulation.log)")
    }
    for name in names {
      workers[name]?[0] = try await pipeline.startProjector(
        name, feed: pipeline.store, worker: "\(name)-1"
      ).0
    }
    let digests = try await pipeline.verifiedDigests()
    #expect(digests.keys.sorted() == names.sorted())
    try await replay(pipeline, "sales")
    #expect(try await pipeline.verifiedDigests() == digests)
    for worker in workers.values.joined() { #expect(try await worker.stop() == 0, "\(worker.log)") }
    #expect(try await other.stop() == 0, "\(other.log)")
    #expect(try await pipeline.writer?.stop() == 0)
  }

  private func startOtherWriter(
    _ pipeline: Pipeline
  ) async throws -> (RunningProcess, HTTPEndpoint) {
    let file = pipeline.file("other.url")
    let process = try await pipeline.start(
      "writer",
      [
        "serve", "--store", pipeline.store, "--listen", "127.0.0.1:0", "--address-file", file,
        "--partitions", "4",
      ] + pipeline.kafkaArguments)
    let url = try await pipeline.content(of: file, by: process)
    return (process, try #require(HTTPEndpoint(url)))
  }

  private func simulate(
    _ pipeline: Pipeline, at writer: HTTPEndpoint, _ orders: Int, seed: Int
  ) async throws -> RunningProcess {
    try await pipeline.start(
      "writer", "simulate", "--url", writer.base, "--orders", "\(orders)", "--rate", "150",
      "--seed", "\(seed)")
  }

  private func reaches(_ head: UInt64, _ pipeline: Pipeline) async throws {
    let log = try await pipeline.log()
    try await waitUntil("the head \(head)", within: .seconds(60)) {
      try await log.head() >= head
    }
  }

  /// A savepoint, and a generation from it, which is the live one in the end.
  private func replay(_ pipeline: Pipeline, _ name: String) async throws {
    for arguments in [
      ["savepoint", "save", name, "base"],
      ["replay", name, "--from", "base", "--store", pipeline.store],
      ["replay", name, "--from", "zero", "--store", pipeline.store],
    ] {
      let process = try await pipeline.start(
        "ordersctl", arguments + ["--read-models", pipeline.readModels])
      #expect(try await process.exitCode() == 0, "\(arguments): \(process.log)")
    }
  }
}
