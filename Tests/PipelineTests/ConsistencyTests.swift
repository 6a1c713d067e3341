import Eventually
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// A query that comes with the token of a command's answer sees what the command did.
@Suite(.timeLimit(.minutes(5))) struct ConsistencyTests {
  @Test(arguments: [("4-3", 4, 3), ("0-0", 0, 0)])
  func readsTokens(_ text: String, _ partition: Partition, _ offset: UInt64) {
    let token = ConsistencyToken(text)
    #expect(token?.partition == partition && token?.offset == offset)
    #expect(token?.description == text)
  }

  @Test(arguments: ["", "4", "-", "4-", "-4-3", "4-3-1", "a-b", "1-99999999999999999999", "4--3"])
  func refusesWhatIsNone(_ text: String) {
    #expect(ConsistencyToken(text) == nil)
  }

  @Test func aQueryWaitsForWhatItsTokenStandsFor() async throws {
    let pipeline = try Pipeline()
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    var (worker, _) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "orders")
    let file = pipeline.file("queries.url")
    let server = try await pipeline.start(
      "projector", "serve", "--read-models", pipeline.readModels, "--listen", "127.0.0.1:0",
      "--address-file", file)
    let queries = try #require(HTTPEndpoint(try await pipeline.content(of: file, by: server)))
    func place(_ id: String) async throws -> String {
      let order =
        #"{"commands":[{"create":{"country":"France"}},"#
        + #"{"addItem":{"sku":"A","quantity":2,"unitPrice":"1.50"}},{"complete":{}}]}"#
      let answer = try await writer.post("/orders/\(id)/commands", order)
      let json = try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any]
      return try #require(json?["token"] as? String, "\(answer)")
    }
    // Another process answers than the one that applies, at once and while the group is still being joined.
    for number in 0..<40 {
      let token = try await place("order-\(number)")
      let answer = try await queries.text("/orders/order-\(number)?after=\(token)&wait=30")
      #expect(answer.status == 200 && answer.body.contains("completed"), "\(token): \(answer)")
    }
    let gone = try await writer.send("DELETE", "/orders/order-7")
    let json = try JSONSerialization.jsonObject(with: Data(gone.body)) as? [String: Any]
    let removal = try #require(json?["token"] as? String)
    #expect(try await queries.text("/orders/order-7?after=\(removal)").status == 404)

    worker.kill()
    let token = try await place("late")
    let late = try await queries.text("/orders/late?after=\(token)&wait=1")
    #expect(late.status == 503 && late.body.contains("not yet"), "\(late)")
    #expect(try await queries.text("/orders/late?after=99-1").status == 422)
    for wrong in ["x", "1", "1-1&wait=31", "1-1&wait=x"] {
      #expect(try await queries.text("/orders/late?after=\(wrong)").status == 400, "\(wrong)")
    }
    let asked = Task { try await queries.text("/orders/late?after=\(token)&wait=30") }
    (worker, _) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "orders")
    let answer = try await asked.value
    #expect(answer.status == 200, "\(answer) \(worker.log)")
    for process in [worker, server] { #expect(try await process.stop() == 0) }
    #expect(try await pipeline.writer?.stop() == 0)
  }
}
