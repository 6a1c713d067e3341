import CoreMetrics
import Eventually
@testable import EventuallyServer
import EventuallyTesting
import Foundation
import HTTPTypes
import ServiceContextModule
import Testing

/// What scrapers get.
@Suite struct MetricsTests {
  private func text(
    _ format: MetricsText.Format, _ count: (PrometheusMetrics) -> Void
  ) -> String {
    let metrics = PrometheusMetrics()
    count(metrics)
    var text = MetricsText(format)
    text.add(metrics.current)
    return text.text()
  }

  private func context(_ traceParent: String) -> ServiceContext {
    var context = ServiceContext.topLevel
    context[W3CIdentity.Key.self] = W3CIdentity(traceParent)
    return context
  }

  @Test(arguments: [
    (nil, MetricsText.Format.prometheus), ("*/*", .prometheus), ("image/png", .prometheus),
    (
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      .openMetrics
    ),
    ("text/plain;version=0.0.4,application/openmetrics-text;q=0.5", .prometheus),
  ])
  func theFormatIsWhatIsAskedFor(accepted: String?, format: MetricsText.Format) {
    #expect(MetricsText.Format(accepted: accepted) == format)
  }

  @Test func prometheusFormat() {
    let found = text(.prometheus) { metrics in
      Counter(label: MetricName.appends, factory: metrics).increment(by: 2)
      Gauge(label: "g", dimensions: [("a", "x\"y\\z\n")], factory: metrics).record(1.5)
      ServiceContext.withValue(context("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")) {
        Timer(label: "t_seconds", factory: metrics).recordMilliseconds(3)
      }
    }
    #expect(found.hasPrefix("# HELP eventually_appends_total "), "\(found)")
    #expect(found.contains("# TYPE eventually_appends_total counter\neventually_appends_total 2\n"))
    #expect(found.contains(#"g{a="x\"y\\z\n"} 1.5"#))
    #expect(found.contains("t_seconds_bucket{le=\"0.005\"} 1\n"))
    #expect(found.contains("t_seconds_bucket{le=\"1\"} 1\n"))
    #expect(!found.contains("EOF") && !found.contains("trace_id"))
  }

  @Test func openMetricsHaveTheTracesOfTheirDurations() throws {
    let found = text(.openMetrics) { metrics in
      Counter(label: MetricName.appends, factory: metrics).increment(by: 2)
      Counter(label: "odd", factory: metrics).increment()
      let timer = Timer(label: "t_seconds", factory: metrics)
      ServiceContext.withValue(context("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")) {
        timer.recordMilliseconds(3)
      }
      // Neither of these is recorded anywhere.
      ServiceContext.withValue(context("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")) {
        timer.recordMilliseconds(30)
      }
      timer.recordSeconds(3)
      Recorder(label: "sizes", aggregate: true, factory: metrics).record(3)
    }
    #expect(found.hasSuffix("\n# EOF\n"))
    #expect(found.contains("# TYPE eventually_appends counter\neventually_appends_total 2\n"))
    #expect(found.contains("# TYPE odd unknown\nodd 1\n"))
    #expect(found.contains("# TYPE t_seconds histogram\n# UNIT t_seconds seconds\n"))
    let exemplars = found.split(separator: "\n").filter { $0.contains("trace_id") }
    try #require(exemplars.count == 1, "\(found)")
    let exemplar =
      #"t_seconds_bucket{le="0.005"} 1 # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 0.003 "#
    #expect(exemplars[0].hasPrefix(exemplar), "\(exemplars)")
    #expect(found.contains(#"t_seconds_bucket{le="1.0"} 2"#))
  }

  @Test(arguments: [("http.server.requests", "http_server_requests"), ("1st", "_1st"), ("ä", "__")])
  func namesOfOthersAreMadeToFit(label: String, name: String) {
    let found = text(.prometheus) { Gauge(label: label, factory: $0).record(1) }
    #expect(found.contains("\(name) 1\n"), "\(found)")
  }

  private func source(_ path: String) throws -> String {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../\(path)")
    return try String(contentsOf: file.standardized, encoding: .utf8)
  }

  @Test func everyMetricIsDescribed() throws {
    let code = try source("Sources/Eventually/Tracing/MetricName.swift")
    let names = code.matches(of: /public static let \w+ =\s*"(\w+)"/).map { String($0.1) }
    #expect(names.count > 50 && Set(names) == Set(MetricName.descriptions.keys))
    for metric in MetricName.descriptions.values {
      #expect(!metric.help.isEmpty && !metric.help.hasSuffix("."), "\(metric.name)")
      #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
      let prefixes = ["eventually_", "messaging_", "db_client_", "http_server_", "process_"]
      #expect(prefixes.contains { metric.name.hasPrefix($0) }, "\(metric.name)")
    }
  }

