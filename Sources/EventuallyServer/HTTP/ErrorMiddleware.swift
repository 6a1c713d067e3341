import Eventually
import EventuallySQLite
import HTTPTypes
import Hummingbird
import NIOHTTP1

/// Turns whatever a route throws into an answer in JSON, and leaves the body of answers to HEAD out.
struct ErrorMiddleware<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context,
    next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      let response = Self.response(to: error).response(from: request, context: context)
      return request.method == .head ? response.createHeadResponse() : response
    }
  }

  /// The answer to a request that can't even be read.
  static func response(toUnreadable error: any Error) -> JSONResponse {
    if let error = error as? HTTPParserError { return response(to: error) }
    return .failure(.badRequest, code: "invalid-request", "the request is not HTTP: \(error)")
  }

  static func response(to error: any Error) -> JSONResponse {
    switch error {
    case let error as RequestError: response(to: error)
    case let error as CommandRefused: error.response
    case let error as any CommandRefusal: CommandRefused(cause: error).response
    case let error as RepositoryError: response(to: error)
    case let error as EventStoreError: response(to: error)
    case let error as JSONError:
      .failure(.badRequest, code: "invalid-json", "the body is not the JSON expected: \(error)")
    case let error as InvalidMember:
      .failure(.unprocessableContent, code: "invalid", error.description)
    case let error as ReadModelError:
      .failure(.serviceUnavailable, code: "read-model-unavailable", error.description)
    case let error as SQLiteError:
      .failure(.serviceUnavailable, code: "database-unavailable", error.description)
    case let error as HTTPError: response(to: error)
    case let error as HTTPParserError: response(to: error)
    case let error as Overloaded: .overloaded(error.description)
    default:
      .failure(.internalServerError, code: "internal", "\(error)")
    }
  }

  private static func response(to error: HTTPError) -> JSONResponse {
    var response = JSONResponse.failure(
      error.status, code: code(of: error.status), error.body ?? error.status.reasonPhrase)
    response.headers = error.headers
    return response
  }

  private static func response(to error: HTTPParserError) -> JSONResponse {
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

  private static func response(to error: RequestError) -> JSONResponse {
    var response = JSONResponse.failure(
      error.status, code: error.code ?? code(of: error.status), error.message)
    response.headers = error.headers
    return response
  }

  private static func response(to error: RepositoryError) -> JSONResponse {
    switch error {
    case .store(let error): response(to: error)
    case .unappliable: .failure(.internalServerError, code: "damaged", error.description)
    }
  }

  private static func response(to error: EventStoreError) -> JSONResponse {
    let words = error.description
    return switch error {
    case .conflict: .failure(.conflict, code: "conflict", words)
    case .keyReused: .failure(.unprocessableContent, code: "key-reused", words)
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
