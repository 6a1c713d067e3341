import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
  /// A body may have at most this many bytes.
  static let maximumBody = 4 << 20

  /// The same request with its whole body; how long that may take is the connection's matter.
  /// - Parameter share: grows by the body's bytes.
  /// - Throws: an answer 413 where the body is too large, and 503 where there are too many.
  func received(counting share: Budget.Share) async throws -> Request {
    if let length = headers[.contentLength].flatMap({ Int($0) }), length > Self.maximumBody {
      throw Self.tooLarge
    }
    var whole = ByteBuffer()
    for try await part in body {
      guard part.readableBytes <= Self.maximumBody - whole.readableBytes else {
        throw Self.tooLarge
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
    Array(try await body.collect(upTo: Self.maximumBody).readableBytesView)
  }

  private static let tooLarge = RequestError(
    kind: .bodyTooLarge, "a body may have at most \(maximumBody) bytes: send less at a time")
}