  @Test func theArticleListsAllMetrics() throws {
    var table = ""
    for (part, metrics) in MetricName.catalog {
      table += "\n### \(part)\n\n| metric | | unit | labels | what it tells |\n"
      table += "| --- | --- | --- | --- | --- |\n"
      for metric in metrics {
        let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
        table +=
          "| `\(metric.name)` | \(metric.kind) | \(metric.unit) | \(labels) | \(metric.help) |\n"
      }
    }
    let article = try source("Sources/EventuallyCommand/EventuallyCommand.docc/Metrics.md")
    #expect(article.hasSuffix("## All of them\n\(table)"), "the article has to end with\n\(table)")
  }

  @Test func aProcessTellsOfItself() {
    var text = MetricsText(.prometheus)
    ProcessMetrics.add(to: &text)
    let values = text.text().split(separator: "\n").filter { !$0.hasPrefix("#") }
      .reduce(into: [String: Double]()) { values, line in
        let parts = line.split(separator: " ")
        values[String(parts[0])] = Double(parts[1])
      }
    #if os(Linux)
      #expect(values[MetricName.processMemory].map { $0 > 1_000_000 } == true, "\(values)")
      #expect(values[MetricName.processDescriptors].map { $0 >= 3 } == true, "\(values)")
      let age = Date().timeIntervalSince1970 - (values[MetricName.processStart] ?? 0)
      #expect(age > -2 && age < 86_400, "\(values)")
      #expect(values[MetricName.processCPU].map { $0 >= 0 } == true, "\(values)")
    #endif
  }

  @Test func aWriterTellsOfItsDisk() async throws {
    let bank = try await TestWriter(Bank())
    let disk = try #require(StoreLocation("\(bank.folder)/store.sqlite").disk)
    #expect(disk.size >= disk.free && disk.free > 0)
    #expect(StoreLocation("postgres://host/db").disk == nil)
    let answer = await bank.api.answer(
      APIRequest(.get, "/metrics", headers: [.accept: "application/openmetrics-text"]))
    #expect(answer.contentType == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    #expect(String(decoding: answer.bytes, as: UTF8.self).hasSuffix("# EOF\n"))
  }

  /// A database that hangs holds up neither the answer nor, with a look for each scrape, ever more tasks.
  @Test(.timeLimit(.minutes(5))) func gaugesThatHangHoldNothingUp() async throws {
    let begun = Locked(0)
    let gate = PositionSignal(at: 0)
    var api = API(title: "test", summary: "test")
    api.addMetrics(
      [
        {
          begun.withLock { $0 += 1 }
          await gate.wait(past: 0)
          return [ScrapedGauges.Key(label: "eventually_test_gauge_that_hung"): 1]
        }
      ], waitingAtMost: .milliseconds(20))
    func scrape() async -> String {
      let answer = await api.answer(APIRequest(.get, "/metrics"))
      #expect(answer.status == .ok)
      return String(decoding: answer.bytes, as: UTF8.self)
    }
    for _ in 0..<3 {
      let text = await scrape()
      #expect(text.contains(MetricName.processMemory) && !text.contains("gauge_that_hung"))
    }
    #expect(begun.withLock { $0 } == 1)
    gate.advance(to: 1)
    try await waitUntil("another look") {
      _ = await scrape()
      return begun.withLock { $0 } > 1
    }
  }

  /// What is known of the others is told all the same.
  @Test(.timeLimit(.minutes(5))) func gaugesThatHangTakeNoOthersAway() async throws {
    let gate = PositionSignal(at: 0)
    @Sendable func key(_ number: Int) -> ScrapedGauges.Key {
      .init(label: "eventually_test_gauge_\(number)")
    }
    let looks = GaugeLooks([
      { [key(1): 1] },
      {
        await gate.wait(past: 0)
        return [key(2): 2]
      },
      { [key(3): 3, key(4): 4] },
    ])
    // Of those that do not hang the first look may take longer than the wait.
    var found: GaugeLooks.Values = [:]
    try await waitUntil("the others are told", seen: { "\(found)" }) {
      found = await looks.values(within: .milliseconds(20))
      return found.count >= 3
    }
    #expect(found == [key(1): 1, key(3): 3, key(4): 4])
    gate.advance(to: 1)
    found = await looks.values(within: .seconds(30))
    #expect(found == [key(1): 1, key(2): 2, key(3): 3, key(4): 4])
  }
}
