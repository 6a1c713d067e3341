import Eventually
import Foundation
import EventuallySQLite
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import Orders

/// The rest of an answer that is made while it is sent, piece by piece, so that it is never in memory as a whole.
protocol ReplyPieces: Sendable {
  /// Writes the next piece, some ten to a hundred kilobytes of it.
  /// - Returns: whether there is more.
  mutating func writeNext(_ json: inout JSONWriter) async throws -> Bool
}

/// An answer in JSON.
struct Reply: ResponseGenerator, Sendable {
  var status: HTTPResponse.Status
  /// The whole body, or its beginning.
  var bytes: [UInt8]
  /// What follows; `nil` for nothing.
  private var rest: Rest?
  var contentType = "application/json"
  var headers: HTTPFields = [:]

  private struct Rest {
    /// Knows where a comma is due.
    var writer: JSONWriter
    var pieces: any ReplyPieces
  }

  init(_ status: HTTPResponse.Status = .ok, _ write: (inout JSONWriter) throws -> Void) rethrows {
    var writer = JSONWriter()
    try write(&writer)
    if writer.bytes.last != UInt8(ascii: "\n") { writer.newline() }
    self.status = status
    bytes = writer.bytes
  }

  /// An answer in pieces. The first is made before this returns: what fails there is told by the status. Where a later one
  /// fails, the connection is closed in the middle of the body.
  init(pieces: some ReplyPieces) async throws {
    var pieces = pieces
    var writer = JSONWriter()
    let hasMore = try await pieces.writeNext(&writer)
    status = .ok
    bytes = writer.bytes
    rest = hasMore ? Rest(writer: writer, pieces: pieces) : nil
  }

  /// An answer that says what went wrong, for programs and for people.
  static func failure(_ status: HTTPResponse.Status, code: String, _ message: String) -> Reply {
    Reply(status) { json in
      json.beginObject()
      json.key("code")
      json.string(code)
      json.key("error")
      json.string(message)
      json.endObject()
    }
  }

  /// Too much at once: the same request is worth trying again after a second.
  static func overloaded(_ message: String) -> Reply {
    var reply = failure(.serviceUnavailable, code: "overloaded", message)
    reply.headers[.retryAfter] = "1"
    return reply
  }

  /// Answers are as of now and may hold what only the asker may see: no cache keeps them. And what is no page is never
  /// taken for one.
  static let always: [(HTTPField.Name, String)] = [
    (.cacheControl, "no-store"), (.xContentTypeOptions, "nosniff"),
  ]

  /// Larger bodies are handed to the connection in parts of this size, each once there is room for it.
  private static let partSize = 64 << 10

  func response(from request: Request, context: some RequestContext) -> Response {
    response(from: request, context: context, holding: nil)
  }

