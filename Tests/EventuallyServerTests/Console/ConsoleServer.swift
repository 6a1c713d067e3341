import AsyncHTTPClient
import Eventually
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import EventuallyServer

/// A server with the console, and somebody who uses it.
struct ConsoleServer: Sendable {
  static let administrator = "administer-me-please"
  static let reader = "read-only-please-now"

  let url: String
  let client = HTTPClient.shared

  /// Serves an interface while `body` runs.
  /// - Parameter hasTokens: whether it asks for tokens.
  static func serving(
    _ api: API, hasTokens: Bool = true, host: String = "127.0.0.1",
    logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
    _ body: @escaping @Sendable (ConsoleServer) async throws -> Void
  ) async throws {
    var api = api
    // Enough on a busy machine.
    api.console.questionLimit = .seconds(60)
    if hasTokens {
      api.tokens = AccessTokens([
        try BearerToken(administrator, from: "test", name: "ada", role: .administer),
        try BearerToken(reader, from: "test", name: "ben", role: .read),
      ])
    }
    var server = HTTPServer(
      api: api, listen: ListenAddress(host: host, port: 0), logger: logger)
    let (urls, continuation) = AsyncStream.makeStream(of: String.self)
    server.onServing = { continuation.yield($0) }
    try await withThrowingTaskGroup(of: Void.self) { [server] group in
      group.addTask { try await server.run() }
      group.addTask {
        var url: String?
        for await served in urls {
          url = served
          break
        }
        try await body(ConsoleServer(url: try #require(url)))
      }
      try await group.next()
      group.cancelAll()
      // A server that is cancelled says so.
      while let _ = await group.nextResult() {}
    }
  }

  struct Answer: Sendable {
    var status: UInt
    var headers: HTTPHeaders
    var body: String

    var json: Any? {
      try? JSONSerialization.jsonObject(with: Data(body.utf8), options: .fragmentsAllowed)
    }
    var object: [String: Any] { json as? [String: Any] ?? [:] }
  }

  /// A session's cookie and CSRF token.
  struct Session: Sendable {
    var cookie: String
    var csrf: String
  }

  func send(
    _ method: HTTPMethod, _ path: String, _ body: String? = nil, session: Session? = nil,
    headers: HTTPHeaders = [:]
  ) async throws -> Answer {
    let answer = try await open(method, path, body, session: session, headers: headers)
    let bytes = try await answer.body.collect(upTo: 4 << 20)
    return Answer(
      status: answer.status.code, headers: answer.headers, body: String(buffer: bytes))
  }

  func open(
    _ method: HTTPMethod, _ path: String, _ body: String? = nil, session: Session? = nil,
    headers: HTTPHeaders = [:]
  ) async throws -> HTTPClientResponse {
    var request = HTTPClientRequest(url: url + path)
    request.method = method
    request.headers = headers
    if let session {
      request.headers.add(name: "cookie", value: session.cookie)
      if method != .GET { request.headers.add(name: "x-csrf-token", value: session.csrf) }
    }
    if let body {
      request.headers.add(name: "content-type", value: "application/json")
      request.body = .bytes(ByteBuffer(string: body))
    }
    return try await client.execute(request, timeout: .seconds(60))
  }

  func signIn(_ token: String = administrator) async throws -> Session {
    let answer = try await send(.POST, "/console/api/session", #"{"token":"\#(token)"}"#)
    #expect(answer.status == 200, "\(answer.body)")
    let cookie = try #require(answer.headers.first(name: "set-cookie"))
    return Session(
      cookie: String(cookie.prefix { $0 != ";" }),
      csrf: try #require(answer.object["csrf"] as? String))
  }

  /// The first frames of a topic.
  func frames(
    _ path: String, session: Session? = nil, headers: HTTPHeaders = [:],
    until isEnough: (String) -> Bool
  ) async throws -> String {
    var headers = headers
    headers.add(name: "accept", value: "text/event-stream")
    // Its connection is not used again.
    headers.add(name: "connection", value: "close")
    let answer = try await open(.GET, path, session: session, headers: headers)
    #expect(answer.status == .ok)
    #expect(answer.headers.first(name: "content-type") == "text/event-stream")
    var text = ""
    for try await part in answer.body {
      text += String(buffer: part)
      if isEnough(text) { break }
    }
    return text
  }
}
