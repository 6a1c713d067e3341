import AsyncHTTPClient
import Eventually
import FaultScenarios
import Foundation
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import EventuallyServer
@testable import Orders

/// What goes over the connection: headers, compressed bodies, and streams of events.
@Suite(.timeLimit(.minutes(5))) struct WireTests {
  private func request(_ line: String, _ headers: String...) -> String {
    "\(line) HTTP/1.1\r\nHost: test\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n"
  }

  private func ask(_ url: String, _ line: String, _ headers: String...) async throws -> String {
    let connection = try RawConnection(url)
    connection.send(
      "\(line) HTTP/1.1\r\nHost: test\r\n" + headers.map { $0 + "\r\n" }.joined()
        + "Connection: close\r\n\r\n")
    try await connection.end()
    return connection.text
  }

  private struct Numbers: ResponsePieces {
    var left: Int
    var headers: HTTPFields { [.eTag: #""7""#] }

    mutating func writeNext(_ json: inout JSONWriter) async throws -> Bool {
      for number in 0..<2000 {
        json.member("number", number)
        json.newline()
      }
      left -= 1
      return left > 0
    }
  }

  private func api() -> API {
    var api = API(title: "test", summary: "test")
    api.add(
      API.Operation(.get, "/numbers/{count}", "", isTagged: true, answers: []) { request in
        try await JSONResponse(pieces: Numbers(left: Int(request.path("count")) ?? 1))
      })
    api.add(
      API.Operation(.get, "/text/{count}", "", answers: []) { request in
        let count = Int(try request.path("count")) ?? 1
        return JSONResponse { $0.string(String(repeating: "text ", count: count)) }
      })
    api.add(
      API.Operation(.post, "/nothing", "", answers: []) { _ in
        JSONResponse(withoutBody: .noContent)
      })
    return api
  }

  @Test func answersWithoutABodyHaveNoLength() async throws {
    try await serving(api()) { endpoint in
      let nothing = try await ask(endpoint.base, "POST /nothing")
      #expect(nothing.hasPrefix("HTTP/1.1 204 No Content\r\n"), "\(nothing)")
      let same = try await ask(endpoint.base, "GET /numbers/3", #"If-None-Match: "7""#)
      #expect(same.hasPrefix("HTTP/1.1 304 Not Modified\r\n"), "\(same)")
      #expect(same.contains(#"ETag: "7""#) && same.contains("Cache-Control: private, no-cache"))
      for answer in [nothing, same] {
        #expect(answer.hasSuffix("\r\n\r\n"), "\(answer)")
        let head = answer.lowercased()
        #expect(
          !head.contains("\r\ncontent-length") && !head.contains("\r\ncontent-type"), "\(answer)")
        #expect(!head.contains("transfer-encoding") && head.contains("x-request-id: "), "\(answer)")
      }
    }
  }

  @Test func aRequestKeepsItsID() async throws {
    try await serving(api()) { endpoint in
      for line in ["GET /text/1", "HEAD /text/1", "POST /nothing", "GET /nowhere", "PUT /text/1"] {
        let answer = try await ask(endpoint.base, line, "X-Request-Id: my-id")
        #expect(answer.contains("X-Request-Id: my-id\r\n"), "\(line): \(answer)")
        let made = try await ask(endpoint.base, line)
        #expect(made.firstMatch(of: /X-Request-Id: [0-9a-f]{32}\r\n/) != nil, "\(line): \(made)")
      }
      let refused = try await ask(endpoint.base, "PUT /text/1", "X-Request-Id: my-id")
      #expect(refused.hasPrefix("HTTP/1.1 405 Method Not Allowed\r\n"), "\(refused)")
      #expect(refused.contains(#""instance":"/requests/my-id""#), "\(refused)")
    }
  }

  private struct Broken: Error {}

  @Test func whatFailsIsInTheLogUnderTheRequestsID() async throws {
    var api = api()
    api.add(API.Operation(.get, "/broken", "", answers: []) { _ in throw Broken() })
    let log = KeptLog()
    try await serving(api, logger: Logger(label: "test") { _ in log }) { endpoint in
      let answer = try await ask(endpoint.base, "GET /broken", "X-Request-Id: my-id")
      #expect(answer.hasPrefix("HTTP/1.1 500 ") && answer.contains("/requests/my-id"), "\(answer)")
      let lines = log.lines.all.withLock { $0 }
      let line = try #require(lines.first { $0.contains("a request failed") }, "\(lines)")
      #expect(line.contains("request=my-id") && line.contains("Broken()"), "\(line)")
    }
  }

  /// Keeps what is logged.
  private struct KeptLog: LogHandler {
    final class Lines: Sendable { let all = Locked<[String]>([]) }
    let lines = Lines()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let all = metadata.merging(event.metadata ?? [:]) { $1 }
      let pairs = all.map { "\($0)=\($1)" }.sorted().joined(separator: " ")
      lines.all.withLock { $0.append("\(event.level) \(event.message) \(pairs)") }
    }
  }

  @Test func largeAnswersAreCompressedForWhoTakesThat() async throws {
    try await serving(api()) { endpoint in
      let folder = try Pipeline()
      // One that leaves bodies as they are.
      let client = HTTPClient(configuration: HTTPClient.Configuration())
      for path in ["/numbers/1", "/numbers/40", "/text/1000", "/text/100000"] {
        let plain = try await endpoint.send("GET", path)
        var request = HTTPClientRequest(url: endpoint.base + path)
        request.headers.add(name: "accept-encoding", value: "gzip")
        let answer = try await client.execute(request, timeout: .seconds(60))
        let body = try await answer.body.collect(upTo: 64 << 20)
        try Data(body.readableBytesView).write(to: URL(filePath: folder.file("body.gz")))
        #expect(try await unzipped(folder.file("body.gz")) == plain.body, "\(path)")
        let head = try await ask(endpoint.base, "GET \(path)", "Accept-Encoding: br, gzip;q=0.5")
        #expect(head.contains("Content-Encoding: gzip\r\n"), "\(path)")
        #expect(head.contains("Vary: Accept-Encoding\r\n"), "\(path)")
        #expect(head.utf8.count < plain.body.count / 2, "\(path): \(head.utf8.count)")
        if path.hasPrefix("/numbers") { #expect(head.contains(#"ETag: "7-gzip""#), "\(path)") }
        for other in ["Accept-Encoding: identity", "Accept-Encoding: gzip;q=0", "X: y"] {
          let plain = try await ask(endpoint.base, "GET \(path)", other)
          #expect(!plain.contains("Content-Encoding"), "\(path)")
          #expect(plain.contains("Vary: Accept-Encoding\r\n"), "\(path)")
        }
      }
      let document = try await ask(endpoint.base, "GET /openapi.json", "Accept-Encoding: gzip")
      #expect(document.contains("Content-Encoding: gzip\r\n"))
      let small = try await ask(endpoint.base, "GET /text/10", "Accept-Encoding: gzip")
      #expect(!small.contains("Content-Encoding") && small.contains("text text"), "\(small)")
      try await client.shutdown()
    }
  }

  private func unzipped(_ path: String) async throws -> [UInt8] {
    let file = try InputFile(path)
    var bytes: [UInt8] = []
    while true {
      let chunk = try await file.next()
      if chunk.bytes.isEmpty { return bytes }
      bytes += chunk.bytes
    }
  }

  /// Takes what arrives until it has the words.
  private func wait(
    for words: String, on connection: RawConnection, within limit: Duration = .seconds(30)
  ) async throws {
    try await waitUntil("'\(words)'", within: limit, seen: { connection.text }) {
      connection.receive()
      return connection.text.contains(words)
    }
  }

  @Test func eventsAreSentAsTheyAreAppendedUntilTheWriterStops() async throws {
    let pipeline = try Pipeline()
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4", "--max-viewers", "3")
    let country = #"{"country":"X"}"#
    #expect(try await writer.post("/orders/a/create", country).status == 200)
    let stream = "Accept: text/event-stream"
    let all = try RawConnection(writer.base)
    all.send(request("GET /events", stream, "Accept-Encoding: gzip"))
    try await wait(for: "\nid: 1\ndata: {", on: all)
    #expect(all.text.contains("Content-Type: text/event-stream\r\n"), "\(all.text)")
    #expect(!all.text.contains("Content-Encoding"), "\(all.text)")
    let late = try RawConnection(writer.base)
    late.send(request("GET /events?after=0", stream, "Last-Event-ID: 1"))
    try await wait(for: "retry: 1000", on: late)
    let silent = try RawConnection(writer.base)
    silent.send(request("GET /events?after=1000", stream))
    try await wait(for: "retry: 1000", on: silent)
    let refused = try await ask(writer.base, "GET /events", stream)
    #expect(refused.hasPrefix("HTTP/1.1 503 ") && refused.contains("/problems/overloaded"))
    #expect(try await writer.post("/orders/b/create", country).status == 200)
    for connection in [all, late] { try await wait(for: "\nid: 2\ndata: {", on: connection) }
    #expect(!late.text.contains("\nid: 1\n"), "\(late.text)")
    // They hold no place of a request that is worked on.
    #expect(try await writer.text("/orders/a").status == 200)
    let begun = ContinuousClock.now
    pipeline.writer?.send(SIGTERM)
    for connection in [all, late, silent] {
      try await connection.end(within: .seconds(10))
      // The last chunk says that the answer is whole.
      #expect(connection.text.hasSuffix("0\r\n\r\n"), "\(connection.text)")
    }
    #expect(ContinuousClock.now - begun < .seconds(9), "\(ContinuousClock.now - begun)")
    #expect(try await pipeline.writer?.exitCode(within: .seconds(20)) == 0)
  }
}
