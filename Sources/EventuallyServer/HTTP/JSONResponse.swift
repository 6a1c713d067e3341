public import Eventually
public import HTTPTypes
import Foundation
import Hummingbird
import Logging
import NIOCore

/// The rest of an answer that is made while it is sent, piece by piece, so that it is never in memory as a whole.
public protocol ResponsePieces: Sendable {
  /// Writes the next piece, some ten to a hundred kilobytes of it.
  /// - Returns: whether there is more.
  mutating func writeNext(_ json: inout JSONWriter) async throws -> Bool
  /// Headers of the answer, as they are known once the first piece is made; none by default.
  var headers: HTTPFields { get }
}

extension ResponsePieces {
  /// None.
  public var headers: HTTPFields { [:] }
}

/// An answer in JSON.
public struct JSONResponse: Sendable {
  /// The status.
  public var status: HTTPResponse.Status
  /// The whole body, or its beginning.
  public var bytes: [UInt8]
  /// What follows; `nil` for nothing.
  private var rest: Rest?
  /// The media type of the body.
  public var contentType = "application/json"
  /// Further headers.
  public var headers: HTTPFields = [:]

  /// Whether the status alone is the answer.
  private var isEmpty = false
  /// Whether the answer goes on for as long as its asker listens.
  var isLive = false
  /// Whose request is answered; an answer that goes on ends with it.
  var pass: AccessPass?

  private struct Rest {
    /// Knows where a comma is due.
    var writer: JSONWriter
    var pieces: any ResponsePieces
  }

  /// An answer whose body `write` writes.
  public init(
    _ status: HTTPResponse.Status = .ok, _ write: (inout JSONWriter) throws -> Void
  ) rethrows {
    var writer = JSONWriter()
    try write(&writer)
    if writer.bytes.last != UInt8(ascii: "\n") { writer.newline() }
    self.status = status
    bytes = writer.bytes
  }

