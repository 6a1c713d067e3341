import Eventually
import Hummingbird
import HTTPTypes
import Logging
import NIOCore
import NIOEmbedded

extension API {
  /// Answers a request without a server.
  func answer(
    _ method: HTTPRequest.Method = .get, path: String, body: [UInt8] = []
  ) async throws -> (status: Int, body: [UInt8]) {
    let request = Request(
      head: HTTPRequest(
        method: method, scheme: "http", authority: "localhost", path: path,
        headerFields: body.isEmpty ? [:] : [.contentType: "application/json"]),
      body: RequestBody(buffer: ByteBuffer(bytes: body)))
    let context = BasicRequestContext(
      source: ApplicationRequestContextSource(
        channel: NIOAsyncTestingChannel(), logger: Logger(label: "queries")))
    let response = try await router().buildResponder().respond(to: request, context: context)
    let collected = Collected()
    try await response.body.write(Writer(collected: collected))
    return (Int(response.status.code), collected.bytes.withLock { $0 })
  }

  private final class Collected: Sendable {
    let bytes = Locked<[UInt8]>([])
  }

  private struct Writer: ResponseBodyWriter {
    let collected: Collected

    mutating func write(_ buffer: ByteBuffer) async throws {
      collected.bytes.withLock { $0 += buffer.readableBytesView }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
  }
}
