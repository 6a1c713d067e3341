import AsyncHTTPClient
import Eventually
import FaultScenarios
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import EventuallyCommand
@testable import EventuallyServer

/// Runs `body` against a server with an interface.
func serving(
  _ api: API, tls: ServerTLS? = nil,
  logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
  _ body: @Sendable (HTTPEndpoint) async throws -> Void
) async throws {
  let folder = try Pipeline()
  let file = folder.file("url")
  let server = HTTPServer(
    api: api, listen: try #require(ListenAddress("127.0.0.1:0")), addressFile: file, tls: tls,
    logger: logger)
  let running = Task { try await server.run() }
  try await waitUntil("the server") { FileManager.default.fileExists(atPath: file) }
  let text = try String(contentsOfFile: file, encoding: .utf8)
  let endpoint = try #require(
    HTTPEndpoint(text.trimmingCharacters(in: .whitespacesAndNewlines)))
  do {
    try await body(endpoint)
  } catch {
    running.cancel()
    throw error
  }
  running.cancel()
  _ = await running.result
}

/// What the servers do against clients that want too much, or what they may not have.
@Suite(.timeLimit(.minutes(5))) struct HTTPTests {
  @Test func whatIsTooMuchAtOnceIsToldToComeAgain() async throws {
    let gate = PositionSignal(at: 0)
    let begun = Locked(0)
    var api = API(title: "test", summary: "test")
    api.limits.requests = 3
    api.add(
      API.Operation(.get, "/wait", "", answers: []) { _ in
        begun.withLock { $0 += 1 }
        await gate.wait(past: 0)
        return JSONResponse { $0.bool(true) }
      })
    try await serving(api) { endpoint in
      try await withThrowingTaskGroup(of: UInt.self) { group in
        for _ in 0..<3 { group.addTask { try await endpoint.send("GET", "/wait").status } }
        try await waitUntil("three requests") { begun.withLock { $0 } == 3 }
        let answer = try await HTTPClient.shared.execute(
          HTTPClientRequest(url: endpoint.base + "/wait"), timeout: .seconds(60))
        #expect(answer.status == .serviceUnavailable)
        #expect(answer.headers.first(name: "retry-after") == "1")
        gate.advance(to: 1)
        for try await status in group { #expect(status == 200) }
      }
      // With those done, there is room again.
      #expect(try await endpoint.send("GET", "/wait").status == 200)
    }
  }

  @Test func aBodyMustBeSmallAndComeInTime() async throws {
    var api = API(title: "test", summary: "test")
    api.add(
      API.Operation(
        .post, "/body", "", body: .object([]), answers: []
      ) { request in
        let count = request.body.count
        return JSONResponse { $0.integer(count) }
      })
    try await serving(api) { endpoint in
      let most = [UInt8](repeating: 0x20, count: ServerLimits().largestBody)
      #expect(try await endpoint.send("POST", "/body", body: most).status == 200)
      #expect(try await endpoint.send("POST", "/body", body: most + [0x20]).status == 413)
      // One whose length is not told beforehand.
      var endless = HTTPClientRequest(url: endpoint.base + "/body")
      endless.method = .POST
      endless.headers.add(name: "content-type", value: "application/json")
      endless.body = .stream(
        AsyncStream { continuation in
          for _ in 0...(ServerLimits().largestBody >> 16) {
            continuation.yield(ByteBuffer(repeating: 0x20, count: 1 << 16))
          }
          continuation.finish()
        }, length: .unknown)
      #expect(
        try await HTTPClient.shared.execute(endless, timeout: .seconds(30)).status
          == .payloadTooLarge)
      // One that never ends.
      var slow = HTTPClientRequest(url: endpoint.base + "/body")
      slow.method = .POST
      slow.headers.add(name: "content-type", value: "application/json")
      let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
      continuation.yield(ByteBuffer(string: "{"))
      slow.body = .stream(stream, length: .unknown)
      let answer = try await HTTPClient.shared.execute(slow, timeout: .seconds(60))
      #expect(answer.status == .requestTimeout)
      continuation.finish()
    }
  }

  /// The writer asks for its token, and a projector, an import and a person who know it get through.
  @Test func theWholePipelineWorksWithAToken() async throws {
    let pipeline = try Pipeline()
    try await pipeline.startBroker()
    let secret = "correct-horse-battery-staple"
    let file = pipeline.file("token")
    try Data("\(secret)\n".utf8).write(to: URL(filePath: file))
    var writer = try await pipeline.startWriter("--partitions", "4", "--token-file", file)
    for (method, path) in [
      ("POST", "/orders/a/create"), ("POST", "/orders/a/commands"), ("DELETE", "/orders/a"),
      ("GET", "/orders/a"), ("GET", "/orders/a/history"), ("GET", "/events"), ("GET", "/store"),
    ] {
      for token in [nil, "wrong-horse-battery-staple", ""] {
        writer.token = token
        let answer = try await writer.send(method, path, body: method == "POST" ? [] : nil)
        #expect(answer.status == 401, "\(method) \(path) \(token ?? "without")")
      }
    }
    writer.token = nil
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json"] {
      #expect(try await writer.text(path).status == 200, "\(path)")
    }
    // The help and the document say so too.
    let help = try await pipeline.run("writer", "serve", "--help")
    #expect(help.output.contains("all but health, readiness, metrics, the document"))
    let text = try await writer.text("/openapi.json").body
    let document = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    let paths = try #require(document?["paths"] as? [String: [String: [String: Any]]])
    #expect(paths["/metrics"]?["get"]?["security"] == nil)
    #expect(paths["/events"]?["get"]?["security"] != nil)
    let refused = try await pipeline.run(
      "writer", "simulate", "--url", writer.base, "--orders", "1")
    #expect(refused.code != 0 && refused.output.contains("401"), "\(refused.output)")
    let simulated = try await pipeline.run(
      "writer", "simulate", "--url", writer.base, "--orders", "20", "--token-file", file)
    #expect(simulated.code == 0, "\(simulated.output)")
    let (worker, url) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales",
      environment: [TokenOptions.variable: secret])
    _ = try await pipeline.verifiedDigests("sales")
    // That it is built is noted a moment after the last event is applied.
    try await waitUntil("a worker that is ready") { try await url.text("/readyz").status == 200 }
    let answer = try await url.text("/readyz")
    #expect(!answer.body.contains("feedFailure"), "\(answer.body)")
    #expect(try await worker.stop() == 0)
    #expect(try await pipeline.writer?.stop() == 0)
  }
}
