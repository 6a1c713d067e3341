import AsyncHTTPClient
import Eventually
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// What a server answered that was not what was asked for.
package struct HTTPFailure: Error, CustomStringConvertible {
  package var url: String
  package var status: UInt
  package var body: String

  package var description: String {
    "\(url) answered \(status): \(body.trimmingCharacters(in: .whitespacesAndNewlines))"
  }
}

/// What a server answered.
package struct HTTPAnswer: Sendable {
  package var status: UInt
  /// How long to wait before the same request, where the server tells that in seconds; an hour at most.
  package var retryAfter: Duration?
  /// Whether the request was carried out before, by its idempotency key.
  package var isReplayed = false
  package var body: [UInt8]
}

/// A URL's parts that requests are made of.
public struct HTTPEndpoint: Sendable, Hashable {
  /// Without a slash at the end.
  public var base: String
  /// What the server asks for, where it asks for something.
  public var token: String?
  /// What an `https://` URL is asked with; the system's roots are trusted where it is left out.
  public var tls: ClientTLS?

  /// It follows no redirects: an answer sends neither a request nor its token elsewhere. It lives as long as the process.
  private static let client: HTTPClient = {
    var configuration = HTTPClient.Configuration.singletonConfiguration
    configuration.redirectConfiguration = .disallow
    // It asks for no compression: writer and workers are near each other.
    configuration.decompression = .disabled
    // Who asks tries again, and knows when. The client's own pauses grow to a minute, over all requests of a host that is away.
    configuration.connectionPool.retryConnectionEstablishment = false
    // Each request would be a trace of its own, those that send spans too.
    configuration.tracing.tracer = nil
    return HTTPClient(configuration: configuration)
  }()

  /// An `http://` or `https://` URL of a host, and of a path where there is one; a port is from 1 to 65,535.
  public init?(_ text: String) {
    guard let url = URL(string: text), url.scheme == "http" || url.scheme == "https",
      let host = url.host(), !host.isEmpty, (1...65_535).contains(url.port ?? 80),
      url.query() == nil, url.fragment() == nil
    else { return nil }
    base = text
    while base.hasSuffix("/") { base.removeLast() }
  }

  /// Sends a request and collects the answer's body.
  package func send(
    _ method: String, _ path: String, body: [UInt8]? = nil, expecting version: UInt64? = nil,
    idempotencyKey: String? = nil, timeout: Duration = .seconds(10)
  ) async throws -> (status: UInt, body: [UInt8]) {
    let answer = try await ask(
      method, path, body: body, expecting: version, idempotencyKey: idempotencyKey,
      timeout: timeout)
    return (answer.status, answer.body)
  }

  /// Sends a request and collects the answer.
  /// - Parameters:
  ///   - version: of a command, the version that its entity must be at, 0 where it must not be there.
  ///   - idempotencyKey: names the request, so that it can be sent again; without quotes and `\`.
  ///   - headers: what is sent besides.
  package func ask(
    _ method: String, _ path: String, body: [UInt8]? = nil, expecting version: UInt64? = nil,
    idempotencyKey: String? = nil, headers: [(name: String, value: String)] = [],
    timeout: Duration = .seconds(10)
  ) async throws -> HTTPAnswer {
    var request = HTTPClientRequest(url: base + path)
    request.method = .init(rawValue: method)
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
    switch version {
    case nil: break
    case 0: request.headers.add(name: "if-none-match", value: "*")
    case let version?: request.headers.add(name: "if-match", value: "\"\(version)\"")
    }
    if let idempotencyKey {
      request.headers.add(name: "idempotency-key", value: "\"\(idempotencyKey)\"")
    }
    if let body {
      request.headers.add(name: "content-type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: body))
    }
    if let tls { request.tlsConfiguration = await tls.configuration() }
    let response: HTTPClientResponse
    let bytes: ByteBuffer
    do {
      response = try await Self.client.execute(
        request, timeout: .milliseconds(timeout.milliseconds))
      bytes = try await response.body.collect(upTo: 64 << 20)
    } catch {
      throw failure(error)
    }
    let seconds = response.headers.first(name: "retry-after").flatMap { Int($0) }
    return HTTPAnswer(
      status: UInt(response.status.code),
      retryAfter: seconds.map { .seconds(min(max($0, 0), 3600)) },
      isReplayed: response.headers.first(name: "idempotent-replayed") == "true",
      body: Array(bytes.readableBytesView))
  }

  /// What failed, with the URL and in words that tell what to do.
  private func failure(_ error: any Error) -> any Error {
    switch error {
    case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
      TLSFailure(url: base, cause: error)
    case is IOError, is NIOConnectionError, is HTTPClientError:
      Task.isCancelled ? error : HTTPUnreachable(url: base, cause: error)
    default: error
    }
  }

  /// The body of an answer that says that all is well.
  package func get(_ path: String) async throws -> [UInt8] {
    let answer = try await send("GET", path)
    guard answer.status == 200 else {
      throw HTTPFailure(
        url: base + path, status: answer.status,
        body: String(decoding: answer.body.prefix(500), as: UTF8.self))
    }
    return answer.body
  }
}

extension HTTPEndpoint: CustomStringConvertible, CustomReflectable {
  /// The URL, without the token.
  public var description: String { base }

  /// The same.
  public var customMirror: Mirror { Mirror(self, children: ["base": base], displayStyle: .struct) }
}
