import EventuallySQLite
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer
@testable import Orders

/// Live queries as viewers see them, over connections to real processes.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LiveQueryTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  private func watch(
    _ endpoint: HTTPEndpoint, _ path: String, _ headers: String..., receiveBuffer: Int32? = nil
  ) throws -> RawConnection {
    let connection = try RawConnection(endpoint.base, receiveBuffer: receiveBuffer)
    connection.send(
      "GET \(path) HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\n"
        + headers.map { $0 + "\r\n" }.joined() + "\r\n")
    return connection
  }

  /// Waits until the last answer that has arrived holds a text.
  private func wait(
    for words: String, on connection: RawConnection, within limit: Duration = .seconds(60)
  ) async throws {
    try await waitUntil("'\(words)'", within: limit, seen: { String(connection.text.suffix(600)) })
    {
      connection.receive()
      return connection.text.components(separatedBy: "event: answer").last?.contains(words) == true
    }
  }

  private func metric(_ name: String, of process: HTTPEndpoint) async throws -> Int? {
    let line = try await process.text("/metrics").body.split(separator: "\n").first {
      $0.hasPrefix(name + "{") || $0.hasPrefix(name + " ")
    }
    return line?.split(separator: " ").last.flatMap { Int($0) }
  }

  private func startQueries(_ arguments: String...) async throws -> (RunningProcess, HTTPEndpoint) {
    let file = pipeline.file("queries.url")
    let server = try await pipeline.start(
      "projector",
      [
        "serve", "--read-models", pipeline.readModels, "--listen", "127.0.0.1:0",
        "--address-file", file,
      ] + arguments)
    let url = try await pipeline.content(of: file, by: server)
    return (server, try #require(HTTPEndpoint(url)))
  }

  private func ctl(_ arguments: String...) async throws {
    let process = try await pipeline.start("ordersctl", arguments)
    #expect(try await process.exitCode() == 0, "\(process.log)")
  }

  private func order(_ id: String, _ writer: HTTPEndpoint) async throws {
    let item = #"{"sku":"A","quantity":1,"unitPrice":"2"}"#
    let body = #"{"commands":[{"create":{"country":"T"}},{"addItem":\#(item)},{"complete":{}}]}"#
    let answer = try await writer.post("/orders/\(id)/commands", body)
    try #require(answer.status == 200, "\(answer)")
  }

  /// A worker and a process that only answers share the database; a replay is switched to, and back, while viewers watch.
  @Test func viewersOfTwoProcessesSeeEachChangeAndGoOnThroughASwitch() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let (worker, working) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales")
    try await order("o0", writer)
    try await ctl("wait", "sales", "--store", pipeline.store, "--read-models", pipeline.readModels)
    let (server, serving) = try await startQueries()
    let viewers = try [
      watch(working, "/sales/countries"), watch(serving, "/sales/countries"),
      watch(serving, "/sales/countries"),
    ]
    for viewer in viewers { try await wait(for: #""orders":1"#, on: viewer) }
    #expect(try await metric("eventually_live_viewers", of: working) == 1)
    try await waitUntil("two viewers") {
      let text = try await serving.text("/metrics").body
      return text.contains("eventually_live_viewers{read_model=\"sales\"} 2\n")
    }
    try await order("o1", writer)
    for viewer in viewers { try await wait(for: #""orders":2"#, on: viewer) }

    let live = try SQLiteConnection(
      path: pipeline.directory(of: SalesReadModel()).livePath, mode: .readWrite)
    try live.execute("UPDATE sales_by_country SET orders = 77")
    for viewer in viewers { try await wait(for: #""orders":77"#, on: viewer) }
    try await ctl(
      "replay", "sales", "--from", "zero", "--store", pipeline.store, "--read-models",
      pipeline.readModels)
    for viewer in viewers { try await wait(for: #""orders":2"#, on: viewer) }
    try await order("o2", writer)
    for viewer in viewers { try await wait(for: #""orders":3"#, on: viewer) }
    try await ctl("generations", "switch", "sales", "1", "--read-models", pipeline.readModels)
    for viewer in viewers { try await wait(for: #""orders":78"#, on: viewer) }

    // All streams end at once with their process, as whole answers.
    let begun = ContinuousClock.now
    for process in [worker, server] { process.send(SIGTERM) }
    for viewer in viewers {
      try await viewer.end(within: .seconds(20))
      #expect(viewer.text.hasSuffix("0\r\n\r\n"), "\(viewer.text.suffix(200))")
    }
    #expect(ContinuousClock.now - begun < .seconds(15), "\(ContinuousClock.now - begun)")
    for process in [worker, server] {
      #expect(try await process.exitCode(within: .seconds(30)) == 0, "\(process.log)")
    }
  }

  /// Who is gone is noticed by the connection, also where nothing is to be sent; and a viewer that reads nothing keeps nobody waiting.
  @Test func aViewerThatIsGoneOrReadsNothingIsLetGo() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let (worker, queries) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "orders", "--read-limit", "2")
    for number in 0..<300 { try await order("o\(number)", writer) }
    do {
      let viewers = try (0..<3).map { _ in try watch(queries, "/orders?limit=1") }
      for viewer in viewers { try await wait(for: #""id""#, on: viewer) }
      #expect(try await metric("eventually_live_viewers", of: queries) == 3)
    }
    try await waitUntil("no viewers", within: .seconds(10)) {
      try await metric("eventually_live_viewers", of: queries) == 0
    }

    // Some 40 KB each time, which are not read.
    let silent = try watch(queries, "/orders?limit=300", receiveBuffer: 4096)
    let reader = try watch(queries, "/orders?limit=300")
    try await wait(for: #""id""#, on: reader)
    for number in 0..<40 {
      try await order("p\(number)", writer)
      try await wait(for: "\"id\":\"p\(number)\"", on: reader)
    }
    // It goes at its own pace, or is let go once nothing was taken for the limit.
    try await waitUntil("the end of the silent one", within: .seconds(60)) {
      let count = try await metric("eventually_live_viewers", of: queries)
      if count == 2 { try await order("q\(UInt32.random(in: 0 ... .max))", writer) }
      return count == 1
    }
    withExtendedLifetime(silent) {}

    #expect(try await worker.stop() == 0)
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// A body, which no query has, must neither hide that its sender is gone nor keep the process from stopping.
  @Test func aViewerThatSendsABodyIsLetGo() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4", "--max-viewers", "1")
    for length in [100_000, 10_000_000] {
      try await waitUntil("a free place", within: .seconds(10)) {
        let events = try RawConnection(writer.base)
        events.send(
          "GET /events HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\nContent-Length: \(length)\r\n\r\n"
        )
        events.send(String(repeating: "x", count: 100_000))
        try await waitUntil("an answer") {
          events.receive()
          return events.text.contains("\r\n\r\n")
        }
        return events.text.hasPrefix("HTTP/1.1 200")
      }
    }
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// Places of `/events` come back with the connection's end, and not with the next comment.
  @Test func aStreamOfEventsWhoseClientIsGoneIsNoticed() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4", "--max-viewers", "1")
    for _ in 0..<3 {
      let begun = ContinuousClock.now
      try await waitUntil("a free place", within: .seconds(10)) {
        let events = try RawConnection(writer.base)
        events.send("GET /events HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\n\r\n")
        try await waitUntil("an answer") {
          events.receive()
          return events.text.contains("retry: 1000") || events.text.contains(" 503 ")
        }
        return events.text.contains("retry: 1000")
      }
      #expect(ContinuousClock.now - begun < .seconds(10))
    }
    #expect(try await pipeline.writer?.stop() == 0)
  }
}
