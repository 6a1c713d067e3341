import Eventually
import HTTPTypes
import Hummingbird
import Logging

/// Gives each request an id, turns whatever a route throws into an answer that says what is wrong, and leaves the body of answers to HEAD
/// out.
struct ErrorMiddleware<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context,
    next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let id = RequestID(request.headers)
    var head = request.head
    if let name = RequestID.header { head.headerFields[name] = id.description }
    let request = Request(head: head, body: request.body)
    var context = context
    context.logger[metadataKey: "request"] = "\(id)"
    var response: Response
    do {
      response = try await next(request, context)
    } catch {
      let refusal = RequestError(error)
      if refusal.kind == .internal || refusal.kind == .damaged {
        context.logger.error(
          "a request failed",
          metadata: [
            "method": "\(request.method)", "path": "\(request.uri.path.excerpt(200))",
            "error": "\(error)",
          ])
      }
      response = refusal.response(id: id).response(from: request, context: context)
      if request.method == .head { response = response.createHeadResponse() }
    }
    if let name = RequestID.header { response.headers[name] = id.description }
    return response
  }
}
