import Eventually
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import EventuallyServer

/// Who may use the console.
@Suite struct ConsoleAccessTests {
  private static let secrets: [AccessRole: String] = [
    .read: "read-only-please-now", .write: "write-something-please",
    .administer: "administer-me-please",
  ]

  private func access(hasTokens: Bool = true, isLoopback: Bool = true) throws -> ConsoleAccess {
    let tokens = AccessTokens(
      try Self.secrets.map { try BearerToken($1, from: "test", name: "the-\($0)", role: $0) })
    return ConsoleAccess(
      tokens: hasTokens ? tokens : nil, isLoopback: isLoopback, isEncrypted: false)
  }

  /// - Returns: the asker's role, or the status of the refusal.
  private func admit(
    _ access: ConsoleAccess, _ headers: HTTPFields, host: String = "127.0.0.1:8080",
    as role: AccessRole, changes: Bool = false
  ) -> Result<AccessRole, RequestError> {
    do throws(RequestError) {
      return .success(
        try access.admit(
          headers, authority: host, address: "127.0.0.1", as: role, changes: changes
        ).asker.role)
    } catch {
      return .failure(error)
    }
  }

  private func status(_ result: Result<AccessRole, RequestError>) -> Int {
    switch result {
    case .success: 200
    case .failure(let error): error.status.code
    }
  }

  private func fields(cookie: String? = nil, csrf: String? = nil, bearer: String? = nil) throws
    -> HTTPFields
  {
    var fields: HTTPFields = [:]
    if let cookie { fields[.cookie] = "eventually-console-8080=\(cookie)" }
    if let csrf { fields[try #require(HTTPField.Name("x-csrf-token"))] = csrf }
    if let bearer { fields[.authorization] = "Bearer \(bearer)" }
    return fields
  }

  @Test func aSessionMayWhatItsTokenMay() throws {
    let access = try access()
    #expect(status(admit(access, [:], as: .anyone)) == 200)
    #expect(status(admit(access, [:], as: .read)) == 401)
    #expect(status(admit(access, try fields(cookie: "guess"), as: .read)) == 401)
    for (role, text) in Self.secrets {
      let (session, secret) = try access.signIn(text, Asker())
      let cookie = try fields(cookie: secret)
      #expect(status(admit(access, cookie, as: .read)) == 200)
      let isAdministrator = role == .administer
      #expect(status(admit(access, cookie, as: .administer)) == (isAdministrator ? 200 : 403))
      // What changes something needs the session's CSRF token too.
      for csrf in ["", session.csrf + "0", "x", secret] {
        let headers = try fields(cookie: secret, csrf: csrf)
        #expect(status(admit(access, headers, as: .administer, changes: true)) == 403)
      }
      let headers = try fields(cookie: secret, csrf: session.csrf)
      let found = status(admit(access, headers, as: .administer, changes: true))
      #expect(found == (isAdministrator ? 200 : 403))
      // Another session's does not do.
      let (other, _) = try access.signIn(text, Asker())
      let mixed = try fields(cookie: secret, csrf: other.csrf)
      #expect(status(admit(access, mixed, as: .administer, changes: true)) == 403)
      // A cookie that is cut or has more is none.
      for cut in [String(secret.dropLast()), secret + "0", secret.uppercased() + "x", ""] {
        #expect(status(admit(access, try fields(cookie: cut), as: .read)) == 401)
      }
    }
  }

  @Test func aTokenNeedsNoSession() throws {
    let access = try access()
    for (role, text) in Self.secrets {
      let headers = try fields(bearer: text)
      #expect(status(admit(access, headers, as: .read)) == 200)
      let found = status(admit(access, headers, as: .administer, changes: true))
      #expect(found == (role == .administer ? 200 : 403))
    }
    #expect(status(admit(access, try fields(bearer: "wrong-wrong-wrong"), as: .read)) == 401)
  }

  @Test func signingInBeginsANewSessionAndEndsTheOneBefore() throws {
    let access = try access()
    let (_, first) = try access.signIn("administer-me-please", Asker())
    let asker = try access.admit(
      try fields(cookie: first), authority: "127.0.0.1:8080", address: "", as: .anyone,
      changes: false
    ).asker
    let (_, second) = try access.signIn("administer-me-please", asker)
    #expect(first != second)
    #expect(status(admit(access, try fields(cookie: first), as: .read)) == 401)
    #expect(status(admit(access, try fields(cookie: second), as: .read)) == 200)
    access.end(ConsoleSessions.Key(second))
    #expect(status(admit(access, try fields(cookie: second), as: .read)) == 401)
  }

  @Test func wrongTokensAreRefusedAndThenNoneIsTried() throws {
    let access = try access()
    for _ in 0..<ConsoleSessions.attempts {
      let error = #expect(throws: RequestError.self) { try access.signIn("no", Asker()) }
      #expect(error?.status.code == 401)
    }
    // Even the right one.
    let error = #expect(throws: RequestError.self) {
      try access.signIn("administer-me-please", Asker())
    }
    #expect(error?.status.code == 429 && error?.headers[.retryAfter] == "60")
    var other = Asker()
    other.address = "10.0.0.7"
    #expect(throws: Never.self) { try access.signIn("administer-me-please", other) }
  }

  @Test func aPassEndsWithItsSession() throws {
    let access = try access()
    let (_, secret) = try access.signIn("read-only-please-now", Asker())
    let pass = try access.admit(
      try fields(cookie: secret), authority: "127.0.0.1:8080", address: "", as: .read,
      changes: false
    ).pass
    #expect(pass?.isValid == true && pass?.holder == "the-read")
    access.end(ConsoleSessions.Key(secret))
    #expect(pass?.isValid == false)
  }

  @Test func aSessionEndsWithItsToken() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "tokens-\(UUID())").path()
    defer { try? FileManager.default.removeItem(atPath: file) }
    func write(_ lines: String) throws {
      try lines.write(toFile: file, atomically: true, encoding: .utf8)
    }
    try write("ada administer administer-me-please\nben read read-only-please-now\n")
    let tokens = try AccessTokens(
      file: file, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let access = ConsoleAccess(tokens: tokens, isLoopback: true, isEncrypted: false)
    let sessions = try ["administer-me-please", "read-only-please-now"].map {
      try fields(cookie: try access.signIn($0, Asker()).secret)
    }
    // The one is taken out; the other gets another name, which is the same secret with the same role.
    try write("cem read read-only-please-now\ndan administer another-token-please\n")
    let begun = ContinuousClock.now
    while tokens.token("administer-me-please") != nil, .now - begun < .seconds(20) {
      tokens.check()
    }
    #expect(status(admit(access, sessions[0], as: .read)) == 401)
    #expect(status(admit(access, sessions[1], as: .read)) == 200)
    // It is not there again when the token is.
    try write("ada administer administer-me-please\nben read read-only-please-now\n")
    while tokens.token("administer-me-please") == nil, .now - begun < .seconds(40) {
      tokens.check()
    }
    #expect(status(admit(access, sessions[0], as: .read)) == 401)
  }