  /// An answer with a value as its body.
  public init(_ status: HTTPResponse.Status = .ok, encoding value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    self.status = status
    bytes = [UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")]
  }

  /// An answer with these bytes as its body.
  init(withBytes bytes: [UInt8]) {
    status = .ok
    self.bytes = bytes
  }

  /// An answer without a body.
  public init(withoutBody status: HTTPResponse.Status) {
    self.status = status
    bytes = []
    isEmpty = true
  }

  /// An answer in pieces. The first is made before this returns: what fails there is told by the status. Where a later one
  /// fails, the connection is closed in the middle of the body.
  public init(pieces: some ResponsePieces) async throws {
    var pieces = pieces
    var writer = JSONWriter()
    let hasMore = try await pieces.writeNext(&writer)
    status = .ok
    headers = pieces.headers
    bytes = writer.bytes
    rest = hasMore ? Rest(writer: writer, pieces: pieces) : nil
  }

  /// Answers are as of now and may hold what only the asker may see: no cache keeps them. And what is no page is never
  /// taken for one.
  static let always: [(HTTPField.Name, String)] = [
    (.cacheControl, "no-store"), (.xContentTypeOptions, "nosniff"),
  ]

  /// All headers of the answer.
  var fields: HTTPFields {
    var fields = headers
    if !isEmpty { fields[.contentType] = contentType }
    for (name, value) in Self.always { fields[name] = value }
    // Its asker may keep it, to ask whether it is still so.
    if fields[.eTag] != nil, status.kind != .clientError {
      fields[.cacheControl] = "private, no-cache"
    }
    // Whoever is sent away is told when to come again.
    if [429, 503].contains(status.code), fields[.retryAfter] == nil { fields[.retryAfter] = "1" }
    return fields
  }

  /// Larger bodies are handed to the connection in parts of this size, each once there is room for it.
  private static let partSize = 64 << 10

  /// Smaller bodies are not worth compressing.
  private static let worthCompressing = 4 << 10

  func response(from request: Request, context: some RequestContext) -> Response {
    response(from: request, context: context, holding: nil, compressors: nil)
  }

  /// - Parameters:
  ///   - place: kept until the answer is handed over to the connection, where it has more than a part. The connection
  ///     takes a part once at most 64 KiB are still to be sent. An answer without an end does not keep it.
  ///   - compressors: how many answers may be compressed at a time; `nil` for none. Where that many are, an answer is sent as it is.
  func response(
    from request: Request, context: some RequestContext, holding place: Budget.Share?,
    compressors: Budget?
  ) -> Response {
    var headers = fields
    if isEmpty {
      var response = Response(status: status, headers: headers)
      // There is no body, not even one of no bytes.
      response.headers[.contentLength] = nil
      return response
    }
    let compression = compression(of: request, compressors, &headers)
    if compression == nil, rest == nil, bytes.count <= Self.partSize {
      return Response(
        status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
    let logger = context.logger
    let place = isLive ? nil : place
    let isWhole = compression == nil && rest == nil
    let body = ResponseBody(contentLength: isWhole ? bytes.count : nil) { writer in
      defer { withExtendedLifetime((place, compression)) {} }
      do {
        if isLive {
          // A client that is gone is noticed without anything to send it.
          try await request.body.consumeWithCancellationOnInboundClose { body in
            // A body that nobody takes would hide that, and never be waited for to its end.
            async let _ = Self.discard(body)
            try await write(to: &writer)
          }
        } else if compression == nil {
          try await write(to: &writer)
        } else {
          try await writeCompressed(to: &writer)
        }
      } catch let error as EventStoreError {
        logger.warning("an answer was broken off", metadata: ["error": "\(error)"])
        throw error
      }
      try await writer.finish(nil)
    }
    return Response(status: status, headers: headers, body: body)
  }

  private static func discard(_ body: RequestBody) async {
    do {
      for try await _ in body {}
    } catch {
      // The answer ends with the connection, which is told apart from this.
    }
  }

  /// Leave to compress the answer, where it is large, the request takes gzip, and not too many are compressed already. The headers say so.
  private func compression(
    of request: Request, _ compressors: Budget?, _ headers: inout HTTPFields
  ) -> Budget.Share? {
    guard let compressors, !isLive, rest != nil || bytes.count >= Self.worthCompressing else {
      return nil
    }
    headers[.vary] = [headers[.vary], "Accept-Encoding"].compactMap { $0 }.joined(separator: ", ")
    guard request.method != .head,
      QualityList(request.headers[.acceptEncoding] ?? "").prefersGzip,
      let share = compressors.share()
    else { return nil }
    headers[.contentEncoding] = "gzip"
    if case .these(let tags)? = headers[.eTag].flatMap({ EntityTags($0) }), let tag = tags.first {
      headers[.eTag] = tag.compressed.description
    }
    return share
  }

  /// The whole body, where it is made already.
  var wholeBytes: [UInt8]? { rest == nil ? bytes : nil }

  /// The whole body.
  /// - Throws: what fails while a further piece is made.
  public func wholeBody() async throws -> [UInt8] {
    try await wholeBody(atMost: .max) ?? []
  }

  /// The whole body; `nil` where it has more bytes than `limit`.
  func wholeBody(atMost limit: Int) async throws -> [UInt8]? {
    var whole = bytes
    var rest = rest
    while whole.count <= limit, let next = try await Self.next(&rest) { whole += next }
    return whole.count <= limit ? whole : nil
  }

  /// Hands over the body, part by part, each as soon as it is made.
  func parts(_ take: ([UInt8]) async throws -> Void) async throws {
    try await take(bytes)
    var rest = rest
    while let next = try await Self.next(&rest) {
      // A piece may have been waited for.
      if isLive, let pass, !pass.isValid { return }
      try await take(next)
    }
  }

  private func write(to writer: inout any ResponseBodyWriter) async throws {
    try await parts { bytes in
      var part = ByteBuffer(bytes: bytes)
      while let next = part.readSlice(length: min(Self.partSize, part.readableBytes)),
        next.readableBytes > 0
      {
        try await writer.write(next)
      }
    }
  }

  private func writeCompressed(to writer: inout any ResponseBodyWriter) async throws {
    let gzip = try Gzip()
    try await parts { part in
      var start = 0
      while start < part.count {
        let end = min(start + Self.partSize, part.count)
        let compressed = try gzip.compress(Array(part[start..<end]), isLast: false)
        if !compressed.isEmpty { try await writer.write(ByteBuffer(bytes: compressed)) }
        start = end
      }
    }
    try await writer.write(ByteBuffer(bytes: try gzip.compress([], isLast: true)))
  }

  /// The next piece; `nil` after the last.
  private static func next(_ rest: inout Rest?) async throws -> [UInt8]? {
    guard var next = rest else { return nil }
    rest = nil
    next.writer.bytes.removeAll(keepingCapacity: true)
    let hasMore = try await next.pieces.writeNext(&next.writer)
    let bytes = next.writer.bytes
    if hasMore { rest = next }
    return bytes
  }
}
