import Eventually
import HTTPTypes
import Hummingbird
import NIOCore

/// Binds what a request says of itself to the events that it leads to: `correlation-id`, `causation-id`, and `traceparent` with
/// `tracestate`.
struct EventContext<Context: RequestContext>: RouterMiddleware {
  /// Who sent the request: kept with its events as `holder`.
  var holder: String?
  /// Longer texts are no ids.
  private let longest = 200

  func handle(
    _ request: Request, context: Context,
    next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    // Only commands lead to events.
    guard request.method != .get, request.method != .head else {
      return try await next(request, context)
    }
    var metadata = EventMetadata(
      correlationID: try text("correlation-id", request),
      causationID: try text("causation-id", request),
      traceParent: try text("traceparent", request),
      additional: holder.map { ["holder": $0] } ?? [:])
    if metadata.traceParent != nil, let state = traceState(request) {
      metadata.additional[TraceContext.state] = state
    }
    if metadata.isEmpty { return try await next(request, context) }
    return try await EventMetadata.$current.withValue(metadata) {
      try await next(request, context)
    }
  }

  /// `nil` too for what would not be passed on: as W3C has it, a request is not refused for it.
  private func traceState(_ request: Request) -> String? {
    guard let field = HTTPField.Name(TraceContext.state), let text = request.headers[field],
      (1...TraceContext.longestState).contains(text.utf8.count),
      text.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
    else { return nil }
    return text
  }

  private func text(_ name: String, _ request: Request) throws -> String? {
    guard let field = HTTPField.Name(name), let text = request.headers[field] else { return nil }
    guard (1...longest).contains(text.utf8.count),
      text.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
    else {
      throw RequestError(
        kind: .invalidRequest,
        "the header '\(name)' must have 1 to \(longest) bytes of printable ASCII", parameter: name)
    }
    return text
  }
}
