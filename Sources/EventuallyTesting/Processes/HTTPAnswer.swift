import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// What a process answered to a request.
public struct HTTPAnswer: Sendable, Hashable {
  /// The status, such as 200.
  public var status: Int
  /// The body, as UTF-8.
  public var body: String
}

extension RunningProcess {
  /// Sends a request to the process, and waits for its answer, whatever the status.
  /// - Parameters:
  ///   - method: such as `GET`.
  ///   - path: from `/` on, with the query.
  ///   - json: the body; none where it is left out.
  ///   - idempotencyKey: names the request, so that it can be sent again; without quotes and `\`.
  ///   - timeout: how long to wait for the answer at most.
  /// - Throws: where the process does not serve, or does not answer in time.
  public func send(
    _ method: String, _ path: String, json: String? = nil, idempotencyKey: String? = nil,
    timeout: Duration = .seconds(10)
  ) async throws -> HTTPAnswer {
    guard let url else { throw ScenarioFailure("\(name) serves nothing") }
    var request = HTTPClientRequest(url: url + path)
    request.method = .init(rawValue: method)
    if let idempotencyKey {
      request.headers.add(name: "idempotency-key", value: "\"\(idempotencyKey)\"")
    }
    if let json {
      request.headers.add(name: "content-type", value: "application/json")
      request.body = .bytes(ByteBuffer(string: json))
    }
    let response = try await HTTPClient.shared.execute(
      request, timeout: .nanoseconds(Int64(timeout / .nanoseconds(1))))
    let body = try await response.body.collect(upTo: 64 << 20)
    return HTTPAnswer(status: Int(response.status.code), body: String(buffer: body))
  }

  /// Sends a `GET` to the process.
  public func get(_ path: String) async throws -> HTTPAnswer { try await send("GET", path) }

  /// Sends a `POST` with a JSON body to the process.
  public func post(_ path: String, json: String = "{}") async throws -> HTTPAnswer {
    try await send("POST", path, json: json)
  }
}
