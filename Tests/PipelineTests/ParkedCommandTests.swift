import Eventually
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// What a person does about events that could not be applied.
@Suite(.timeLimit(.minutes(5))) struct ParkedCommandTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  private func parked(_ words: String...) async throws -> (code: Int32, output: String) {
    let process = try await pipeline.start(
      "ordersctl", ["parked"] + words + ["--read-models", pipeline.readModels])
    return (try await process.exitCode(), process.log)
  }

  @Test func listShowRetryAndDrop() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let (worker, url) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales",
      environment: [FaultPlan.variable: "readmodel.project=fail:-bad"])
    for id in ["a-good", "b-bad", "c-bad"] {
      let order =
        #"{"commands":[{"create":{"country":"France"}},"#
        + #"{"addItem":{"sku":"A","quantity":1,"unitPrice":"10"}},{"complete":{}}]}"#
      #expect(try await writer.post("/orders/\(id)/commands", order).status == 200)
    }
    let places = ["--store", pipeline.store, "--read-models", pipeline.readModels]
    let wait = try await pipeline.start(
      "ordersctl", ["wait", "sales", "--timeout", "60"] + places)
    #expect(try await wait.exitCode() == 0, "\(wait.log) \(worker.log)")
    let list = try await parked("list", "sales")
    #expect(list.output.contains("b-bad") && list.output.contains("c-bad"), "\(list.output)")
    #expect(!list.output.contains("a-good"))
    let all = try await parked("list")
    #expect(all.code == 0 && all.output == list.output, "\(all)")
    #expect(list.output.contains(FaultPlan.variable), "\(list.output)")
    let show = try await parked("show", "sales", "b-bad")
    #expect(show.code == 0 && show.output.contains("OrderCompleted"), "\(show.output)")
    // What the worker tells of itself is a moment older than what the database has.
    var ready = try await url.text("/readyz")
    let deadline = ContinuousClock.now + .seconds(20)
    while ready.status != 200, .now < deadline {
      try await Task.sleep(for: .milliseconds(20))
      ready = try await url.text("/readyz")
    }
    #expect(ready.status == 200 && ready.body.contains("\"parkedEvents\":6,"), "\(ready.body)")
    // Any process that reads the read model's file tells how many streams are parked, and how far it is.
    let file = pipeline.file("queries.url")
    let server = try await pipeline.start(
      "projector", "serve", "--read-models", pipeline.readModels, "--listen", "127.0.0.1:0",
      "--address-file", file)
    let queries = try #require(HTTPEndpoint(try await pipeline.content(of: file, by: server)))
    let head = try await writer.text("/metrics").body
    for metrics in [try await url.text("/metrics").body, try await queries.text("/metrics").body] {
      #expect(metrics.contains(#"eventually_parked_streams{read_model="sales"} 2"#), "\(metrics)")
      for line in head.split(separator: "\n") where line.hasPrefix("eventually_store_head{") {
        let applied = line.replacing("eventually_store_head{", with: "eventually_applied_position{")
          .replacing(#"",partition"#, with: #"",read_model="sales",partition"#)
        // A partition that has no events may never have been taken.
        #expect(metrics.contains(applied) || line.hasSuffix(" 0"), "\(applied): \(metrics)")
      }
    }
    #expect(head.contains("eventually_store_unwritable{store="), "\(head)")
    #expect(try await queries.text("/sales").status == 200)
    let counted = try await queries.text("/metrics").body
    let answered = counted.split(separator: "\n").filter { line in
      line.hasPrefix("http_server_request_duration_seconds_count{")
        && [
          #"http_request_method="GET""#, #"http_route="/sales""#, #"url_scheme="http""#,
          #"http_response_status_code="200""#,
        ].allSatisfy { line.contains($0) }
    }
    #expect(answered.count == 1 && answered[0].hasSuffix(" 1"), "\(counted)")
    #expect(counted.contains("eventually_waiting_queries 0"), "\(counted)")
    #expect(try await server.stop() == 0)
    let status = try await pipeline.start("ordersctl", ["status"] + places)
    #expect(try await status.exitCode() == 0)
    #expect(status.log.contains("6 events of 2 streams parked"), "\(status.log)")

    let reason = try #require(show.output.firstMatch(of: /parked since [^ ]+: ([^\n]+)/)).1
    let tried = try await parked("retry", "sales", "--reason", String(reason), "--dry-run")
    #expect(tried.code == 0, "\(tried)")
    for stream in ["b-bad", "c-bad"] {
      #expect(tried.output.contains("\(stream): 3 events would be applied; rows written: "))
    }
    #expect(tried.output.contains("after [\"sales_orders\","), "\(tried.output)")
    #expect(
      try await parked("drop", "sales", "c-bad", "--dry-run").output.contains(
        "c-bad: 3 events would be dropped"))
    #expect(try await parked("list", "sales").output == list.output)
    #expect(try await parked("retry", "sales", "b-bad").output.contains("3 events applied"))
    #expect(try await url.text("/sales").body.contains("\"revenue\":\"20.00\""))
    #expect(try await parked("drop", "sales", "--all").output.contains("c-bad: 3 events dropped"))
    let verify = try await pipeline.start(
      "ordersctl", ["verify", "sales", "--caught-up"] + places)
    #expect(try await verify.exitCode() == 0, "\(verify.log)")
    #expect(verify.log.contains("3 events dropped"), "\(verify.log)")
    #expect(try await parked("list", "sales").output.contains("nothing is parked"))

    let mistakes = [
      (["retry", "sales"], "--all"), (["retry", "sales", "a-good"], "not parked"),
      (["retry", "sales", "--reason", "x"], "for that reason"),
      (["retry", "sales", "b-bad", "--all"], "--reason"),
      (["drop", "sales", "c-bad"], "not parked"), (["show", "sales", "x"], "not parked"),
      (["list", "orders"], "not built yet"), (["list", "none"], "none"),
    ]
    for (words, told) in mistakes {
      let process = try await pipeline.start(
        "ordersctl", ["parked"] + words + ["--read-models", pipeline.readModels])
      let code = try await process.exitCode()
      #expect(code != 0 && process.log.contains(told), "\(words): \(process.log)")
    }
    #expect(try await worker.stop() == 0)
    #expect(try await pipeline.writer?.stop() == 0)
  }
}
