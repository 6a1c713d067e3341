import Eventually
import FaultScenarios
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Testing

@testable import EventuallyCommand
@testable import EventuallyServer
@testable import Orders

/// Clients that are slow, unwilling or malformed cost the server little, and others nothing.
@Suite(.timeLimit(.minutes(5))) struct HostileClientTests {
  private func api(_ limits: ServerLimits = ServerLimits()) -> API {
    var api = API(title: "test", summary: "test")
    api.limits = limits
    api.addHealth(Heartbeats())
    api.add(
      API.Operation(
        .post, "/things/{id}/body", "", body: .object([]), answers: []
      ) { request in
        let count = request.body.count
        return JSONResponse { $0.integer(count) }
      })
    api.add(
      API.Operation(.get, "/things/{id}", "", answers: []) { request in
        let id = try request.path("id")
        return JSONResponse { $0.string(id) }
      })
    return api
  }

  private func request(_ line: String, _ headers: String..., body: String = "") -> String {
    let type = line.hasPrefix("POST ") ? ["Content-Type: application/json"] : []
    return "\(line) HTTP/1.1\r\nHost: test\r\n" + (type + headers).map { $0 + "\r\n" }.joined()
      + "\r\n" + body
  }

  private let half = "Content-Length: 15"

  // MARK: What is not HTTP, and what is asked in another way

  @Test func whatIsNotHTTPIsABadRequest() async throws {
    try await serving(api()) { endpoint in
      for (sent, status) in [
        (request("POST /things/a/body", "Transfer-Encoding: chunked", body: "zz\r\nabc\r\n"), 400),
        (request("POST /things/a/body", "Transfer-Encoding: xchunked", body: "{}"), 400),
        (request("POST /things/a/body", "Content-Length: 1", "Content-Length: 2", body: "{}"), 400),
        ("GARBAGE\r\n\r\n", 400), ("GET / HTTP/9.9\r\n\r\n", 400),
        (request("GET /things/a", "x: " + String(repeating: "x", count: 100_000)), 431),
      ] {
        let connection = try RawConnection(endpoint.base)
        connection.send(sent)
        let answer = try await connection.answer()
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(sent.prefix(80)): \(answer)")
        #expect(answer.contains(#"{"type":"/problems/"#), "\(answer)")
        #expect(answer.contains("Content-Type: application/problem+json"), "\(answer)")
        #expect(answer.lowercased().contains("connection: close"), "\(answer)")
        try await connection.end()
      }
    }
  }

  @Test func aWrongMethodIsToldTheRightOnes() async throws {
    try await serving(api()) { endpoint in
      for (line, allowed) in [
        ("PUT /things/a", "GET, HEAD"), ("GET /things/a/body", "POST"),
        ("OPTIONS /healthz", "GET, HEAD"), ("TRACE /openapi.json", "GET, HEAD"),
      ] {
        let connection = try RawConnection(endpoint.base)
        connection.send(request(line))
        let answer = try await connection.answer()
        #expect(answer.hasPrefix("HTTP/1.1 405 "), "\(line): \(answer)")
        #expect(answer.contains("Allow: \(allowed)\r\n"), "\(line): \(answer)")
      }
      // What no HTTP parser knows is no method.
      let brewing = try RawConnection(endpoint.base)
      brewing.send(request("BREW /things/a"))
      #expect(try await brewing.answer().hasPrefix("HTTP/1.1 400 "))
      #expect(try await endpoint.send("PUT", "/nowhere").status == 404)
    }
  }

  @Test func headIsGetWithoutItsBody() async throws {
    try await serving(api()) { endpoint in
      let connection = try RawConnection(endpoint.base)
      // Two on one connection: a body after the first would be taken for the second's beginning.
      connection.send(request("HEAD /things/a") + request("HEAD /nowhere"))
      try await waitUntil("two answers", seen: { connection.text }) {
        connection.receive()
        return connection.text.components(separatedBy: "\r\n\r\n").count > 2
      }
      let answers = connection.text.components(separatedBy: "\r\n\r\n")
      #expect(answers[0].hasPrefix("HTTP/1.1 200 ") && answers[0].contains("Content-Length: 4"))
      #expect(answers[1].hasPrefix("HTTP/1.1 404 ") && answers[2] == "", "\(answers)")
    }
  }

  @Test func whoAsksBeforeSendingABodyIsTold() async throws {
    try await serving(api()) { endpoint in
      let connection = try RawConnection(endpoint.base)
      connection.send(request("POST /things/a/body", "Expect: 100-continue", "Content-Length: 2"))
      let go = try await connection.answer(hasBody: false)
      #expect(go.hasPrefix("HTTP/1.1 100 "), "\(go)")
      connection.send("{}")
      try await waitUntil("the answer", seen: { connection.text }) {
        connection.receive()
        return connection.text.contains("HTTP/1.1 200 ")
      }
      let large = try RawConnection(endpoint.base)
      large.send(
        request("POST /things/a/body", "Expect: 100-continue", "Content-Length: 99999999"))
      #expect(try await large.answer().hasPrefix("HTTP/1.1 413 "))
    }
  }

  @Test func pathsAndQueriesAreTheBytesThatWereSent() async throws {
    try await serving(api()) { endpoint in
      for (path, name) in [
        ("%EF%BB%BFbom", "\u{FEFF}bom"), ("a+b", "a+b"), ("a%2Fb", "a/b"), ("%e2%82%ac", "€"),
        ("e%CC%81", "e\u{301}"),
      ] {
        let answer = try await endpoint.send("GET", "/things/\(path)")
        #expect(answer.status == 200)
        #expect(answer.body == Array("\"\(name)\"\n".utf8), "\(path)")
      }
      for wrong in ["%ff", "%c0%80", "%zz", "%", "%4", "%ed%a0%80"] {
        let connection = try RawConnection(endpoint.base)
        connection.send(request("GET /things/\(wrong)"))
        #expect(try await connection.answer().hasPrefix("HTTP/1.1 400 "), "\(wrong)")
      }
    }
    #expect(try QueryParameters.value(of: "customer", in: "customer=a+b") == "a b")
    #expect(try QueryParameters.value(of: "customer", in: "x&customer=a%2Bb&y=") == "a+b")
    #expect(try QueryParameters.value(of: "y", in: "x&customer=a%2Bb&y=") == "")
    #expect(try QueryParameters.value(of: "x", in: "x&y") == "")
    #expect(try QueryParameters.value(of: "a b", in: "a+b=%EF%BB%BF%3d=") == "\u{FEFF}==")
    #expect(try QueryParameters.value(of: "none", in: "a=%ff") == nil)
    #expect(throws: QueryParameters.Malformed.encoding) {
      try QueryParameters.value(of: "a", in: "a=%ff")
    }
    #expect(throws: QueryParameters.Malformed.repeated) {
      try QueryParameters.value(of: "a", in: "a=1&a=2")
    }
  }

  @Test func whereACommandComesFromHasOneTo200Bytes() async throws {
    try await serving(api()) { endpoint in
      let many = String(repeating: "x", count: 201)
      for (value, status) in [
        ("", 400), (many, 400), ("é", 400), ("x\ty", 400), ("x", 200), ("f %", 200),
      ] {
        for name in ["correlation-id", "causation-id", "traceparent"] {
          let connection = try RawConnection(endpoint.base)
          connection.send(
            request(
              "POST /things/a/body", "\(name): \(value)", "Content-Length: 2", body: "{}"))
          let answer = try await connection.answer()
          #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
          if status == 400 {
            #expect(answer.contains(#"{"type":"/problems/invalid-request""#), "\(answer)")
            #expect(answer.contains(#""parameter":"\#(name)""#), "\(answer)")
            #expect(answer.contains("'\(name)' must have 1 to 200 bytes"), "\(answer)")
          }
        }
      }
    }
  }

  // MARK: Slow clients

  @Test func halfBodiesTakeNothingFromOthersAndAreCutOff() async throws {
    var limits = ServerLimits()
    limits.requests = 2
    limits.body = .seconds(2)
    try await serving(api(limits)) { endpoint in
      let slow = try (0..<40).map { _ in try RawConnection(endpoint.base) }
      for connection in slow { connection.send(request("POST /things/a/body", half, body: "{")) }
      for _ in 0..<20 {
        #expect(try await endpoint.send("GET", "/healthz").status == 200)
        #expect(try await endpoint.send("GET", "/things/a").status == 200)
        #expect(try await endpoint.send("POST", "/things/a/body", body: [0x20]).status == 200)
      }
      for connection in slow {
        try await connection.end(within: .seconds(20))
        #expect(connection.text.hasPrefix("HTTP/1.1 408 "), "\(connection.text)")
        #expect(connection.text.contains("did not arrive within 2.0 seconds"))
      }
    }
  }

  @Test func bodiesOfAllConnectionsHaveABound() async throws {
    var limits = ServerLimits()
    limits.bodyBytes = 3 << 20
    try await serving(api(limits)) { endpoint in
      let large = String(repeating: " ", count: 1 << 20)
      let slow = try (0..<4).map { _ in try RawConnection(endpoint.base) }
      for connection in slow {
        connection.send(
          request("POST /things/a/body", "Content-Length: 3000000", body: large))
      }
      try await waitUntil("an answer to one that is too much") {
        for connection in slow { connection.receive() }
        return slow.contains { $0.text.hasPrefix("HTTP/1.1 503 ") }
      }
      #expect(slow.contains { $0.text.lowercased().contains("retry-after: 1") })
    }
  }

  @Test func connectionsThatBringNothingMakeWay() async throws {
    var limits = ServerLimits()
    limits.connections = 16
    try await serving(api(limits)) { endpoint in
      var slow: [RawConnection] = []
      for number in 0..<60 {
        let connection = try RawConnection(endpoint.base)
        connection.send(
          number % 2 == 0 ? "GET /heal" : request("POST /things/a/body", half, body: "{"))
        slow.append(connection)
      }
      #expect(try await endpoint.send("GET", "/healthz").status == 200)
      #expect(try await endpoint.send("GET", "/things/a").status == 200)
    }
  }

  /// An answer without an end.
  private struct Endless: ResponsePieces {
    final class Count: Sendable { let value = Locked(0) }
    let made: Count

    func writeNext(_ json: inout JSONWriter) async throws -> Bool {
      json.bytes += [UInt8](repeating: 0x20, count: 100_000)
      made.value.withLock { $0 += 100_000 }
      return true
    }
  }

  @Test func anAnswerThatNobodyReadsIsInFlightAndIsNotMade() async throws {
    var limits = ServerLimits()
    limits.requests = 1
    limits.stalledWrite = .seconds(8)
    var api = api(limits)
    let count = Endless.Count()
    api.add(
      API.Operation(.get, "/endless", "", answers: []) { _ in
        try await JSONResponse(pieces: Endless(made: count))
      })
    try await serving(api) { endpoint in
      let deaf = try RawConnection(endpoint.base, receiveBuffer: 4096)
      deaf.send(request("GET /endless"))
      try await waitUntil("the first piece") { count.value.withLock { $0 } > 0 }
      // What is not sent counts; health is answered all the same.
      let answer = try await endpoint.send("GET", "/things/a")
      #expect(answer.status == 503, "\(answer)")
      #expect(try await endpoint.send("GET", "/healthz").status == 200)
      // The place is free again once the client is given up, and little was made in vain.
      try await waitUntil("the end of the answer", within: .seconds(30)) {
        try await endpoint.send("GET", "/things/a").status == 200
      }
      let made = count.value.withLock { $0 }
      // What the kernel holds of a connection depends on the machine; without a bound it would be gigabytes.
      #expect(made < 128 << 20, "\(made) bytes were made")
      try await deaf.end()
    }
  }

  // MARK: The end of the process

  @Test func aProcessThatIsToStopDoesNotWaitForItsClients() async throws {
    let pipeline = try Pipeline()
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let order =
      #"{"commands":[{"create":{"country":"France","customer":"NAME"}},"#
      + #"{"addItem":{"sku":"A","quantity":2,"unitPrice":"1.50"}},{"complete":{}}]}"#
    let names = ["a b", "a+b", "\u{FEFF}bom", "bom"]
    for (number, name) in names.enumerated() {
      let body = order.replacing("NAME", with: name)
      #expect(try await writer.post("/orders/\(number)/commands", body).status == 200)
    }
    let (orders, queries) = try await pipeline.startProjector(
      "orders", feed: writer.base, worker: "orders", "--max-waiting-queries", "1")
    let (customers, customerQueries) = try await pipeline.startProjector(
      "customers", feed: writer.base, worker: "customers")
    _ = try await pipeline.verifiedDigests("orders", "customers")
    for (query, id) in [
      ("a+b", "0"), ("a%20b", "0"), ("a%2Bb", "1"), ("%EF%BB%BFbom", "2"), ("bom", "3"),
    ] {
      let answer = try await queries.text("/orders?customer=\(query)")
      #expect(answer.status == 200, "\(query): \(answer)")
      #expect(answer.body.contains(#""id":"\#(id)""#), "\(query): \(answer)")
    }
    for (path, name) in [("a+b", "a+b"), ("%EF%BB%BFbom", "\u{FEFF}bom"), ("bom", "bom")] {
      let answer = try await customerQueries.send("GET", "/customers/\(path)")
      let start = Array(#"{"customer":"\#(name)","#.utf8)
      #expect(answer.status == 200 && answer.body.starts(with: start), "\(path): \(answer)")
    }
    // One waits for an event that does not come, one sends half a body.
    var waiting = try RawConnection(queries.base)
    waiting.send(request("GET /orders?after=0-99&wait=30"))
    let slow = try RawConnection(writer.base)
    slow.send(request("POST /orders/x/create", half, "Expect: 100-continue"))
    try await waitUntil("the half body to be asked for", seen: { slow.text }) {
      slow.receive()
      return slow.text.hasPrefix("HTTP/1.1 100 ")
    }
    slow.send("{")
    // One may wait: another is sent away once it does.
    var other = ""
    try await waitUntil("the query to wait", seen: { other }) {
      waiting.receive()
      if waiting.text.contains("queries are waiting") {
        // The other one was there first.
        waiting = try RawConnection(queries.base)
        waiting.send(request("GET /orders?after=0-99&wait=30"))
      }
      other = try await queries.text("/orders?after=0-99&wait=0").body
      return other.contains("queries are waiting")
    }
    let begun = ContinuousClock.now
    orders.send(SIGTERM)
    pipeline.writer?.send(SIGTERM)
    for connection in [waiting, slow] {
      let answer = try await connection.answer(within: .seconds(15))
      #expect(answer.contains("HTTP/1.1 503 "), "\(answer)")
      #expect(answer.lowercased().contains("retry-after: 1"), "\(answer)")
    }
    #expect(try await orders.exitCode(within: .seconds(20)) == 0)
    #expect(try await pipeline.writer?.exitCode(within: .seconds(20)) == 0)
    #expect(ContinuousClock.now - begun < .seconds(25))
    #expect(try await customers.stop() == 0)
  }

  @Test func anEmptyTokenIsAnError() async throws {
    let pipeline = try Pipeline()
    let process = try await pipeline.start(
      "writer", ["serve", "--store", pipeline.store, "--listen", "127.0.0.1:0"],
      environment: [TokenOptions.variable: ""])
    #expect(try await process.exitCode(within: .seconds(20)) != 0)
    #expect(process.log.contains("EVENTUALLY_TOKEN holds no token"), "\(process.log)")
  }
}
