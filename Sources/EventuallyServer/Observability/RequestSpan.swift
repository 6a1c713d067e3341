import HTTPTypes
import Hummingbird
import Tracing

/// The span of a request, as OpenTelemetry's semantic conventions for HTTP servers have it: `POST /orders/{id}/create`.
enum RequestSpan {
  /// Any text may come as a method: what is none of these is not repeated, so that names stay few.
  private static let methods: Set<HTTPRequest.Method> = [
    .get, .head, .post, .put, .delete, .connect, .options, .trace, .patch,
  ]

  private static let other = "_OTHER"

  /// What a method is called in attributes and metrics.
  static func name(of method: HTTPRequest.Method) -> String {
    methods.contains(method) ? method.rawValue : other
  }

  /// Has a request answered within a span, which ends once the answer's body has been handed over or dropped.
  /// - Parameters:
  ///   - scheme: `http` or `https`.
  ///   - route: the path that the request matches, with its parameters in braces.
  static func around(
    _ request: Request, scheme: String, route: String?, _ answer: () async throws -> Response
  ) async throws -> Response {
    var parent = ServiceContext.current ?? .topLevel
    InstrumentationSystem.instrument.extract(
      request.headers, into: &parent, using: HeaderExtractor())
    let method = name(of: request.method)
    let name = method == other ? "HTTP" : method
    let span = startSpan(
      route.map { "\(name) \($0)" } ?? name, context: parent, ofKind: .server)
    let end = End(span)
    defer { withExtendedLifetime(end) {} }
    span.updateAttributes { attributes in
      attributes["http.request.method"] = method
      attributes["http.route"] = route
      attributes["url.path"] = request.uri.path
      attributes["url.query"] = request.uri.query
      attributes["url.scheme"] = scheme
      attributes["user_agent.original"] = request.headers[.userAgent]
    }
    var response = try await ServiceContext.withValue(span.context) { try await answer() }
    let status = Int(response.status.code)
    span.attributes["http.response.status_code"] = status
    if status >= 500 {
      span.attributes["error.type"] = "\(status)"
      span.setStatus(SpanStatus(code: .error))
    }
    let body = response.body
    response.body = ResponseBody(contentLength: body.contentLength) { writer in
      defer { withExtendedLifetime(end) {} }
      try await body.write(writer)
    }
    return response
  }

  /// Ends a span when nothing holds it any more.
  private final class End: Sendable {
    private let span: any Span

    init(_ span: any Span) {
      self.span = span
    }

    deinit { span.end() }
  }

  private struct HeaderExtractor: Extractor {
    func extract(key: String, from headers: HTTPFields) -> String? {
      HTTPField.Name(key).flatMap { headers[$0] }
    }
  }
}
