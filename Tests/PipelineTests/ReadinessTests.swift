import Eventually
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// A worker calls itself ready only where something shows that its partitions are consumed.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ReadinessTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  private func placeOrders(_ numbers: Range<Int>, _ writer: HTTPEndpoint) async throws {
    for number in numbers {
      let answer = try await writer.post("/orders/o-\(number)/create", #"{"country":"France"}"#)
      #expect(answer.status == 200)
    }
  }

  private func waitForReadiness(
    _ worker: HTTPEndpoint, _ condition: @escaping (UInt, String) -> Bool
  ) async throws -> [String: Any] {
    var body = ""
    try await waitUntil("readiness", within: .seconds(60), seen: { body }) {
      let answer = try await worker.text("/readyz")
      body = answer.body
      return condition(answer.status, answer.body)
    }
    return try #require(JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
  }

  /// The broker refuses every fetch for good, and answers all other requests.
  @Test func aWorkerWhoseFetchesAreRefusedIsNotReady() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let (process, worker) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales")
    try await placeOrders(0..<20, writer)
    _ = try await waitForReadiness(worker) { $0 == 200 && $1.contains(#""lag":0,"#) }
    try await pipeline.kafka.disturb(.fail(.fetch, code: 29, count: 1_000_000))
    let said = try await waitForReadiness(worker) { status, body in
      status == 503 && body.contains("authorization failed") && body.contains("partition 0 stands")
    }
    #expect(said["lag"] is Int)
    #expect(try await process.stop() == 0)
  }

  @Test func waitingInVainNamesWhatStandsStill() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    try await placeOrders(0..<20, writer)
    func wait() async throws -> String {
      let ended = try await pipeline.run(
        "ordersctl", "wait", "sales", "--timeout", "1", "--store", pipeline.store,
        "--read-models", pipeline.readModels)
      #expect(ended.code == 1)
      return ended.output
    }
    let before = try await wait()
    #expect(before.contains("sales: not built yet"), "\(before)")
    let (process, _) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales-1")
    _ = try await pipeline.verifiedDigests("sales")
    #expect(try await process.stop() == 0)
    try await placeOrders(20..<40, writer)
    let output = try await wait()
    #expect(output.contains("sales: partition 0 stands at partition offset "), "\(output)")
    #expect(
      output.contains("taken last by sales-1: neither the store nor the read model tells why"),
      "\(output)")
  }

  /// A partition that went to another worker has no lag here.
  @Test func lagGaugesGoWithTheirPartitions() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let (first, worker) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales-1")
    func gauges(_ worker: HTTPEndpoint) async throws -> Int {
      try await worker.text("/metrics").body.split(separator: "\n").count {
        $0.hasPrefix("eventually_lag_events{")
      }
    }
    var count = 0
    try await waitUntil("four gauges", seen: { "\(count)" }) {
      count = try await gauges(worker)
      return count == 4
    }
    let (second, _) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales-2")
    try await waitUntil("two gauges", within: .seconds(60), seen: { "\(count)" }) {
      count = try await gauges(worker)
      return count == 2
    }
    #expect(try await second.stop() == 0)
    #expect(try await first.stop() == 0)
  }
}
