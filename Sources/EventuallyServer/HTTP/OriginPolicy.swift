import HTTPTypes
import Hummingbird

/// Decides whether a request that changes something may come from where a browser says that it comes from.
///
/// A page of any site can have its visitor's browser send requests to this machine. Browsers say so in `Sec-Fetch-Site`
/// and `Origin`; programs send neither.
public struct OriginPolicy: Sendable, Hashable {
  /// Origins that may send commands besides the server's own: `https://shop.example`, in lower case.
  public var allowed: Set<String>

  /// The server's own origin, and further ones.
  public init(allowed: Set<String> = []) {
    self.allowed = allowed
  }

  /// An origin as browsers write it, without the port that its scheme has by default.
  /// - Returns: `nil` where the text is no http or https origin.
  public static func origin(_ text: String) -> String? {
    let text = text.lowercased()
    for (scheme, port) in [("http://", ":80"), ("https://", ":443")] where text.hasPrefix(scheme) {
      let host = text.dropFirst(scheme.count)
      guard !host.isEmpty, !host.contains(where: { "/?#@ ".contains($0) }) else { return nil }
      return text.hasSuffix(port) ? String(text.dropLast(port.count)) : text
    }
    return nil
  }

  /// Whether a request may change something.
  /// - Parameters:
  ///   - origin: the header `Origin`.
  ///   - fetchSite: the header `Sec-Fetch-Site`.
  ///   - authority: the host and port that the request was sent to.
  func allows(origin: String?, fetchSite: String?, authority: String?) -> Bool {
    if let found = origin.flatMap(Self.origin), allowed.contains(found) { return true }
    if let fetchSite, fetchSite != "same-origin", fetchSite != "none" { return false }
    guard let origin else { return true }
    guard let found = Self.origin(origin), let authority = authority?.lowercased() else {
      return false
    }
    return found == Self.origin("http://\(authority)")
      || found == Self.origin("https://\(authority)")
  }
}

/// Refuses what pages of other origins have a browser send.
struct OriginCheck<Context: RequestContext>: RouterMiddleware {
  let policy: OriginPolicy
  private let origin = HTTPField.Name("origin")
  private let fetchSite = HTTPField.Name("sec-fetch-site")

  init(_ policy: OriginPolicy) {
    self.policy = policy
  }

  func handle(
    _ request: Request, context: Context,
    next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    // Nothing is changed by these, and what they answer no page of another origin can read.
    if request.method == .get || request.method == .head {
      return try await next(request, context)
    }
    guard
      policy.allows(
        origin: origin.flatMap { request.headers[$0] },
        fetchSite: fetchSite.flatMap { request.headers[$0] }, authority: request.head.authority)
    else {
      throw RequestError(
        kind: .otherOrigin,
        "the request comes from a page of another origin: name that with --allow-origin "
          + "if it is to give commands")
    }
    return try await next(request, context)
  }
}

extension Request {
  /// A page of another origin can send JSON as text without asking, but not as JSON.
  /// - Throws: an answer 415 where there is a body that is not said to be JSON.
  func checkContentType() throws {
    guard let type = headers[.contentType] else {
      let hasBody =
        headers[.transferEncoding] != nil || headers[.contentLength].map { $0 != "0" } ?? false
      if hasBody { throw Self.notJSON }
      return
    }
    let media = type.prefix { $0 != ";" }.trimmingSuffix { $0 == " " || $0 == "\t" }
    guard media.lowercased() == "application/json" else { throw Self.notJSON }
  }

  private static var notJSON: RequestError {
    RequestError(
      kind: .notJSON, "a body must come with 'Content-Type: application/json'",
      parameter: "content-type")
  }
}

extension Substring {
  fileprivate func trimmingSuffix(_ isTrimmed: (Character) -> Bool) -> Substring {
    var text = self
    while let last = text.last, isTrimmed(last) { text.removeLast() }
    return text
  }
}
