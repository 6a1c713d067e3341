import Eventually
import Foundation
import EventuallySQLite
import HTTPTypes
import Hummingbird
import NIOCore
import Orders

/// An answer in JSON.
struct Reply: ResponseGenerator, Sendable {
  var status: HTTPResponse.Status
  var bytes: [UInt8]
  var contentType = "application/json"
  var headers: HTTPFields = [:]

  init(_ status: HTTPResponse.Status = .ok, _ write: (inout JSONWriter) throws -> Void) rethrows {
    var writer = JSONWriter()
    try write(&writer)
    if writer.bytes.last != UInt8(ascii: "\n") { writer.newline() }
    self.status = status
    bytes = writer.bytes
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

  func response(from request: Request, context: some RequestContext) -> Response {
    var headers = headers
    headers[.contentType] = contentType
    return Response(
      status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}

/// Turns whatever a route throws into an answer in JSON.
struct FailureReplies<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context,
    next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      return Self.reply(to: error).response(from: request, context: context)
    }
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

  private static func code(of status: HTTPResponse.Status) -> String {
    switch status {
    case .notFound: "not-found"
    case .unauthorized: "unauthorized"
    case .requestTimeout: "too-slow"
    case .contentTooLarge: "too-large"
    case .badRequest: "invalid-request"
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
    case .invalidID, .invalid, .tooManyLines, .amountTooLarge:
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
    guard let text = try parameters.require(name).removingPercentEncoding else {
      throw HTTPError(.badRequest, message: "the path's '\(name)' is not percent-encoded UTF-8")
    }
    return text
  }
}

extension Request {
  /// A query parameter that is a number in a range.
  func number(
    _ name: String, default value: UInt64? = nil, in range: ClosedRange<UInt64> = 0...(1 << 62)
  ) throws -> UInt64 {
    guard let text = uri.queryParameters[Substring(name)] else {
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
