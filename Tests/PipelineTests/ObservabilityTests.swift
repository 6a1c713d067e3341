import Eventually
import EventuallyKafka
import EventuallySQLite
import FaultScenarios
import Foundation
import HTTPTypes
import Logging
import Testing
import Tracing

@testable import EventuallyServer

/// Keeps the spans of this process.
enum Spans {
  static let finished = Locked<[FinishedSpan]>([])
  /// Tracers can be set once in a process.
  static let bootstrapped: Void = InstrumentationSystem.bootstrap(
    W3CTracer { span in finished.withLock { $0.append(span) } })
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct ObservabilityTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  /// From the request for one order to its rows in three read models, all spans are of one trace.
  @Test func theSpansOfAnOrderAreOneTrace() async throws {
    Spans.bootstrapped
    try await pipeline.startBroker()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let kafka = KafkaConfiguration(brokers: pipeline.brokers, topic: "orders")
    let application = try ApplicationModel.shop()
    var options = Writer.Options(store: pipeline.store, kafka: kafka)
    options.partitionCount = 4
    let writer = try await Writer(application, options: options, logger: logger)
    let server = HTTPServer(
      api: try writer.api(), listen: try #require(ListenAddress("127.0.0.1:0")),
      addressFile: pipeline.file("writer.url"), logger: logger)
    let applied = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await writer.run() }
      group.addTask { try await server.run() }
      for readModel in application.readModels {
        let worker = try Worker(
          application, readModel: readModel.name,
          options: .init(
            directory: pipeline.readModels, kafka: kafka, feed: .file(pipeline.store)),
          logger: logger)
        group.addTask { try await worker.run() }
      }
      let url = try await pipeline.content(of: pipeline.file("writer.url"))
      // By hand: an HTTP client would begin the trace with a span of its own.
      let body = #"{"country":"France"}"#
      let client = try RawConnection(url)
      client.send(
        "POST /orders/one/create HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
      let answer = try await client.answer()
      #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
      defer { group.cancelAll() }
      let applied = try await spans(of: "apply", count: 3)
      // A worker may be faster than the broker's acknowledgement is.
      _ = try await spans(of: "send orders", count: 1)
      return applied
    }
    let all = Spans.finished.withLock { $0 }.filter {
      $0.identity.traceID == applied[0].identity.traceID
    }
    func only(_ name: String) throws -> FinishedSpan {
      let found = all.filter { $0.name == name }
      try #require(found.count == 1, "\(name): \(all.map(\.name))")
      return found[0]
    }
    let request = try only("POST /orders/{id}/create")
    let append = try only("append")
    let publish = try only("send orders")
    let consumed = all.filter { $0.name == "poll orders" }
    #expect(request.parentID == nil && request.kind == .server)
    for (name, value) in [
      "http.request.method": "POST", "http.route": "/orders/{id}/create",
      "url.path": "/orders/one/create", "http.response.status_code": "200",
    ] {
      #expect(
        request.attributes[name]?.toSpanAttribute().text == value, "\(name): \(request.attributes)")
    }
    #expect(append.parentID == request.identity.spanID)
    #expect(publish.parentID == append.identity.spanID)
    #expect(consumed.count == 3 && consumed.allSatisfy { $0.parentID == append.identity.spanID })
    #expect(Set(applied.map(\.identity.traceID)) == [request.identity.traceID])
    #expect(applied.allSatisfy { $0.parentID == append.identity.spanID && $0.error == nil })
    #expect(
      Set(applied.compactMap { $0.attributes["eventually.read_model"]?.toSpanAttribute().text })
        == ["orders", "sales", "customers"])
    // Each read model's batch is a trace of its own, and leads to the event and back.
    let batches = Spans.finished.withLock { $0 }.filter { batch in
      batch.links.contains { $0.span.spanID == append.identity.spanID }
    }
    #expect(
      Set(applied.compactMap(\.links.first?.span.spanID)) == Set(batches.map(\.identity.spanID)))
    #expect(batches.count == 3 && batches.allSatisfy { $0.name == "process orders" })
    for batch in batches {
      #expect(batch.kind == .consumer && batch.parentID == nil && batch.links.count == 1)
      #expect(batch.identity.traceID != request.identity.traceID)
      for (name, value) in [
        "messaging.system": "kafka", "messaging.destination.name": "orders",
        "messaging.operation.name": "process", "messaging.operation.type": "process",
        "messaging.batch.message_count": "1",
      ] {
        #expect(batch.attributes[name]?.toSpanAttribute().text == value, "\(batch.attributes)")
      }
    }
    #expect(append.attributes["db.system.name"]?.toSpanAttribute().text == "sqlite")
    let record = try await writer.store.log.records(ofStream: "one")[0]
    #expect(
      batches[0].links[0].attributes["messaging.message.id"]?.toSpanAttribute().text
        == "\(record.id)")
    #expect(
      record.metadata.traceParent == "00-\(append.identity.traceID)-\(append.identity.spanID)-01")
    await writer.store.close()
  }

  /// Waits for spans of the order's trace.
  private func spans(of name: String, count: Int) async throws -> [FinishedSpan] {
    var found: [FinishedSpan] = []
    try await waitUntil(
      "\(count) spans '\(name)'", seen: { "\(Spans.finished.withLock { $0.map(\.name) })" }
    ) {
      let all = Spans.finished.withLock { $0 }
      let trace = all.last { $0.name == "POST /orders/{id}/create" }?.identity.traceID
      found = all.filter { $0.name == name && $0.identity.traceID == trace }
      return found.count >= count
    }
    return found
  }

  /// The same between processes, by way of what stands with the event; and each tells its metrics.
  @Test func processesTellTheirSpansAndTheirMetrics() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter(
      "--partitions", "4", "--trace-file", pipeline.file("writer.trace"))
    let (worker, projector) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales", "--trace-file", pipeline.file("sales.trace"))
    let trace = "0af7651916cd43dd8448eb211c80319c"
    let answer = try await writer.ask(
      "POST", "/orders/one/create", body: Array(#"{"country":"France"}"#.utf8),
      headers: [
        ("traceparent", "00-\(trace)-b7ad6b7169203331-01"), ("correlation-id", "basket-17"),
      ])
    #expect(answer.status == 200)
    #expect(try await writer.post("/orders/one/create", #"{"country":"X"}"#).status == 409)
    _ = try await pipeline.verifiedDigests("sales")
    func names(_ file: String) -> [String] {
      let text = (try? String(contentsOfFile: pipeline.file(file), encoding: .utf8)) ?? ""
      return text.split(separator: "\n").compactMap { line in
        let span = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return span?["traceId"] as? String == trace ? span?["name"] as? String : nil
      }.sorted()
    }
    try await waitUntil("the spans", seen: { "\(names("writer.trace")) \(names("sales.trace"))" }) {
      names("writer.trace") == ["POST /orders/{id}/create", "append", "send orders"]
        && names("sales.trace") == ["apply", "poll orders"]
    }
    let history = try await writer.text("/orders/one/history").body
    #expect(history.contains(#""correlationId":"basket-17""#), "\(history)")

    func topic(_ operation: String) -> String {
      #"messaging_system="kafka",messaging_operation_name="\#(operation)",messaging_destination_name="orders""#
    }
    let group = #"messaging_consumer_group_name="orders.sales.v2""#
    // Gauges are refreshed once a second.
    let written = try await metrics(of: writer, with: "eventually_publish_backlog_events 0")
    for line in [
      "# TYPE eventually_appends_total counter", "eventually_appends_total 1",
      "eventually_appended_events_total 1", "eventually_append_seconds_count 1",
      #"messaging_client_sent_messages_total{\#(topic("send"))} 1"#,
      "eventually_publish_backlog_events 0",
      "# TYPE eventually_commit_requests histogram",
      #"messaging_client_operation_duration_seconds_count{\#(topic("send")),messaging_operation_type="send"} 1"#,
    ] { #expect(written.contains(line + "\n"), "\(line): \(written)") }
    let applied = try await metrics(
      of: projector, with: #"eventually_lag_seconds{read_model="sales",partition="3"} 0"#,
      #"eventually_lag_events{read_model="sales",partition="0"} 0"#)
    for line in [
      #"eventually_applied_events_total{read_model="sales"} 1"#,
      #"eventually_apply_batch_events_bucket{read_model="sales",le="1"} 1"#,
      #"eventually_end_to_end_seconds_count{read_model="sales"} 1"#,
      #"eventually_lag_events{read_model="sales",partition="0"} 0"#,
      #"eventually_lag_seconds{read_model="sales",partition="3"} 0"#,
      #"messaging_client_consumed_messages_total{\#(topic("poll")),\#(group)} 1"#,
      #"messaging_process_duration_seconds_count{\#(topic("process")),\#(group),read_model="sales"} 1"#,
      #"eventually_rebalances_total{\#(group)} 1"#,
    ] { #expect(applied.contains(line + "\n"), "\(line): \(applied)") }
    for (text, operation) in [(written, "append"), (applied, "apply")] {
      #expect(
        text.contains(
          #"db_client_operation_duration_seconds_count{db_system_name="sqlite",db_operation_name="\#(operation)"} "#
        ), "\(text)")
      try checkFormat(text)
    }
    #expect(try await worker.stop() == 0)
    #expect(try await pipeline.writer?.stop() == 0)
  }

  @Test func requestsWithAKeyThatCameBeforeAreCounted() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    for (country, status) in [("T", "200"), ("T", "200"), ("T", "200"), ("U", "422")] {
      let body = #"{"country":"\#(country)"}"#
      let client = try RawConnection(writer.base)
      client.send(
        "POST /orders/one/create HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
          + "Idempotency-Key: one\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
      let answer = try await client.answer()
      #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
    }
    let text = try await metrics(
      of: writer, with: "eventually_repeated_requests_total 2", "eventually_reused_keys_total 1")
    try checkFormat(text)
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// The metrics of a process, as soon as they have some lines.
  private func metrics(of process: HTTPEndpoint, with lines: String...) async throws -> String {
    var text = ""
    try await waitUntil("\(lines)", seen: { text }) {
      text = try await process.text("/metrics").body
      return lines.allSatisfy { text.contains($0 + "\n") }
    }
    return text
  }

  /// Each line is a comment or `name{labels} number`, and each name is declared once, before its first value, as it is described.
  private func checkFormat(_ text: String) throws {
    var declared: Set<String> = []
    var described: Set<String> = []
    let line = /([a-z_]+)(?:\{(?:[a-z_]+="[^"]*",?)+\})? (?:[0-9.e+-]+|NaN)/
    for text in text.split(separator: "\n") {
      if text.hasPrefix("# HELP ") {
        #expect(described.insert(String(text.split(separator: " ")[2])).inserted)
        continue
      }
      if text.hasPrefix("# TYPE ") {
        let name = String(text.split(separator: " ")[2])
        #expect(described.contains(name), "\(name) is not described")
        #expect(declared.insert(name).inserted, "\(name) is declared twice")
        #expect(text.hasSuffix(" \(MetricName.descriptions[name]?.kind.rawValue ?? "")"), "\(text)")
        continue
      }
      let match = try #require(text.wholeMatch(of: line), "\(text)")
      var name = String(match.1)
      for suffix in ["_bucket", "_sum", "_count"] where !declared.contains(name) {
        if name.hasSuffix(suffix) { name.removeLast(suffix.count) }
      }
      #expect(declared.contains(name), "\(text)")
      let labels = text.matches(of: /([a-z_]+)="/).map { String($0.1) }
      let known = (MetricName.descriptions[name]?.labels ?? []) + ["le"]
      #expect(Set(labels).isSubset(of: known), "\(text)")
    }
  }
}
