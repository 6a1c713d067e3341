import Digests
import Eventually
import HTTPTypes

/// Who may use the console: whoever has a session or sends a token; without tokens everybody may look, and only people at this machine may
/// change something.
final class ConsoleAccess: Sendable {
  let tokens: AccessTokens?
  /// Whether only processes on this machine reach the server.
  private let isLoopback: Bool
  let isEncrypted: Bool
  private let sessions = Locked(ConsoleSessions())
  /// The CSRF token where nobody signs in.
  private let openCSRF = SessionCookie.newSecret()
  private static let csrf = HTTPField.Name("X-CSRF-Token")

  init(tokens: AccessTokens?, isLoopback: Bool, isEncrypted: Bool) {
    self.tokens = tokens
    self.isLoopback = isLoopback
    self.isEncrypted = isEncrypted
  }

  /// Why nobody can change anything by this process; `nil` where somebody can.
  var whyNot: String? {
    tokens == nil && !isLoopback
      ? "this process has no tokens and listens to other machines: start it with --token-file to change something here"
      : nil
  }

  /// Lets a request pass.
  /// - Parameters:
  ///   - authority: the host and port that it was sent to.
  ///   - address: where the connection comes from.
  ///   - role: the role that it needs.
  ///   - changes: whether it is more than a question.
  /// - Throws: an answer 401 or 403.
  func admit(
    _ headers: HTTPFields, authority: String?, address: String, as role: AccessRole, changes: Bool
  ) throws(RequestError) -> (pass: AccessPass?, asker: Asker) {
    var asker = Asker()
    asker.address = address
    asker.isLoopback = Self.isLoopbackName(authority)
    asker.cookie = SessionCookie.name(authority: authority)
    guard let tokens else {
      asker.role = isLoopback && asker.isLoopback ? .administer : .read
      guard asker.role >= role else { throw .forbidden(whyNot ?? Self.otherName) }
      if changes, role > .anyone { try check(headers, openCSRF) }
      return (nil, asker)
    }
    // No page can have a browser send this header to another site.
    if headers[.authorization] != nil, let pass = try tokens.admit(headers, as: max(role, .read)) {
      (asker.name, asker.role) = (pass.holder, pass.role)
      return (pass, asker)
    }
    guard let secret = SessionCookie.value(asker.cookie, in: headers),
      let session = session(ConsoleSessions.Key(secret))
    else {
      guard role == .anyone else {
        throw .unauthorized("sign in with a token, or send it as 'Authorization: Bearer …'")
      }
      return (nil, asker)
    }
    let key = ConsoleSessions.Key(secret)
    asker.session = key
    (asker.name, asker.role) = (session.token.name, session.token.role)
    guard asker.role >= role else { throw .forbidden(asker.role, needed: role) }
    if changes, role > .anyone { try check(headers, session.csrf) }
    let pass = AccessPass(holder: session.token.name, role: session.token.role) { [weak self] in
      self?.session(key) != nil
    }
    return (pass, asker)
  }

  private func check(_ headers: HTTPFields, _ expected: String) throws(RequestError) {
    let found = Self.csrf.flatMap { headers[$0] } ?? ""
    // Digests are compared, so that the time tells nothing.
    guard ConsoleSessions.Key(found) == ConsoleSessions.Key(expected) else {
      throw .forbidden("the request lacks the session's CSRF token: load the page again")
    }
  }

  /// A session whose token is still there.
  private func session(_ key: ConsoleSessions.Key) -> ConsoleSessions.Session? {
    guard let session = sessions.withLock({ $0.use(key, now: .now) }) else { return nil }
    guard tokens?.holds(session.token) == true else {
      end(key)
      return nil
    }
    return session
  }

  /// Signs somebody in.
  /// - Returns: the session, and what its cookie holds.
  /// - Throws: an answer 401 where nobody has the token, and 429 after too many such attempts.
  func signIn(
    _ text: String, _ asker: Asker
  ) throws(RequestError) -> (session: ConsoleSessions.Session, secret: String) {
    guard sessions.withLock({ $0.mayTry(from: asker.address, now: .now) }) else {
      throw RequestError(
        .tooManyRequests, code: "too-many-attempts",
        "too many tokens from this address were wrong: try again in a minute",
        headers: [.retryAfter: "60"])
    }
    guard let token = tokens?.token(text) else {
      sessions.withLock { $0.failed(from: asker.address, now: .now) }
      throw .unauthorized("the token is none that is known here", "invalid_token")
    }
    let (secret, csrf) = (SessionCookie.newSecret(), SessionCookie.newSecret())
    let key = ConsoleSessions.Key(secret)
    let session = sessions.withLock { sessions in
      if let before = asker.session { sessions.end(before) }
      sessions.begin(key, token: token, csrf: csrf, now: .now)
      return sessions.use(key, now: .now)
    }
    guard let session else { throw .unauthorized("the session has ended") }
    return (session, secret)
  }

  /// Ends a session.
  func end(_ key: ConsoleSessions.Key) {
    sessions.withLock { $0.end(key) }
  }

  /// What a page needs to know of whoever looks at it; `nil` where they have not signed in.
  func viewer(_ asker: Asker) -> (name: String?, role: AccessRole, csrf: String)? {
    guard tokens != nil else { return (nil, asker.role, openCSRF) }
    guard let key = asker.session, let session = session(key) else { return nil }
    return (session.token.name, session.token.role, session.csrf)
  }

  private static let otherName =
    "this process has no tokens: only pages opened as http://127.0.0.1 or http://localhost may change something"

  /// A page of another site may have its own name lead to this machine; its requests carry that name.
  static func isLoopbackName(_ authority: String?) -> Bool {
    guard var host = authority?.lowercased() else { return false }
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      return host[host.index(after: host.startIndex)..<end] == "::1"
    }
    if let colon = host.lastIndex(of: ":") { host = String(host[..<colon]) }
    if host == "localhost" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}

extension RequestError {
  fileprivate static func forbidden(_ message: String) -> RequestError {
    RequestError(kind: .forbidden, message)
  }
}
