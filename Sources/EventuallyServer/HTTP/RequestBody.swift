import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
  /// The same request with its whole body; how long that may take is the connection's matter.
  /// - Parameters:
  ///   - share: grows by the body's bytes.
  ///   - most: how many bytes it may have.
  /// - Throws: an answer 413 where the body is too large, and 503 where there are too many.
  func received(counting share: Budget.Share, atMost most: Int) async throws -> Request {
    if let length = headers[.contentLength].flatMap({ Int($0) }), length > most {
      throw Self.tooLarge(most)
    }
    var whole = ByteBuffer()
    for try await part in body {
      guard part.readableBytes <= most - whole.readableBytes else {
        throw Self.tooLarge(most)
      }
      guard share.grow(by: part.readableBytes) else {
        throw Overloaded("too many bodies are arriving")
      }
      if whole.readableBytes == 0 { whole = part } else { whole.writeImmutableBuffer(part) }
    }
    var request = self
    request.body = RequestBody(buffer: whole)
    return request
  }

  /// The body of a request that was received as a whole.
  func wholeBody() async throws -> [UInt8] {
    Array(try await body.collect(upTo: .max).readableBytesView)
  }

  private static func tooLarge(_ most: Int) -> RequestError {
    RequestError(
      kind: .bodyTooLarge, "a body may have at most \(most) bytes: send less at a time")
  }
}