  @Test(arguments: [
    ("127.0.0.1:8080", true), ("127.0.0.1", true), ("localhost:1", true), ("LOCALHOST", true),
    ("[::1]:8080", true), ("127.1.2.3:80", true), ("evil.example:8080", false),
    ("127.0.0.1.evil.example", false), ("localhost.evil.example", false), ("10.0.0.1", false),
    ("127.evil", false), ("[::2]:80", false), ("", false), ("127.0.0.256", false),
  ])
  func withoutTokensOnlyPagesOfThisMachineChangeSomething(_ host: String, _ isOwn: Bool) throws {
    let access = try access(hasTokens: false)
    #expect(status(admit(access, [:], host: host, as: .read)) == 200)
    #expect(
      status(admit(access, [:], host: host, as: .administer, changes: true)) == 403,
      "without CSRF token")
    let csrf = try #require(access.viewer(Asker())?.csrf)
    let headers = try fields(csrf: csrf)
    let found = status(admit(access, headers, host: host, as: .administer, changes: true))
    #expect(found == (isOwn ? 200 : 403))
  }

  @Test func withoutTokensAServerThatOthersReachChangesNothing() throws {
    let access = try access(hasTokens: false, isLoopback: false)
    let headers = try fields(csrf: try #require(access.viewer(Asker())?.csrf))
    #expect(status(admit(access, headers, as: .read)) == 200)
    #expect(status(admit(access, headers, as: .administer, changes: true)) == 403)
    #expect(access.whyNot?.contains("--token-file") == true)
  }
}