  /// - Parameter place: kept until the answer is handed over to the connection, where it has more than a part. The connection
  ///   takes a part once at most 64 KiB are still to be sent.
  func response(
    from request: Request, context: some RequestContext, holding place: Budget.Share?
  ) -> Response {
    var headers = headers
    headers[.contentType] = contentType
    for (name, value) in Self.always { headers[name] = value }
    if rest == nil, bytes.count <= Self.partSize {
      return Response(
        status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
    let logger = context.logger
    let body = ResponseBody(contentLength: rest == nil ? bytes.count : nil) { writer in
      defer { withExtendedLifetime(place) {} }
      do {
        try await write(to: &writer)
      } catch let error as EventStoreError {
        logger.warning("an answer was broken off", metadata: ["error": "\(error)"])
        throw error
      }
      try await writer.finish(nil)
    }
    return Response(status: status, headers: headers, body: body)
  }

  private func write(to writer: inout any ResponseBodyWriter) async throws {
    var part = ByteBuffer(bytes: bytes)
    var rest = rest
    while true {
      while let next = part.readSlice(length: min(Self.partSize, part.readableBytes)),
        next.readableBytes > 0
      {
        try await writer.write(next)
      }
      guard var next = rest else { return }
      rest = nil
      next.writer.bytes.removeAll(keepingCapacity: true)
      let hasMore = try await next.pieces.writeNext(&next.writer)
      part = ByteBuffer(bytes: next.writer.bytes)
      if hasMore { rest = next }
    }
  }
}

/// Too much at once: the same request is worth trying again after a second.
struct Overloaded: Error, CustomStringConvertible {
  var description: String

  init(_ what: String) {
    description = "\(what): try again in a moment"
  }
}

/// Turns whatever a route throws into an answer in JSON, and leaves the body of answers to HEAD out.
struct FailureReplies<Context: RequestContext>: RouterMiddleware {
  /// The methods that a path may be asked with.
  let methods: @Sendable (String) -> Set<String>

  func handle(
    _ request: Request, context: Context,
    next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      let reply = refused(request, context, error) ?? Self.reply(to: error)
      let response = reply.response(from: request, context: context)
      return request.method == .head ? response.createHeadResponse() : response
    }
  }

  /// Where only the method is wrong, the answer says which ones are right.
  private func refused(_ request: Request, _ context: Context, _ error: any Error) -> Reply? {
    // What the router says where it found no route.
    guard context.endpointPath == "NotFound", (error as? HTTPError)?.status == .notFound else {
      return nil
    }
    let allowed = methods(request.uri.path).sorted()
    guard !allowed.isEmpty else { return nil }
    let list = allowed.joined(separator: ", ")
    var reply = Reply.failure(
      .methodNotAllowed, code: "method-not-allowed",
      "\(request.method.rawValue.prefix(40)) can't be done here: \(list) can")
    reply.headers[.allow] = list
    return reply
  }

  /// The answer to a request that can't even be read.
  static func reply(toUnreadable error: any Error) -> Reply {
    if let error = error as? HTTPParserError { return reply(to: error) }
    return .failure(.badRequest, code: "invalid-request", "the request is not HTTP: \(error)")
  }

  static func reply(to error: any Error) -> Reply {
    switch error {
    case let error as OrderError: reply(to: error)
    case let error as RepositoryError: reply(to: error)
    case let error as EventStoreError: reply(to: error)
    case let error as JSONError:
      .failure(.badRequest, code: "invalid-json", "the body is not the JSON expected: \(error)")
    case let error as InvalidMember:
      .failure(.unprocessableContent, code: "invalid", error.description)
    case let error as ReadModelError:
      .failure(.serviceUnavailable, code: "read-model-unavailable", error.description)
    case let error as SQLiteError:
      .failure(.serviceUnavailable, code: "database-unavailable", error.description)
    case let error as HTTPError: reply(to: error)
    case let error as HTTPParserError: reply(to: error)
    case let error as Overloaded: .overloaded(error.description)
    default:
      .failure(.internalServerError, code: "internal", "\(error)")
    }
  }

  private static func reply(to error: HTTPError) -> Reply {
    var reply = Reply.failure(
      error.status, code: code(of: error.status), error.body ?? error.status.reasonPhrase)
    reply.headers = error.headers
    return reply
  }

  private static func reply(to error: HTTPParserError) -> Reply {
    switch error {
    case .headerOverflow:
      .failure(
        .requestHeaderFieldsTooLarge, code: "header-too-large", "the request's header is too large")
    default:
      .failure(.badRequest, code: "invalid-request", "the request is not HTTP: \(error)")
    }
  }

  private static func code(of status: HTTPResponse.Status) -> String {
    switch status {
    case .notFound: "not-found"
    case .unauthorized: "unauthorized"
    case .requestTimeout: "too-slow"
    case .contentTooLarge: "too-large"
    case .unsupportedMediaType: "not-json"
    case .forbidden: "other-origin"
    case .badRequest: "invalid-request"
    case .unprocessableContent: "invalid"
    default: "status-\(status.code)"
    }
  }

  private static func reply(to error: OrderError) -> Reply {
    let words = error.description
    return switch error {
    case .unknown: .failure(.notFound, code: "unknown-order", words)
    case .alreadyExists: .failure(.conflict, code: "already-exists", words)
    case .notOpen: .failure(.conflict, code: "not-open", words)
    case .empty: .failure(.conflict, code: "empty", words)
    case .tooManyLines: .failure(.conflict, code: "too-large", words)
    case .invalidID, .invalid, .amountTooLarge:
      .failure(.unprocessableContent, code: "invalid", words)
    }
  }

  private static func reply(to error: RepositoryError) -> Reply {
    switch error {
    case .store(let error): reply(to: error)
    case .unappliable: .failure(.internalServerError, code: "damaged", error.description)
    }
  }

  private static func reply(to error: EventStoreError) -> Reply {
    let words = error.description
    return switch error {
    case .conflict: .failure(.conflict, code: "conflict", words)
    case .invalid: .failure(.unprocessableContent, code: "invalid", words)
    case .unreadable: .failure(.unprocessableContent, code: "unreadable-event", words)
    case .streamTooLarge: .failure(.conflict, code: "too-large", words)
    case .recordTooLarge: .failure(.contentTooLarge, code: "record-too-large", words)
    case .full:
      .failure(.init(code: 507, reasonPhrase: "Insufficient Storage"), code: "store-full", words)
    case .overloaded: .overloaded(words)
    case .undecodable: .failure(.internalServerError, code: "undecodable", words)
    case .unavailable: .failure(.serviceUnavailable, code: "store-unavailable", words)
    }
  }
}

extension BasicRequestContext {
  /// A part of the path, as it is meant: `%20` is a space.
  func pathParameter(_ name: String) throws -> String {
    guard let text = PercentEncoding.decode(try parameters.require(name)) else {
      throw HTTPError(.badRequest, message: "the path's '\(name)' is not percent-encoded UTF-8")
    }
    return text
  }
}

extension Request {
  /// A parameter of the query; `nil` where there is none.
  /// - Throws: an answer 400 where it is not percent-encoded UTF-8, or is there twice.
  func parameter(_ name: String) throws -> String? {
    guard let query = uri.query else { return nil }
    do {
      return try QueryParameters.value(of: name, in: query)
    } catch .repeated {
      throw HTTPError(.badRequest, message: "the parameter '\(name)' is there more than once")
    } catch .encoding {
      throw HTTPError(
        .badRequest, message: "the parameter '\(name)' is not percent-encoded UTF-8")
    }
  }

  /// A query parameter that is a number in a range.
  func number(
    _ name: String, default value: UInt64? = nil, in range: ClosedRange<UInt64> = 0...(1 << 62)
  ) throws -> UInt64 {
    guard let text = try parameter(name) else {
      if let value { return value }
      throw HTTPError(.badRequest, message: "the parameter '\(name)' is missing")
    }
    guard let number = UInt64(text), range.contains(number) else {
      throw HTTPError(
        .badRequest,
        message: "the parameter '\(name)' must be a number from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return number
  }
}
