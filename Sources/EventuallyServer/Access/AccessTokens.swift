import HTTPTypes
public import Logging

/// The tokens that an interface asks for, each with its role.
///
/// Those of a file are read again when it changes, within two seconds: an ``HTTPServer`` sees to that. A token that was taken out is
/// refused from then on, and what it had open, a stream of events for example, is ended. While the file can't be used, the tokens from
/// before are in force.
public final class AccessTokens: Sendable {
  private let files: FollowedFiles<TokenList>

  /// Tokens that stay as they are.
  public init(_ tokens: [BearerToken]) {
    files = FollowedFiles(constant: TokenList(tokens: tokens))
  }

  /// The tokens of a file: a line each, `NAME ROLE TOKEN`, where the role is `read`, `write` or `administer` and a line that begins with `#` is
  /// a comment; or one token alone, which may do everything.
  /// - Parameters:
  ///   - path: the file.
  ///   - logger: takes what happens when the file changes.
  /// - Throws: an error that names the line, and shows no token.
  public init(file path: String, logger: Logger) throws {
    files = try FollowedFiles("tokens", in: [path], logger: logger) { () throws(Failure) in
      let list = try TokenList(file: path)
      if FileStamp(path: path)?.isReadableByAll == true {
        logger.warning(
          "every user of this host may read the tokens: take that right away, chmod o-r",
          metadata: ["file": "\(path)"])
      }
      return list
    }
  }

  /// The tokens that a file holds now.
  package static func tokens(ofFile path: String) throws -> [BearerToken] {
    try TokenList(file: path).tokens
  }

  /// Looks at the file each second, until it is cancelled.
  func follow() async { await files.follow() }

  /// Looks at the file now.
  func check() { files.check() }

  /// Lets a request pass that carries a token of a role.
  /// - Returns: whose the token is; `nil` where anyone may ask.
  /// - Throws: an answer 401 or 403, as RFC 6750 has it.
  func admit(
    _ headers: HTTPFields, as role: AccessRole
  ) throws(RequestError) -> AccessPass? {
    guard role > .anyone else { return nil }
    guard let text = Self.credentials(headers) else {
      throw .unauthorized("the header 'Authorization: Bearer …' with a token is missing")
    }
    guard let token = files.current.holder(of: text) else {
      throw .unauthorized(
        "the token of the header 'Authorization' is none that is known here", "invalid_token")
    }
    guard token.role >= role else { throw .forbidden(token.role, needed: role) }
    return AccessPass(holder: token.name, role: token.role) { [files] in
      files.current.holds(token, as: role)
    }
  }

  /// Whose token a text is; `nil` where it is nobody's.
  func token(_ text: String) -> BearerToken? { files.current.holder(of: text) }

  /// Whether a token still may do what it might.
  func holds(_ token: BearerToken) -> Bool { files.current.holds(token, as: token.role) }

  /// The scheme's case does not matter, and more than one space may follow it.
  private static func credentials(_ headers: HTTPFields) -> Substring? {
    let parts = (headers[.authorization] ?? "").split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return parts[1].drop { $0 == " " }
  }
}

/// Leave of somebody to have a request answered.
struct AccessPass: Sendable {
  /// What the holder is called, where the file of tokens says.
  let holder: String?
  /// What the holder may do.
  let role: AccessRole
  private let check: @Sendable () -> Bool

  /// - Parameter check: tells whether it still holds.
  init(holder: String?, role: AccessRole, check: @escaping @Sendable () -> Bool) {
    self.holder = holder
    self.role = role
    self.check = check
  }

  /// Whether the token is still there.
  var isValid: Bool { check() }
}

extension RequestError {
  private static let challenge = "Bearer realm=\"eventually\""

  static func unauthorized(_ message: String, _ error: String? = nil) -> RequestError {
    var refusal = RequestError(kind: .unauthorized, message, parameter: "authorization")
    refusal.headers[.wwwAuthenticate] = challenge + (error.map { ", error=\"\($0)\"" } ?? "")
    return refusal
  }

  static func forbidden(_ role: AccessRole, needed: AccessRole) -> RequestError {
    var refusal = RequestError(
      kind: .forbidden,
      "this needs the role '\(needed.rawValue)', and the token has the role '\(role.rawValue)'",
      parameter: "authorization")
    refusal.headers[.wwwAuthenticate] =
      challenge + ", error=\"insufficient_scope\", scope=\"\(needed.rawValue)\""
    return refusal
  }
}
